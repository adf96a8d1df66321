"""``medtl similar`` on a finished run: hash codes of dah, a page with pictures, and clear refusals."""
from __future__ import annotations

from pathlib import Path

import pytest

from medtl.predictions import read_predictions
from tests.api.hospitals import config, medtl, own_home, pictures


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one finished run by hash codes."""
    folder = tmp_path_factory.mktemp("similar")
    with own_home(folder) as work:
        pictures(work / "data", {"north": 16, "south": 8})
        config(work, transfer="{mapping: [{method: dah, bits: 16, codes: 2}]}")
        said = medtl("train", "--config", "tiny.yaml")
        assert said.code == 0, said.err
    return folder


def test_studies_are_found_by_their_codes_with_a_page(home: Path) -> None:
    with own_home(home) as work:
        answers = read_predictions(work / "runs" / "tiny" / "predictions.csv")
        study = str(answers.study[answers.role == "target"][0])
        said = medtl("similar", "tiny", study, "--count", "3", "--per-site", "--html", "near.html", "--root", "data")
        assert said.code == 0, said.err
        assert "bits of 16" in said.out
        assert said.out.count("north") >= 3
        page = (work / "near.html").read_text()
        assert page.count("data:image/png;base64,iVBOR") == 7
        assert "scans/" not in page


def test_an_unknown_study_or_count_is_one_line(home: Path) -> None:
    with own_home(home):
        for words, part in ((("nobody",), "no such study"), (("x", "--count", "0"), "at least 1")):
            said = medtl("similar", "tiny", *words)
            assert said.code in (2, 3)
            assert part in said.err
            assert "Traceback" not in said.err


def test_the_report_has_its_map_of_features(home: Path) -> None:
    with own_home(home) as work:
        assert (work / "runs" / "tiny" / "report" / "features.svg").is_file()
        again = medtl("evaluate", "tiny", "--projection", "tsne")
        assert again.code == 2
        assert "expected pca or umap" in again.err
