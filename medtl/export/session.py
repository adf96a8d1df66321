"""A network in ONNX, run by ONNX Runtime on the processor, and scores from its logits; no torch."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from medtl.errors import IntegrityError

INPUT, OUTPUT = "image", "logits"


class Session:
    """One loaded network.

    Args:
        path: of the ONNX file.
        activation: ``softmax`` over classes, ``sigmoid`` per label, or ``identity``.

    Raises:
        IntegrityError: the file is no network of this form.
    """

    def __init__(self, path: Path, activation: str) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime has no common base of its errors
            raise IntegrityError(f"{path.name}: ONNX Runtime cannot load it ({type(error).__name__})") from None
        names = [i.name for i in self._session.get_inputs()], [o.name for o in self._session.get_outputs()]
        if names[0] != [INPUT] or OUTPUT not in names[1] or activation not in ACTIVATIONS:
            raise IntegrityError(
                f"{path.name}: inputs {names[0]}, outputs {names[1]}, activation {activation!r}: expected input "
                f"{INPUT!r}, output {OUTPUT!r} and one of {', '.join(ACTIVATIONS)}"
            )
        self.activate = ACTIVATIONS[activation]

    def logits(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
        """Logits of a batch.

        Args:
            images: float32 in [0, 1], (n, slices, channels, height, width).

        Returns:
            (n, K).
        """
        answered = self._session.run([OUTPUT], {INPUT: np.ascontiguousarray(images, dtype=np.float32)})
        return np.asarray(answered[0], dtype=np.float64)

    def scores(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
        """Scores of a batch: (n, slices, channels, height, width) to (n, K)."""
        return self.activate(self.logits(images))


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares of the classes, rows summing to 1: (n, K) to (n, K)."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """A probability per label, without overflow: (n, K) to (n, K)."""
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1 / (1 + small), small / (1 + small))


def identity(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """The value itself."""
    return logits


ACTIVATIONS = {"softmax": softmax, "sigmoid": sigmoid, "identity": identity}
ACTIVATION_OF = {"binary": "softmax", "multiclass": "softmax", "multilabel": "sigmoid", "regression": "identity"}
"""By the kind of a task."""
