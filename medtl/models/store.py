"""A network on disk: ``model.safetensors`` and ``model.json``, enough to build it again without any download."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from medtl.atomic import write_bytes
from medtl.errors import IntegrityError, RunStateError
from medtl.models.backbones.base import find
from medtl.models.build import assemble
from medtl.models.model import Model
from medtl.models.weights import file_sha256

WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"


def save(model: Model, folder: Path) -> None:
    """Writes both files atomically, the description last; equal models give equal bytes.

    Args:
        model: on any device.
        folder: created if missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.detach().to("cpu").contiguous() for name, value in sorted(model.state_dict().items())}
    write_bytes(folder / WEIGHTS, save_tensors(tensors, metadata={"format": "pt"}))
    description = {**model.describe(), "sha256": file_sha256(folder / WEIGHTS)}
    write_bytes(folder / DESCRIPTION, (json.dumps(description, indent=2, sort_keys=True) + "\n").encode())


def load(folder: Path) -> Model:
    """Builds a saved network again, in eval mode, on the CPU.

    Raises:
        RunStateError: a file is missing or unreadable.
        IntegrityError: the weights are not those that the description was written with.
    """
    try:
        description: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text())
        payload = (folder / WEIGHTS).read_bytes()
    except (OSError, ValueError) as error:
        raise RunStateError(
            f"{folder.name}: no readable model: expected {WEIGHTS} and {DESCRIPTION} ({type(error).__name__}); "
            "train again or copy the folder whole"
        ) from None
    digest = description.pop("sha256", "")
    found = file_sha256(folder / WEIGHTS)
    if found != digest:
        raise IntegrityError(
            f"{folder.name}/{WEIGHTS}: sha256 is {found}, {DESCRIPTION} says {digest}: one of them was altered"
        )
    description.pop("branch", None)
    model = assemble(find(description["backbone"]).network(), description, seed=0)
    try:
        model.load_state_dict(load_tensors(payload), strict=True)
    except (RuntimeError, SafetensorError) as error:
        raise RunStateError(
            f"{folder.name}/{WEIGHTS}: does not fit {description['backbone']} as this timm builds it (saved with timm "
            f"{description.get('timm')}): {str(error).splitlines()[0]}"
        ) from None
    return model
