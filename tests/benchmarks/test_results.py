"""Results of one benchmark replace its own section alone; ratios say whether they are what was wanted."""
from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.__main__ import FOLDER, found, main
from benchmarks.frame.figures import Ratio, Table, render
from benchmarks.frame.results import replace_sections, sections_of


def test_sections_are_replaced_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.md"
    replace_sections(path, {"b": "two\n\n| x |", "gone": "old"}, ["a", "b", "gone"])
    replace_sections(path, {"a": "one"}, ["a", "b"])
    assert sections_of(path.read_text()) == {"a": "one", "b": "two\n\n| x |"}
    replace_sections(path, {"b": "three"}, ["a", "b"])
    assert sections_of(path.read_text()) == {"a": "one", "b": "three"}
    assert list(sections_of(path.read_text())) == ["a", "b"]
    assert [each.name for each in tmp_path.iterdir()] == ["RESULTS.md"]


@pytest.mark.parametrize(("ratio", "verdict"), [
    (Ratio("r", 7.0, "", "", at_least=7), "met"), (Ratio("r", 6.9, "", "", at_least=7), "missed"),
    (Ratio("r", 3.0, "", "", at_most=3), "met"), (Ratio("r", 3.1, "", "", at_most=3), "missed"),
    (Ratio("r", 0.0, "", "", at_most=0), "met"), (Ratio("r", 1.0, "", ""), ""),
])
def test_a_ratio_is_held_against_its_goal(ratio: Ratio, verdict: str) -> None:
    assert ratio.verdict == verdict


def test_ratios_come_first_and_tables_are_whole() -> None:
    text = render([Table("Beside", ("a", "b"), (("1", "x"), ("22", "y"))), Ratio("mine / theirs", 2.5, "5", "2", 2)])
    ratios, title, table = text.split("\n\n")
    assert "| mine / theirs |  2.50 | at least 2 | met |" in ratios
    assert title == "Beside"
    for block in (ratios, table):
        assert len({line.count("|") for line in block.splitlines()}) == 1
        assert len({len(line) for line in block.splitlines()}) == 1


def test_every_module_of_the_folder_is_a_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    for name in found():
        source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
        assert source.startswith('"""')
        assert "\ndef run(quick: bool = False) -> list[Row]:\n" in source
    with pytest.raises(SystemExit):
        main(["no_such_one"])
    assert "no such benchmark: no_such_one; there are" in capsys.readouterr().err
