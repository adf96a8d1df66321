"""Resolved configs: complete, free of this machine, equal to themselves after a round trip, compared in words."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from medtl.config.document import read_document
from medtl.config.dump import config_digest, differences, dump_config, resolved
from medtl.config.load import load_config
from medtl.config.sections import Config

PRINTABLE = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
BASE: dict[str, Any] = {
    "task": {"label": "nodule"}, "data": {"manifest": "table.csv"}, "sites": {"source": ["a"], "target": ["b"]}
}


def test_a_dump_is_read_back_as_the_same_config(tmp_path: Path) -> None:
    config = load_config(BASE, ["transfer.mapping=[{method: dan}]", "sites.target_labels={per_class: 3}"])
    path = tmp_path / "config.yaml"
    path.write_text(dump_config(config))
    assert load_config(path) == config
    assert config_digest(load_config(path)) == config_digest(config)
    assert read_document(path).data == resolved(config)


def test_a_default_written_out_changes_nothing() -> None:
    short = load_config({**BASE, "transfer": {"mapping": [{"method": "dan"}]}})
    long = load_config({**BASE, "transfer": {"mapping": [{"method": "dan", "weight": 1.0}]}, "train": {"epochs": 20}})
    assert config_digest(short) == config_digest(long)
    assert differences(resolved(short), resolved(long)) == ()


def test_nothing_of_this_machine_is_in_it(tmp_path: Path) -> None:
    weights = {"weights": str(tmp_path / "w.safetensors"), "sha256": "0" * 64}
    config = load_config({**BASE, "model": weights}, {"data.root": str(tmp_path / "scans")})
    assert config.data.root == tmp_path / "scans"
    assert str(tmp_path) not in dump_config(config)
    assert "weights: w.safetensors" in dump_config(config)
    elsewhere = load_config({**BASE, "model": weights}, {"data.root": "/another/place"})
    assert config_digest(elsewhere) == config_digest(config)


def test_differences_in_words() -> None:
    before = resolved(load_config(BASE))
    now = resolved(load_config(BASE, ["train.epochs=30", "sites.source=[a, c]", "transfer.mapping=[{method: dan}]"]))
    lines = differences(before, now)
    assert "train.epochs: was 20, now 30" in lines
    assert "sites.source: was ['a'], now ['a', 'c']" in lines
    assert "transfer.mapping.0.method: was not there, now 'dan'" in lines
    assert differences(now, before)[0] == "sites.source: was ['a', 'c'], now ['a']"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(PRINTABLE, min_size=1, max_size=12), min_size=1, max_size=3, unique=True))
def test_any_site_name_survives_the_round_trip(sites: list[str]) -> None:
    config = load_config({**BASE, "sites": {"source": sites}})
    assert isinstance(config, Config)
    assert resolved(config)["sites"]["source"] == sites
    assert round_trip(dump_config(config))["sites"]["source"] == sites


def round_trip(text: str) -> Any:
    from medtl.config.document import parse
    from medtl.config.mistakes import Document

    document = Document(name="round trip")
    value = parse(text, document)
    assert document.mistakes == []
    return value
