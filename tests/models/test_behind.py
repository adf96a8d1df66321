"""Layers behind the features survive the disk and the export, and share the encoder they came from."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from medtl.config.sections import ModelSection
from medtl.export.formats.onnx import Onnx
from medtl.models import store
from medtl.models.behind import Affine, CodeHead, Hash, KernelProjection, build_layer
from medtl.models.build import assemble, build_model
from medtl.models.extend import extend
from medtl.models.model import Model
from medtl.tasks.classification import Classification

TASK = Classification(label="nodule")


def model(adaptation: int = 6) -> Model:
    section = ModelSection(backbone="mobilenetv3_small_050", weights="none", adaptation=adaptation)
    return build_model(section, task=TASK, seed=0)


def filled(layer: Affine | KernelProjection | Hash | CodeHead) -> Affine | KernelProjection | Hash | CodeHead:
    random = torch.Generator().manual_seed(1)
    for buffer in layer.buffers():
        buffer.copy_(torch.rand(buffer.shape, generator=random) + 0.1)
    return layer


def extended(kind: str, adaptation: int = 6) -> Model:
    base = model(adaptation)
    width = base.feature_width
    if kind == "affine":
        return extend(base, filled(Affine(width, width)))  # type: ignore[arg-type]
    if kind == "projection":
        return extend(base, filled(KernelProjection(width, 9, 4)), seed=3)  # type: ignore[arg-type]
    return extend(base, Hash(width, 8), head=filled(CodeHead(2, 3, 8)))  # type: ignore[arg-type]


def images(count: int = 3) -> Tensor:
    return torch.rand(count, 2, 1, 32, 32, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("kind", ["affine", "projection", "codes"])
@pytest.mark.parametrize("adaptation", [0, 6])
def test_an_extended_network_comes_back_from_the_disk(kind: str, adaptation: int, tmp_path: Path) -> None:
    before = extended(kind, adaptation)
    store.save(before, tmp_path)
    after = store.load(tmp_path)
    assert after.feature_width == before.feature_width
    assert after.describe() == before.describe()
    with torch.no_grad():
        assert torch.equal(before(images()), after(images()))


class Tiny(nn.Module):
    num_features = 4

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).mean(dim=(2, 3))


def test_an_extended_network_exports_with_parity(tmp_path: Path) -> None:
    """Every kind of layer in one network, since exporting takes seconds."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        description: dict[str, Any] = {
            "backbone": "tiny", "mean": [0.5] * 3, "std": [0.5] * 3, "pooling": "mean", "adaptation": 0, "bn": "joint",
            "head": "linear", "outputs": 2,
        }
        network = assemble(Tiny(), description, 0)
        network = extend(network, filled(Affine(4, 4)))  # type: ignore[arg-type]
        network = extend(network, filled(KernelProjection(4, 9, 3)), seed=1)  # type: ignore[arg-type]
        network = extend(network, Hash(3, 8), head=filled(CodeHead(2, 3, 8)))  # type: ignore[arg-type]
    path = Onnx().write(network, (2, 1, 32, 32), tmp_path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"image": images().numpy()})
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(found), network(images()), rtol=1e-3, atol=1e-4)


def test_the_encoder_is_shared_and_its_parts_keep_their_names() -> None:
    base = model()
    after = extend(base, Affine(6, 6))
    assert after.encoder is base.encoder
    assert after.head is base.head
    assert list(after.parts) == list(base.parts)
    assert {n for n, _ in base.named_parameters()} == {n for n, _ in after.named_parameters()}
    assert base.describe()["feature_width"] == 6
    assert "behind" not in base.describe()
    again = extend(extend(base, Affine(6, 4), seed=1), Affine(4, 3), seed=1)
    assert again.full(images()).features.shape == (3, 3)
    with pytest.raises(ValueError, match="takes 6 features"):
        extend(base, Affine(6, 4))


def test_layers_are_their_formulas() -> None:
    x = torch.rand(4, 5, generator=torch.Generator().manual_seed(2))
    affine = filled(Affine(5, 3))
    torch.testing.assert_close(affine(x), torch.stack([affine.matrix @ row + affine.offset for row in x]))
    layer = filled(KernelProjection(5, 7, 2))
    assert isinstance(layer, KernelProjection)
    rows = (x - layer.mean) / layer.scale
    kernel = torch.exp(-layer.gamma * torch.cdist(rows, layer.landmarks).square())
    torch.testing.assert_close(layer(x), kernel @ layer.weights + layer.offset, rtol=1e-4, atol=1e-5)
    head = filled(CodeHead(3, 2, 5))
    assert isinstance(head, CodeHead)
    likeness = torch.einsum("nb,ckb->nck", x, head.codes).exp()
    share = likeness.sum(2) / likeness.sum((1, 2))[:, None]
    torch.testing.assert_close(torch.softmax(head(x), dim=1), share)
    for made in (affine, layer, head, Hash(5, 3)):
        assert build_layer(made.spec).state_dict().keys() == made.state_dict().keys()


def test_layers_stay_in_full_precision_under_autocast() -> None:
    x = torch.rand(4, 5, generator=torch.Generator().manual_seed(2))
    for layer in (filled(Affine(5, 3)), filled(KernelProjection(5, 7, 2)), filled(CodeHead(3, 2, 5))):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            low = layer(x)
        torch.testing.assert_close(low, layer(x), rtol=0, atol=0)
