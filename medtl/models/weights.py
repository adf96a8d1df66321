"""Where pretrained weights come from, and what of a checkpoint fits a network, by name and shape."""
from __future__ import annotations

import hashlib
import sys
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.client import HTTPException
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from medtl.atomic import atomic
from medtl.errors import WeightsError
from medtl.models.backbones.base import Backbone
from medtl.places import cache_folder

Say = Callable[[str], None]
_CONNECT_SECONDS = 10


@dataclass(frozen=True)
class LoadReport:
    """What a checkpoint gave a network.

    Attributes:
        source: where the weights came from, without a path: ``none``, a package, a URL or a file's name.
        sha256: of the file; empty for ``none``.
        loaded: names of tensors taken.
        fresh: names of tensors of the network that kept their random start.
        mismatched: ``name: found shape, expected shape`` of tensors that do not fit.
        unused: names in the file that the network does not have; the original classifier is always one.
        resized: ``name: shape to shape`` of tensors taken in another shape.
        shapes: of the tensors in all these lists that are in the network or the file, by name.
    """

    source: str
    sha256: str = ""
    loaded: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    mismatched: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    resized: tuple[str, ...] = ()
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def lines(self) -> tuple[str, ...]:
        """For people: one line, and one more per kind of tensor that was not simply loaded."""
        if self.source == "none":
            return ("backbone weights: none, random start",)
        said = [f"backbone weights: {self.source} (sha256 {self.sha256[:12]}…), {len(self.loaded)} tensors loaded"]
        fresh, unused = (tuple(f"{name} {self.shapes.get(name, '')}".rstrip() for name in names)
                         for names in (self.fresh, self.unused))
        kinds = {"resized": self.resized, "left fresh": fresh, "of another shape": self.mismatched, "not used": unused}
        for word, names in kinds.items():
            more = f" and {len(names) - 8} more" if len(names) > 8 else ""
            if names:
                said.append(f"  {word}: {', '.join(names[:8])}{more}")
        return tuple(said)


def to_stderr(line: str) -> None:
    """Prints a line where it does not mix with results."""
    print(line, file=sys.stderr)


def load_weights(net: nn.Module, backbone: Backbone, weights: str, sha256: str | None, say: Say) -> LoadReport:
    """Fills a backbone's network with weights, in place.

    Args:
        net: from ``backbone.network()``.
        backbone: says where ``imagenet`` weights are.
        weights: ``imagenet``, ``none``, or the path of a safetensors or torch checkpoint.
        sha256: expected digest of the file, or None.
        say: receives source, target path and sha256 before anything is downloaded, and what was only partly loaded.

    Raises:
        WeightsError: the file cannot be had, is not what its digest promises, or fits the network nowhere.
    """
    if weights == "none":
        return LoadReport("none")
    if weights != "imagenet":
        path = Path(weights).expanduser()
        if not path.is_file():
            raise WeightsError(
                f"model.weights: {weights!r} is no file; expected `imagenet`, `none` or a .safetensors/.pth checkpoint"
            )
        source, expected = f"file {path.name}", sha256
    elif backbone.packaged is not None:
        path = backbone.packaged.path()
        source, expected = f"package {backbone.packaged.distribution}", sha256 or backbone.packaged.sha256
    else:
        path, source = _from_hub(backbone.timm_name, sha256, say)
        expected = sha256
    digest = file_sha256(path)
    if expected is not None and digest != expected.lower():
        raise WeightsError(
            f"weights {source}: sha256 is {digest}, expected {expected.lower()}: the file is damaged or another one; "
            "fetch it again or correct `model.sha256`"
        )
    state = read_checkpoint(path, source)
    if weights == "imagenet":
        state = backbone.rename(state, net)
    state, resized = backbone.resized(state, net)
    report = replace(fit_state(net, state, source, digest), resized=resized)
    if report.fresh or report.mismatched or resized or weights != "imagenet" or backbone.packaged is None:
        for line in report.lines():
            say(line)
    return report


