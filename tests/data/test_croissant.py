"""A card becomes Croissant that the reference validator accepts and that shows no row."""
from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from medtl.data.card_schema import Card, LabelCard, SiteCard
from medtl.data.croissant import to_croissant
from medtl.errors import DataError

CARD = Card(
    name="two_hospitals", title="Chest CT of two hospitals", licence="CC BY 4.0", modality="CT",
    labels={"nodule": LabelCard(("0", "1"), "a nodule was reported")},
    sites={"north": SiteCard(studies=3, patients=2), "south": SiteCard()}, do_not_use_for=("diagnosis",),
    known_shifts=("kernels differ",), what="Scans of one week.", citation="Doe 2020", obtain="https://example.org/data",
)


def table(folder: Path) -> Path:
    file = folder / "catalogue.csv"
    file.write_text("row,study,site,nodule\n1,0123456789ab,north,1\n2,ba9876543210,south,\n")
    return file


def test_the_document_states_the_card_and_the_tables_columns_and_digest(tmp_path: Path) -> None:
    file = table(tmp_path)
    found = to_croissant(CARD, file, published="2024-05-01")
    assert found["name"] == "two_hospitals"
    assert found["license"] == "CC BY 4.0"
    assert found["rai:dataBiases"] == ["kernels differ"]
    assert found["rai:dataLimitations"] == ["diagnosis"]
    assert "north (3 studies, 2 patients)" in found["description"]
    assert found["distribution"][0]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    fields = {field["name"]: field for field in found["recordSet"][0]["field"]}
    assert list(fields) == ["row", "study", "site", "nodule"]
    assert fields["row"]["dataType"] == "sc:Integer"
    assert "a nodule was reported" in fields["nodule"]["description"]
    text = json.dumps(found)
    assert "0123456789ab" not in text
    assert str(tmp_path) not in text


def test_every_term_of_the_document_is_in_its_context_or_a_namespace(tmp_path: Path) -> None:
    found = to_croissant(CARD, table(tmp_path), published="2024-05-01")

    def keys(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value) | {key for each in value.values() for key in keys(each)}
        return {key for each in value for key in keys(each)} if isinstance(value, list) else set()

    document = {key: value for key, value in found.items() if key != "@context"}
    schema_org = {"name", "description", "license", "url", "datePublished", "version", "keywords", "distribution",
                  "contentUrl", "encodingFormat", "sha256"}
    for key in keys(document):
        assert key.startswith(("@", "rai:")) or key in found["@context"] or key in schema_org, key


def test_a_table_without_header_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    for name in ("empty.csv", "missing.csv"):
        with pytest.raises(DataError, match=name):
            to_croissant(CARD, tmp_path / name, published="2024-05-01")


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
def test_the_reference_validator_accepts_it(tmp_path: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="the reference validator is not installed")
    document = to_croissant(CARD, table(tmp_path), published="2024-05-01")
    (tmp_path / "croissant.json").write_text(json.dumps(document))
    found = mlcroissant.Dataset(jsonld=str(tmp_path / "croissant.json"))
    assert not found.metadata.ctx.issues.errors
    assert [record["studies/site"] for record in found.records("studies")] == [b"north", b"south"]
