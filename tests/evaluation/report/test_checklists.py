"""The checklists have the guidelines' items; what a run cannot know stands open."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from medtl.evaluation.report import write_report
from medtl.evaluation.report.checklists import checklists
from medtl.evaluation.report.checklists.fill import answering
from medtl.evaluation.report.content import Content
from medtl.evaluation.report.facts import read_run
from medtl.evaluation.sites import evaluate_sites


def content(folder: Path) -> Content:
    facts = read_run(folder)
    return Content(facts, evaluate_sites(facts.predictions, bootstrap=20), facts.notes)


def test_items_are_numbered_as_the_guidelines_number_them(
    tmp_path: Path, predictions_of: Callable[..., object], run_of: Callable[..., Path]
) -> None:
    claim, tripod = checklists(content(run_of(tmp_path / "demo", predictions_of(n=20))))
    assert [item.number for item in claim.items] == [str(k) for k in range(1, 45)]
    parts = {"3": "abc", "5": "ab", "6": "abc", "8": "abc", "9": "abc", "12": "abcdefg", "18": "abcdef", "20": "abc",
             "23": "ab", "27": "abc"}
    wanted = [f"{k}{part}" for k in range(1, 28) for part in parts.get(str(k), ("",))]
    assert [item.number for item in tripod.items] == wanted
    assert len(wanted) == 52
    for checklist in (claim, tripod):
        assert {item.state for item in checklist.items} == {"filled", "in part", "open"}
        assert all(bool(item.answer) == (item.state != "open") for item in checklist.items)
        assert sum(checklist.count(state) for state in ("filled", "in part", "open")) == len(checklist.items)


def test_what_nobody_told_the_run_stays_open(
    tmp_path: Path, predictions_of: Callable[..., object], run_of: Callable[..., Path]
) -> None:
    claim, tripod = checklists(content(run_of(tmp_path / "demo", predictions_of(n=20))))
    of = {f"C{item.number}": item for item in claim.items} | {f"T{item.number}": item for item in tripod.items}
    for number in ("C16", "C21", "C34", "C44", "T5b", "T10", "T14", "T17", "T18a", "T19"):
        assert of[number].state == "open", number
    for number in ("C7", "C14", "C39", "T5a"):  # no data card and no pictures here
        assert of[number].state == "open", number
    for number in ("C19", "C26", "C33", "C37", "T12d", "T20a"):
        assert of[number].state != "open", number
    assert "source_validation" in of["C26"].answer


def test_a_bare_run_answers_less_and_never_fails(
    tmp_path: Path, predictions_of: Callable[..., object], run_of: Callable[..., Path]
) -> None:
    folder = run_of(tmp_path / "demo", predictions_of(n=20, models=("adapted",)))
    full = checklists(content(folder))
    for name in ("provenance.json", "split.json", "refused.csv", "catalogue.csv", "log.jsonl"):
        (folder / name).unlink()
    (folder / "config.yaml").write_text("task: {label: nodule}\n")
    bare = checklists(content(folder))
    assert all(b.count("open") > f.count("open") for b, f in zip(bare, full, strict=True))
    assert "CLAIM 2024" in write_report(folder).page.read_text()


def test_an_answer_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        answering("weather")
    with pytest.raises(KeyError):
        answering("plan_of")
