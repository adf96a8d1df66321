"""``reference/``: a few inputs and the logits that the run's own network gave for them: a reader checks itself by them.

Of simulated runs the inputs are studies of the run. Of real ones they are drawn patterns: no patient's pixels leave the
hospital in a package.
"""
from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from medtl.atomic import write_bytes
from medtl.errors import IntegrityError
from medtl.export.session import Session

FILE = "reference/reference.safetensors"
COUNT = 4
TOLERANCE = 1e-4
"""On scores: another processor adds in another order."""


def patterns(shape: tuple[int, int, int, int], count: int = COUNT) -> NDArray[np.float32]:
    """Smooth drawn images in [0, 1] that look at no scan: gradients, rings and noise by a fixed seed.

    Args:
        shape: (slices, channels, height, width).
        count: how many.

    Returns:
        float32, (count, slices, channels, height, width).
    """
    rng = np.random.default_rng(0)
    slices, channels, height, width = shape
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    images = np.empty((count, *shape), dtype=np.float32)
    for study in range(count):
        for k in range(slices):
            angle, frequency, centre = rng.uniform(0, np.pi), rng.uniform(2, 12), rng.uniform(-0.5, 0.5, size=2)
            rings = 0.25 * np.cos(frequency * np.hypot(y - centre[0], x - centre[1]))
            ramp = 0.2 * (np.cos(angle) * x + np.sin(angle) * y)
            noise = rng.normal(0, 0.05, size=(channels, height, width))
            images[study, k] = np.clip(0.5 + rings + ramp + noise, 0, 1)
    return images


def write_reference(folder: Path, images: NDArray[np.float32], logits: NDArray[np.float32]) -> None:
    """Writes the inputs and the network's answers.

    Args:
        folder: of the package.
        images: float32 in [0, 1], (n, slices, channels, height, width).
        logits: float32, (n, K), of the run's own network.
    """
    tensors = {"image": np.ascontiguousarray(images, np.float32), "logits": np.ascontiguousarray(logits, np.float32)}
    write_bytes(folder / FILE, save(tensors))


def check_reference(folder: Path, session: Session) -> float:
    """Whether the network answers here as it did where it was trained.

    Args:
        folder: of a package whose digests hold.
        session: its network.

    Returns:
        The largest difference between scores.

    Raises:
        IntegrityError: it is above the tolerance, or the file cannot be read.
    """
    try:
        found = load_file(folder / FILE)
        images, expected = found["image"], np.asarray(found["logits"], dtype=np.float64)
    except (OSError, KeyError, SafetensorError) as error:
        raise IntegrityError(f"{folder.name}/{FILE}: cannot be read ({type(error).__name__})") from None
    scores = np.concatenate([session.scores(image[None]) for image in images])
    worst = float(np.abs(scores - session.activate(expected)).max())
    if not worst <= TOLERANCE:
        raise IntegrityError(
            f"{folder.name}: on this machine the network's scores differ by {worst:.2g} from those where it was "
            f"trained (at most {TOLERANCE:g} is expected); update onnxruntime, or predict on another machine"
        )
    return worst
