"""The run's plan in words: which methods, what moved, in which schedule, and how a checkpoint was picked."""
from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medtl import registry
from medtl.errors import ConfigError
from medtl.evaluation.report.facts import RunFacts

_ROLES = re.compile(r":[a-z]+:`~?([^`]*)`")
_HEADS = re.compile(r"(?m)^(Args|Attributes|Returns|Raises|Reference|References|Yields):\s*")
FAMILIES = {"network": "network", "instances": "instance weighting", "mapping": "feature mapping",
            "adversarial": "adversarial"}


@dataclass(frozen=True)
class MethodText:
    """One transfer method, for a reader who does not have the program.

    Args:
        name: as the config has it.
        family: in words.
        text: what it does.
        options: as the run had them, (name, value).
        reference: publication, or empty.
    """

    name: str
    family: str
    text: str
    options: tuple[tuple[str, str], ...]
    reference: str


@dataclass(frozen=True)
class MovesRow:
    """Neighbouring parts of the network that were treated alike."""

    parts: str
    parameters: int
    state: str
    rate: str
    bn: str


@dataclass(frozen=True)
class Plan:
    """How the run was done.

    Args:
        methods: transfer methods.
        moves: parts of the network, neighbours that were treated alike together.
        trained: parameters that moved.
        total: all parameters.
        sentences: (heading, words).
    """

    methods: tuple[MethodText, ...]
    moves: tuple[MovesRow, ...]
    trained: int
    total: int
    sentences: tuple[tuple[str, str], ...]


def plan_of(facts: RunFacts) -> Plan:
    """Puts a run's plan into words.

    Args:
        facts: its files.

    Returns:
        The plan.
    """
    moves = [_grouped(move) for move in facts.moves]
    return Plan(
        methods=tuple(_method(family, entry) for family, entry in facts.methods), moves=_rows(facts),
        trained=sum(count for count, state in moves if state != "frozen"), total=sum(count for count, _ in moves),
        sentences=tuple((head, words) for head, words in _sentences(facts) if words),
    )


def _grouped(move: Mapping[str, Any]) -> tuple[int, str]:
    return int(move["parameters"]), str(move["state"])


def _method(family: str, entry: Mapping[str, Any]) -> MethodText:
    name = str(entry.get("method"))
    options = tuple((key, words_of(value)) for key, value in entry.items() if key != "method")
    try:
        doc = inspect.getdoc(registry.load("methods", name)) or ""
    except (ConfigError, ImportError, AttributeError):
        doc = "This method is not part of the medtl that wrote this page."
    text, reference = prose(doc)
    return MethodText(name, FAMILIES.get(family, family), text, options, reference)


def prose(docstring: str) -> tuple[str, str]:
    """A docstring as a paragraph, and its reference.

    Displayed formulas, the lists of arguments and what follows the second paragraph are left out; the page of the
    method has them.

    Args:
        docstring: in Google style.

    Returns:
        The words, and the reference, either of which may be empty.
    """
    pieces = _HEADS.split(docstring)
    sections = dict(zip(pieces[1::2], pieces[2::2], strict=False))
    paragraphs = [part for part in pieces[0].split("\n\n") if not part.lstrip().startswith("..")
                  and not part.startswith("    ")]
    text = " ".join(" ".join(paragraphs[:2]).split())
    reference = " ".join(sections.get("Reference", sections.get("References", "")).split())
    return _ROLES.sub(r"\1", text).replace("``", "").replace("`", ""), _ROLES.sub(r"\1", reference).replace("`", "")


def _rows(facts: RunFacts) -> tuple[MovesRow, ...]:
    out: list[MovesRow] = []
    first = ""
    for move in facts.moves:
        low, high = move["pace"]
        rate = "0" if move["state"] == "frozen" else f"{float(move['rate']) * float(max(low, high)):.2g}"
        bn = str(move["bn"])
        last = out[-1] if out else None
        name = str(move["part"])
        if last and (last.state, last.rate) == (move["state"], rate) and (last.bn == bn or not bn or not last.bn):
            out[-1] = MovesRow(f"{first} … {name}", last.parameters + int(move["parameters"]), last.state, rate,
                               last.bn or bn)
        else:
            first = name
            out.append(MovesRow(name, int(move["parameters"]), str(move["state"]), rate, bn))
    return tuple(out)


def _sentences(facts: RunFacts) -> list[tuple[str, str]]:
    model, train, data = facts.section("model"), facts.section("train"), facts.section("data")
    prepared = data.get("input") or {}
    backbone = f"{model.get('backbone', 'not stated')}, weights at the start: {model.get('weights', 'not stated')}"
    adaptation = model.get("adaptation")
    layers = f"; an adaptation layer of {adaptation} units before the head" if adaptation else ""
    stack = int(prepared.get("slices", 1) or 1) > 1
    pooled = f"; slices pooled by {model['pooling']}" if stack and model.get("pooling") else ""
    window = {"none": "grey values as they are, scaled to [0, 1]", "percentiles": "the 1st to 99th percentile"}
    scan = (
        f"{prepared.get('slices', 1)} slice(s) of {prepared['size']} × {prepared['size']} pixels, "
        f"intensity window: {window.get(str(prepared.get('window')), prepared.get('window'))}"
        + (f", resampled to {prepared['spacing_mm']} mm" if prepared.get("spacing_mm") else "")
    ) if prepared.get("size") else ""
    augment = {"none": "no augmentation"}.get(str(data.get("augment")), f"augmentation: {data.get('augment')}") \
        if data.get("augment") else ""
    harmonise = f"; harmonisation: {data['harmonize']}" if data.get("harmonize") not in (None, "none") else ""
    schedule = (
        f"{train['epochs']} epochs at most in a stage, batches of {train.get('batch_size')}, {train.get('optimizer')} "
        f"with learning rate {train.get('lr')} ({train.get('lr_backbone')} times that for pretrained parts), "
        f"{train.get('schedule')} schedule, weight decay {train.get('weight_decay')}, seed {train.get('seed')}"
        + (f", stopped after {train['early_stopping']} epochs without gain" if train.get("early_stopping") else "")
    ) if train.get("lr") is not None else (f"{train['epochs']} epochs" if train.get("epochs") else "")
    weights = facts.section("task").get("class_weights")
    return [
        ("Input", "; ".join(part for part in (scan, augment) if part) + harmonise),
        ("Network", f"{backbone}{pooled}{layers}; batch normalisation: {model.get('bn', 'joint')}"),
        ("Training", schedule + (f"; class weights: {words_of(weights)}" if weights else "")),
        ("Checkpoint", f"{facts.selection}: {facts.selection_sentence}"),
    ]


def words_of(value: Any) -> str:
    """A value of a config as a reader likes it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{number} {str(key).replace('_', ' ')}" for key, number in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(words_of(part) for part in value)
    return "yes" if value is True else "no" if value is False else "not set" if value is None else str(value)
