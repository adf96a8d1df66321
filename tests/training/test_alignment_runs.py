"""The aligning methods in real runs: weight 0 is plain training, and being cut off changes no bit."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_cohort import QUICK, cohort, loader, plan, real_model, run, setting, small_model, weights

from medtl import registry
from medtl.models import store
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
    """Pulls the plug after so many steps."""

    def __init__(self, after: int) -> None:
        self.left = after

    def advance(self, steps: int = 1) -> None:
        self.left -= steps
        if self.left <= 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("name", "after"),
    [("wdgrl", 1), ("domain_confusion", 1), ("tca", 1), ("tca", 3), ("feature_coral", 1), ("dah", 1), ("mscsc", 2)],
)
def test_a_run_that_was_cut_off_goes_on_to_the_same_bits(name: str, after: int, tmp_path: Path) -> None:
    whole = weights(run(tmp_path / "whole", plan(name)))
    model, data = small_model(), loader(cohort())
    folder = tmp_path / "cut"
    folder.mkdir()
    cut = Cut(after * data.steps + 1)  # in the first step of the next epoch
    with pytest.raises(KeyboardInterrupt):
        run_plan(plan(name), setting(model, data), data, QUICK, folder / "stages", folder / "log.jsonl", cut)
    again = weights(run(folder, plan(name)))
    assert whole.keys() == again.keys()
    assert all(torch.equal(whole[key], again[key]) for key in whole)


@pytest.mark.parametrize("name", ["tca", "feature_coral", "dah", "mscsc"])
def test_networks_of_another_shape_are_one_module_from_images_to_logits_on_disk_too(name: str, tmp_path: Path) -> None:
    model, of = real_model("mobilenetv3_small_050"), cohort(per_site=8)
    trained = run(tmp_path / "run", plan(name), model=model, train=LAST, of=of, side=32)
    store.save(trained, tmp_path / "kept")
    kept = store.load(tmp_path / "kept")
    images = next(loader(of, side=32).scan([0, 1, 2])).images
    with torch.no_grad():
        assert torch.equal(kept(images), trained(images))
        assert kept(images).std() > 0


def test_source_mapped_coral_keeps_the_network_and_exchanges_its_head(tmp_path: Path) -> None:
    method = registry.load("methods", "feature_coral")(epochs=1)
    ours = weights(run(tmp_path / "ours", [method], train=LAST))
    plain = weights(run(tmp_path / "plain", [], train=LAST))
    assert ours.keys() == plain.keys()
    changed = {key.split(".")[0] for key in ours if not torch.equal(ours[key], plain[key])}
    assert "head" in changed


OURS = (*SILENT, "tca", "feature_coral", "dah", "mscsc")


@pytest.mark.parametrize("name", OURS)
def test_bf16_and_domain_specific_normalisation_train_to_finite_numbers(name: str, tmp_path: Path) -> None:
    low = replace(LAST, precision="bf16")
    after = weights(run(tmp_path, plan(name), model=small_model(bn="dsbn"), train=low, of=cohort(visible=6)))
    assert all(torch.isfinite(tensor.float()).all() for tensor in after.values())


@pytest.mark.parametrize("name", ["dan", "rtn", "luo_transfer", "wdgrl"])
def test_layers_within_a_network_for_volumes_are_aligned(name: str, tmp_path: Path) -> None:
    method = registry.load("methods", name)(layers=("layer1", "features"))
    model = real_model("inflated_test_resnet")
    start = weights(model)
    after = weights(run(tmp_path, [method], model=model, train=LAST, of=cohort(per_site=8), side=32))
    assert all(torch.isfinite(tensor.float()).all() for tensor in after.values())
    assert not torch.equal(start["encoder.net.layer1.0.conv1.weight"], after["encoder.net.layer1.0.conv1.weight"])
