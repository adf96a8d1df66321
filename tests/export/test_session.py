"""Scores from logits without torch equal the task's own."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from medtl.errors import IntegrityError
from medtl.export.session import ACTIVATION_OF, ACTIVATIONS, Session
from medtl.tasks.classification import Classification


@pytest.mark.parametrize("task", [
    Classification(label="a"), Classification(label="a", classes=("x", "y", "z")), Classification(labels=("a", "b")),
])
def test_activations_equal_the_tasks(task: Classification) -> None:
    logits = np.random.default_rng(0).normal(scale=20, size=(50, task.outputs))
    logits[0] = 900
    expected = task.activate(torch.from_numpy(logits.astype(np.float32))).numpy()
    np.testing.assert_allclose(ACTIVATIONS[ACTIVATION_OF[task.kind]](logits), expected, atol=2e-6)


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no network")
    with pytest.raises(IntegrityError, match="cannot load it"):
        Session(tmp_path / "model.onnx", "softmax")
