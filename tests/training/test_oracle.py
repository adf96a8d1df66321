"""The oracle's file: logits of the target's test scans per epoch, and no label."""
from __future__ import annotations

from pathlib import Path

import numpy as np
from toy_cohort import cohort, run

from medtl.training.files import read_tensors
from medtl.training.oracle import FILE, read_epochs, record_epoch


def test_a_run_records_every_epoch_of_the_targets_test_scans_and_nothing_else(tmp_path: Path) -> None:
    run(tmp_path, [])
    rows, logits = read_epochs(tmp_path / "stages" / "00-fit")
    assert sorted(rows) == cohort().rows("target", "test").tolist()
    assert logits.shape == (2, len(rows), 2)
    assert not np.array_equal(logits[0], logits[1])
    assert set(read_tensors(tmp_path / "stages" / "00-fit" / FILE)) == {"rows", "logits"}


def test_an_epoch_that_is_done_again_replaces_itself_and_what_followed(tmp_path: Path) -> None:
    rows = np.arange(3)
    for epoch in range(3):
        record_epoch(tmp_path, epoch, rows, np.full((3, 2), epoch, np.float32))
    record_epoch(tmp_path, 1, rows, np.full((3, 2), 9, np.float32))
    _, logits = read_epochs(tmp_path)
    assert logits[:, 0, 0].tolist() == [0, 9]


def test_without_a_target_there_is_no_file(tmp_path: Path) -> None:
    record_epoch(tmp_path, 0, np.zeros(0, np.int64), np.zeros((0, 2), np.float32))
    assert not (tmp_path / FILE).exists()
    assert read_epochs(tmp_path)[1].size == 0