def fit_state(net: nn.Module, state: dict[str, Tensor], source: str, digest: str) -> LoadReport:
    """Copies every tensor of a checkpoint that fits by name and shape.

    Raises:
        WeightsError: no parameter fits.
    """
    own = net.state_dict()
    fits = {name: value for name, value in state.items() if name in own and own[name].shape == value.shape}
    mismatched = tuple(
        f"{name}: found {tuple(state[name].shape)}, expected {tuple(own[name].shape)}"
        for name in own if name in state and name not in fits
    )
    if not any(name in fits for name, _ in net.named_parameters()):
        raise WeightsError(
            f"weights {source}: none of its {len(state)} tensors fits the backbone by name and shape (the file has "
            f"{', '.join(list(state)[:3])}, …; the backbone {', '.join(list(own)[:3])}, …)"
        )
    net.load_state_dict(fits, strict=False)
    fresh, unused = tuple(n for n in own if n not in state), tuple(n for n in state if n not in own)
    shapes = {name: tuple(value.shape) for name, value in (*state.items(), *own.items())}
    return LoadReport(source, digest, tuple(fits), fresh, mismatched, unused, shapes=shapes)


def read_checkpoint(path: Path, source: str) -> dict[str, Tensor]:
    """Tensors of a safetensors or torch file, without running anything in it; wrappers and ``module.`` are taken off.

    Raises:
        WeightsError: not such a file, or one that holds more than tensors.
    """
    safe = path.suffix == ".safetensors"
    raw: Any
    try:
        raw = load_file(path) if safe else torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the two readers raise many kinds on damaged files
        kind = "safetensors" if safe else "a torch checkpoint of tensors only"
        raise WeightsError(
            f"weights {source}: cannot be read as {kind} ({type(error).__name__}); convert it to .safetensors"
        ) from None
    for wrapper in ("state_dict", "model", "model_state"):
        if isinstance(raw, dict) and isinstance(raw.get(wrapper), dict):
            raw = raw[wrapper]
    named = raw.items() if isinstance(raw, dict) else ()
    tensors = {str(name).removeprefix("module."): value for name, value in named if isinstance(value, Tensor)}
    if not tensors:
        raise WeightsError(f"weights {source}: holds no named tensors")
    return tensors


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hub_cache() -> Path:
    """Folder of downloaded weights, in the user's cache."""
    return cache_folder() / "weights"


def _from_hub(name: str, sha256: str | None, say: Say) -> tuple[Path, str]:
    config = timm.get_pretrained_cfg(name)
    if config is None or not (config.hf_hub_id or config.url):
        raise WeightsError(
            f"model.weights: timm publishes no weights for {name!r}: give a file (`model.weights: PATH`) or `none`"
        )
    hub = config.hf_hub_id
    if hub and hub.rstrip("/").endswith("timm"):
        hub = f"{hub.rstrip('/')}/{config.architecture}" + (f".{config.tag}" if config.tag else "")
    url = f"https://huggingface.co/{hub}/resolve/main/model.safetensors" if hub else str(config.url)
    target = hub_cache() / (f"{config.architecture}.{config.tag or 'default'}" + Path(url).suffix)
    if target.is_file():
        return target, f"cached {target.name}"
    told = f"weights: source {url}, target {target}, sha256 {sha256 or 'not published (it is printed after loading)'}"
    say(told)
    try:
        _download(url, target)
    except (OSError, HTTPException) as error:
        raise WeightsError(
            f"{told}: cannot be downloaded ({getattr(error, 'reason', error)}). Put the file at the target path, give "
            "it as `model.weights: PATH`, take efficientnet_lite0 (its weights are installed) or `model.weights: none`"
        ) from None
    return target, url


def _download(url: str, target: Path) -> None:
    with (
        urllib.request.urlopen(url, timeout=_CONNECT_SECONDS) as answer, atomic(target) as partial,
        partial.open("wb") as stream,
    ):
        while block := answer.read(1 << 20):
            stream.write(block)
        promised = answer.headers.get("Content-Length")
        if promised is not None and stream.tell() != int(promised):
            raise OSError(f"{stream.tell()} of {promised} bytes came")
