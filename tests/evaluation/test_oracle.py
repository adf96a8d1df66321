"""The oracle joins labels to recorded logits, and is left out when rows do not match."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from sklearn.metrics import roc_auc_score

from medtl.evaluation.oracle import oracle_results
from medtl.predictions import Predictions


def record(folder: Path, p: Predictions, logits: np.ndarray, split: str = "test") -> Predictions:
    rows = p.where((p.model == "adapted") & (p.role == "target") & (p.split == "test"))
    lines = ["row,study,patient,site,scanner,role,split,hidden,refused", "1,x,x,south,,unused,unused,1,1"]
    lines += [f"{i + 2},{study},p,{site},,target,{split},1,"
              for i, (study, site) in enumerate(zip(rows.study.tolist(), rows.site.tolist(), strict=True))]
    (folder / "catalogue.csv").write_text("\n".join(lines) + "\n")
    (folder / "stages" / "00-fit").mkdir(parents=True)
    save_file({"rows": np.arange(1, len(rows) + 1), "logits": logits[:, : len(rows)].astype(np.float32)},
              folder / "stages" / "00-fit" / "oracle.safetensors")
    return rows


def test_the_best_epoch_is_found_per_site(tmp_path: Path, predictions_of: Callable[..., Predictions]) -> None:
    p = predictions_of(n=40)
    logits = np.random.default_rng(0).normal(size=(5, 80, 2))
    rows = record(tmp_path, p, logits)
    found = oracle_results(tmp_path, p)
    assert [result.site for result in found] == ["south", "west"]
    for result in found:
        here = rows.site == result.site
        values = [roc_auc_score(rows.labels[here, 0], (z[here, 1] - z[here, 0]).astype(np.float32)) for z in logits]
        assert result.auroc == pytest.approx(max(values), abs=1e-6)
        assert result.epoch == int(np.argmax(values))
        assert result.as_json()["mark"] == "ORACLE"


def test_rows_that_are_not_target_test_are_not_joined(
    tmp_path: Path, predictions_of: Callable[..., Predictions]
) -> None:
    p = predictions_of(n=20)
    record(tmp_path, p, np.zeros((2, 40, 2)), split="adapt")
    assert oracle_results(tmp_path, p) == ()


def test_nothing_recorded_is_nothing(tmp_path: Path, predictions_of: Callable[..., Predictions]) -> None:
    assert oracle_results(tmp_path, predictions_of(n=10)) == ()
