"""The page is one file, shows every figure of metrics.json, and lets nothing of a user's through unescaped."""
from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from medtl.errors import DataError, RunStateError
from medtl.evaluation.report import write_report
from medtl.predictions import Predictions, read_predictions

PredictionsOf = Callable[..., Predictions]
RunOf = Callable[..., Path]
HOSTILE = "<script>alert(1)</script>"
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c626001000000050001a5f645400000000049454e44ae426082"
)


class Tags(HTMLParser):
    """Collects tags, attributes and balance."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_every_figure_of_the_data_is_on_the_page(
    tmp_path: Path, kind: str, predictions_of: PredictionsOf, run_of: RunOf
) -> None:
    written = write_report(run_of(tmp_path / "demo", predictions_of(kind, n=40, one_class="west")))
    page, told = written.page.read_text(), json.loads(written.metrics.read_text())
    for result in told["results"]:
        for metric in result["metrics"].values():
            if metric["value"] is None:
                assert metric["reason"] in page
            else:
                assert f"{metric['value']:.3f}" in page
            if metric["interval"]:
                assert f"{metric['interval'][0]:.3f} to {metric['interval'][1]:.3f}" in page
    for said in ("source_validation", "SIMULATED", "worst target", "00-fit", "corrupt_pixels", "patients unknown",
                 told["predictions"]["sha256"], "simulated data"):
        assert said in page
    for gap in told["gaps"]:
        assert gap["value"] is None or f"{gap['value']:.3f}" in page


def test_the_page_stands_alone(tmp_path: Path, predictions_of: PredictionsOf, run_of: RunOf) -> None:
    folder = run_of(tmp_path / "demo", predictions_of(n=30))
    (folder / "thumbnails").mkdir()
    (folder / "thumbnails" / "row-7.png").write_bytes(PIXEL)
    page = write_report(folder).page.read_text()
    assert not re.search(r"(https?:)?//[a-z]", page)
    tags = Tags()
    tags.feed(page)
    assert not {"script", "link", "iframe", "object", "base", "form"} & set(tags.tags)
    sources = [value for name, value in tags.attributes if name in ("src", "href")]
    inside = {value for name, value in tags.attributes if name == "id"}
    pictures = [str(source) for source in sources if not str(source).startswith("#")]
    assert {str(source)[1:] for source in sources if str(source).startswith("#")} <= inside
    assert len(pictures) == 1
    assert pictures[0].startswith("data:image/png;base64,")
    assert str(tmp_path) not in page
    assert sorted(p.name for p in (folder / "report").iterdir()) == [
        "index.html", "metrics.json", "report.md", "results.csv"]


def test_whatever_a_user_wrote_is_escaped(tmp_path: Path, predictions_of: PredictionsOf, run_of: RunOf) -> None:
    p = predictions_of(n=30)
    p.site[p.site == "west"] = "<b>we"
    folder = run_of(tmp_path / "run<i>", p, hostile=HOSTILE)
    page = write_report(folder, notes=["note " + HOSTILE]).page.read_text()
    assert HOSTILE not in page
    assert "<b>we" not in page
    assert "<i>" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 4
    assert "&lt;b&gt;we" in page


def test_another_table_of_predictions_goes_elsewhere(
    tmp_path: Path, predictions_of: PredictionsOf, run_of: RunOf
) -> None:
    folder = run_of(tmp_path / "demo", predictions_of(n=30))
    other = run_of(tmp_path / "other", predictions_of(n=30, seed=5))
    written = write_report(folder, predictions=other / "predictions.csv", out=tmp_path / "there")
    assert written.page == tmp_path / "there" / "index.html"
    assert not (folder / "report").exists()
    expected = write_report(other).report
    assert written.report == expected


def test_the_same_file_gives_the_same_page(tmp_path: Path, predictions_of: PredictionsOf, run_of: RunOf) -> None:
    folder = run_of(tmp_path / "demo", predictions_of(n=30))
    first = write_report(folder).page.read_bytes()
    assert write_report(folder).page.read_bytes() == first
    assert len(read_predictions(folder / "predictions.csv")) == 30 * 10 * 2


def test_a_bare_run_still_has_a_report(tmp_path: Path, predictions_of: PredictionsOf, run_of: RunOf) -> None:
    folder = run_of(tmp_path / "demo", predictions_of(n=30, models=("adapted",)))
    for name in ("provenance.json", "split.json", "refused.csv", "catalogue.csv", "log.jsonl"):
        (folder / name).unlink()
    page = write_report(folder).page.read_text()
    for said in ("holds no log.jsonl", "holds no split.json", "No scan was refused", "one model only"):
        assert said in page


def test_a_run_without_predictions_or_with_a_broken_log_is_told(
    tmp_path: Path, predictions_of: PredictionsOf, run_of: RunOf
) -> None:
    folder = run_of(tmp_path / "demo", predictions_of(n=10))
    (folder / "log.jsonl").write_text('{"stage": \n{"stage": "a", "epoch": 0}\n')
    with pytest.raises(RunStateError, match="line 1 is not JSON"):
        write_report(folder)
    (folder / "predictions.csv").unlink()
    with pytest.raises(DataError, match="not found"):
        write_report(folder)
    with pytest.raises(RunStateError, match="not a run"):
        write_report(tmp_path)
