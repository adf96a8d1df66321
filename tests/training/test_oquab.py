"""Patches are cut where they should be, inherit their study's label, and the surest decide."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from toy_cohort import cohort, loader, real_model, run, small_model, weights

from medtl.export.formats.onnx import Onnx
from medtl.methods.network.oquab import Oquab
from medtl.models import store
from medtl.models.patched import PatchScores, patches_of
from medtl.models.predict import predict


def test_patches_cover_the_slice_half_overlapping() -> None:
    rows = torch.arange(16.0).reshape(1, 1, 1, 16).expand(1, 1, 16, 16)
    found = patches_of(rows, (1, 2))
    assert len(found) == 10
    assert all(patch.shape == rows.shape for patch in found)
    lefts = [round(float(patch[0, 0, 0, 0])) for patch in found[1:4]]
    assert lefts == [0, 4, 8]
    assert float(found[3].max()) == 15.0
    assert len(patches_of(rows, (3,))) == 25


def test_the_score_is_the_mean_of_probabilities_to_the_power() -> None:
    head = PatchScores(4, 3, 5.0)
    x = torch.randn(2, 7, 4)
    with torch.no_grad():
        wanted = torch.softmax(head.linear(x), dim=2).pow(5).mean(dim=1)
        assert torch.allclose(head(x).exp(), wanted, atol=1e-6)


def test_the_front_stands_still_and_the_new_layers_learn(tmp_path: Path) -> None:
    start = weights(small_model())
    model = run(tmp_path, [Oquab(hidden=6)])
    after = weights(model)
    front = [name for name in after if name.startswith("encoder.")]
    assert front
    assert all(torch.equal(after[name], start[name]) for name in front)
    assert any(name.startswith("adaptation.") for name in after)
    assert list(model.parts)[-2:] == ["adaptation", "head"]
    data = loader(cohort())
    rows = np.arange(4)
    features = predict(model, data.scan(rows), features=True).features
    with torch.no_grad():
        patches = model.full(next(iter(data.scan(rows))).images).features
    assert features is not None
    assert patches.ndim == 3
    np.testing.assert_allclose(features, patches.mean(dim=1), atol=1e-6)


@pytest.mark.slow
def test_disk_and_export_take_whole_scans(tmp_path: Path) -> None:
    model = run(tmp_path / "run", [Oquab(hidden=6)], model=real_model("mobilenetv3_small_050"), side=32)
    x = torch.rand(3, 1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        answer = model(x)
    store.save(model, tmp_path)
    with torch.no_grad():
        assert torch.equal(store.load(tmp_path)(x), answer)
    path = Onnx().write(model, (1, 1, 32, 32), tmp_path)
    exported = onnxruntime.InferenceSession(str(path)).run(["logits"], {"image": x.numpy()})[0]
    assert np.allclose(exported, answer.numpy(), atol=1e-4)
