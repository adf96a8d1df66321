"""What rules would have picked: read from a run's own files, recomputed here by hand."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sklearn.metrics import roc_auc_score

from medtl.errors import DataError
from medtl.evaluation.oracle import oracle_results
from medtl.evaluation.selection_table import over_runs, picks_of
from medtl.predictions import Predictions, read_predictions, write_predictions

N, EPOCHS = 30, 4


def planted(folder: Path, values: dict[str, list[float]], skill: list[float], stage: str = "fit") -> np.ndarray:
    """A run whose epochs have this skill at the target, and whose rules have these values; AUROC per epoch."""
    rng = np.random.default_rng(7)
    label = np.arange(N) % 2
    logits = np.stack([s * (2.0 * label - 1) + rng.normal(size=N) for s in skill])
    place = folder / "stages" / f"00-{stage}"
    place.mkdir(parents=True)
    both = np.stack([-logits / 2, logits / 2], axis=2).astype(np.float32)
    save_file({"rows": torch.arange(N), "logits": torch.from_numpy(both)}, place / "oracle.safetensors")
    head = "row,study,patient,site,scanner,role,split,hidden,refused"
    lines = [f"{i},s{i},p{i},south,,target,test,1," for i in range(N)]
    (folder / "catalogue.csv").write_text("\n".join([head, *lines]) + "\n")
    ones = np.full(N, 0.5)
    write_predictions(folder / "predictions.csv", Predictions(
        study=np.array([f"s{i}" for i in range(N)]), patient=np.array([f"p{i}" for i in range(N)]),
        site=np.array(["south"] * N), scanner=np.array([""] * N), role=np.array(["target"] * N),
        split=np.array(["test"] * N), model=np.array(["adapted"] * N), kind="binary", classes=("0", "1"),
        labels=label[:, None], scores=np.stack([ones, ones], axis=1)))
    log = [{"stage": "fit", "epoch": e, "selection": {"rule": "entropy", "values": {
        **{name: column[e] for name, column in values.items()}, "effective_sample_size": 10.0 + e}}}
        for e in range(EPOCHS)]
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log) + '{"stage": "fi')
    return np.array([roc_auc_score(label, row) for row in logits])


VALUES = {"source_validation": [0.4, 0.3, 0.3, 0.5], "entropy": [0.3, 0.2, 0.1, 0.05], "dev": [1.0, 2.0, 0.5, 3.0]}


def picks(folder: Path) -> dict[str, object]:
    return {p.rule: p for p in picks_of(folder, oracle_results(folder, read_predictions(folder / "predictions.csv")))}


def test_each_rule_picks_its_lowest_value_the_earliest_of_equals(tmp_path: Path) -> None:
    auroc = planted(tmp_path, VALUES, [0.2, 1.0, 0.5, 0.1])
    found = picks(tmp_path)
    for rule, epoch in {"source_validation": 1, "entropy": 3, "dev": 2, "last": 3}.items():
        pick = found[rule]
        assert pick.epoch == epoch  # type: ignore[attr-defined]
        assert pick.auroc == pytest.approx(auroc[epoch], abs=1e-6)  # type: ignore[attr-defined]
        assert pick.below == pytest.approx(auroc.max() - auroc[epoch], abs=1e-6)  # type: ignore[attr-defined]
        assert pick.chosen == (rule == "entropy")  # type: ignore[attr-defined]
        assert pick.studies == (12.0 if rule == "dev" else None)  # type: ignore[attr-defined]
    assert set(found) == {*VALUES, "last"}


def test_values_of_another_stage_than_the_oracle_s_are_not_mixed_with_it(tmp_path: Path) -> None:
    planted(tmp_path, VALUES, [0.2, 1.0, 0.5, 0.1], stage="adversary")
    assert picks(tmp_path) == {}


def test_over_many_runs(tmp_path: Path) -> None:
    one = planted(tmp_path / "a", VALUES, [0.2, 1.0, 0.5, 0.1])
    two = planted(tmp_path / "b", VALUES, [0.1, 0.2, 0.4, 2.0])
    records = {record.rule: record for record in over_runs([tmp_path / "a", tmp_path / "b"])}
    below = {"source_validation": [one.max() - one[1], two.max() - two[1]],
             "entropy": [one.max() - one[3], two.max() - two[3]]}
    for rule, of_rule in below.items():
        assert records[rule].cases == 2
        assert records[rule].below == pytest.approx(np.mean(of_rule), abs=1e-6)
        assert records[rule].worst == pytest.approx(max(of_rule), abs=1e-6)
        assert records[rule].near == sum(value <= 0.02 for value in of_rule) == 1
    assert records["entropy"].gain == pytest.approx((one[3] + two[3] - one[1] - two[1]) / 2, abs=1e-6)
    order = [record.below for record in over_runs([tmp_path / "a", tmp_path / "b"])]
    assert order == sorted(order)
    with pytest.raises(DataError, match="none of these runs"):
        over_runs([])
