"""The log of epochs, also after a cut."""
from __future__ import annotations

from pathlib import Path

import pytest

from medtl.training.log import EpochLog


def lines(path: Path) -> list[tuple[str, int]]:
    return [(record["stage"], record["epoch"]) for record in EpochLog(path).records()]


def test_rewinding_drops_what_will_be_done_again_and_keeps_other_stages(tmp_path: Path) -> None:
    log = EpochLog(tmp_path / "log.jsonl")
    for stage in ("source", "adapt"):
        for epoch in range(3):
            log.append({"stage": stage, "epoch": epoch})
    log.rewind("adapt", 1)
    assert lines(log.path) == [("source", 0), ("source", 1), ("source", 2), ("adapt", 0)]


def test_a_line_that_was_cut_off_goes_and_the_next_one_stands_alone(tmp_path: Path) -> None:
    log = EpochLog(tmp_path / "log.jsonl")
    log.append({"stage": "fit", "epoch": 0})
    with log.path.open("a") as file:
        file.write('{"stage": "fit", "ep')
    assert lines(log.path) == [("fit", 0)]
    log.rewind("fit", 1)
    log.append({"stage": "fit", "epoch": 1})
    assert lines(log.path) == [("fit", 0), ("fit", 1)]


def test_numbers_that_json_cannot_say_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        EpochLog(tmp_path / "log.jsonl").append({"value": float("nan")})


def test_no_file_is_no_record(tmp_path: Path) -> None:
    log = EpochLog(tmp_path / "log.jsonl")
    log.rewind("fit", 0)
    assert log.records() == []
