"""The aligning methods in real runs: weight 0 is plain training, and being cut off changes no bit."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_cohort import QUICK, cohort, loader, plan, run, setting, small_model, weights

from medtl import registry
from medtl.progress import Quiet
from medtl.training.engine import run_plan

LAST = replace(QUICK, selection="last", epochs=1)
SILENT: dict[str, dict[str, Any]] = {
    "ddc": {}, "coral": {}, "jan": {}, "sliced_wasserstein": {}, "deep_jdot": {}, "rtn": {}, "wdgrl": {}, "cdan": {},
    "domain_confusion": {"soft_labels": 0.0}, "luo_transfer": {"layers": ("blocks.1", "features")},
}
"""Every method of the families mapping and adversarial with a weight, and what else to turn off."""


@pytest.mark.parametrize("name", list(SILENT))
def test_weight_zero_is_plain_training_bit_for_bit(name: str, tmp_path: Path) -> None:
    method = registry.load("methods", name)(weight=0.0, **SILENT[name])
    ours = weights(run(tmp_path / "zero", [method], model=small_model(bn="adabn"), train=LAST))
    plain = weights(run(tmp_path / "plain", [], model=small_model(bn="adabn"), train=LAST))
    assert ours.keys() == plain.keys()
    assert all(torch.equal(ours[key], plain[key]) for key in ours)


class Cut(Quiet):
    """Pulls the plug after so many epochs."""

    def __init__(self, after: int) -> None:
        self.left = after

    def advance(self, steps: int = 1) -> None:
        self.left -= steps
        if self.left <= 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["wdgrl", "domain_confusion"])
@pytest.mark.parametrize("after", [1])
def test_a_run_that_was_cut_off_goes_on_to_the_same_bits(name: str, after: int, tmp_path: Path) -> None:
    whole = weights(run(tmp_path / "whole", plan(name)))
    model, data = small_model(), loader(cohort())
    folder = tmp_path / "cut"
    folder.mkdir()
    with pytest.raises(KeyboardInterrupt):
        run_plan(plan(name), setting(model, data), data, QUICK, folder / "stages", folder / "log.jsonl", Cut(after))
    again = weights(run(folder, plan(name)))
    assert whole.keys() == again.keys()
    assert all(torch.equal(whole[key], again[key]) for key in whole)
