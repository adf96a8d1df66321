"""What every registered method, and combinations of them, must hold in a real run."""
from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import asdict, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from toy_cohort import PLANS, QUICK, cohort, cohort_of, loader, plan, real_model, run, small_model, task_of, weights

from medtl import registry
from medtl.methods.base import Method, overrides
from medtl.training.moves import always_still, paces

ENTRIES = registry.entries("methods")
LAST = replace(QUICK, selection="last")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_every_registered_method_is_in_a_plan() -> None:
    planned = {method for steps in PLANS.values() for method, _ in steps}
    assert planned == {entry.name for entry in ENTRIES}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_method_is_its_options_and_says_what_it_is(entry: registry.Entry) -> None:
    kind = registry.load("methods", entry.name)
    assert issubclass(kind, Method)
    assert is_dataclass(kind)
    text = inspect.getdoc(kind) or ""
    assert "Reference:" in text
    for option in fields(kind):
        assert f"{option.name}:" in text, f"{entry.name}.{option.name} is not documented"
    options = next(given for steps in PLANS.values() for name, given in steps if name == entry.name)
    method = kind(**options)
    assert TypeAdapter(kind).validate_python(asdict(method)) == method
    assert kind(**json.loads(json.dumps(asdict(method)))) == method
    with pytest.raises(ValidationError):
        kind(**options, no_such_option=1)
    with pytest.raises(AttributeError):
        method.any = 1
    used = [seam for seam in ("pace", "weigh", "penalty", "stages") if overrides(method, seam)]
    assert len(used) <= 2
    assert used or entry.family == "baseline"


@pytest.mark.parametrize("bn", ["frozen", "split", "dsbn", "adabn"])
@pytest.mark.parametrize("name", ["dan", "dann"])
def test_weight_zero_is_plain_training_bit_for_bit(name: str, bn: str, tmp_path: Path) -> None:
    method = registry.load("methods", name)(weight=0.0)
    ours = run(tmp_path / "zero", [method], model=small_model(bn=bn), train=LAST)
    plain = run(tmp_path / "plain", [], model=small_model(bn=bn), train=LAST)
    assert same(weights(ours), weights(plain))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, dict[str, torch.Tensor]]]:
    """Each plan's run, made once."""

    @cache
    def make(name: str) -> tuple[Path, dict[str, torch.Tensor]]:
        folder = tmp_path_factory.mktemp("run")
        return folder, weights(run(folder, plan(name), of=cohort_of(name), task=task_of(name)))

    return make


Finished = Callable[[str], tuple[Path, dict[str, torch.Tensor]]]
EVERY_PLAN = pytest.mark.parametrize("name", list(PLANS))


@EVERY_PLAN
def test_a_method_changes_what_is_trained_and_only_what_may_move(name: str, finished: Finished) -> None:
    model, ours = small_model(task=task_of(name)), finished(name)[1]
    start = weights(model)
    assert not same(ours, start)
    if name != "source_only" and task_of(name) is task_of("source_only"):
        assert not same(ours, finished("source_only")[1])
    still = set(always_still(paces(plan(name), model, QUICK.epochs)))
    assert bool(still) == ("freeze" in name or name in ("probe", "lora", "oquab"))
    fixed = {id(t) for part in still for t in (*model.parts[part].parameters(), *model.parts[part].buffers())}
    for key, tensor in model.state_dict(keep_vars=True).items():
        cut_away = name == "probe" and key not in ours
        assert id(tensor) not in fixed or cut_away or torch.equal(ours[key], start[key]), key


@EVERY_PLAN
def test_target_labels_that_are_hidden_change_nothing(name: str, finished: Finished, tmp_path: Path) -> None:
    folder, ours = finished(name)
    again = run(tmp_path, plan(name), of=cohort_of(name, flipped=True), task=task_of(name))
    assert same(weights(again), ours)
    for path in folder.rglob("*.*"):
        other = tmp_path / path.relative_to(folder)
        if path.name == "log.jsonl":
            assert _untimed(path) == _untimed(other)
        else:
            assert path.read_bytes() == other.read_bytes(), path.name


def _untimed(path: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [{k: v for k, v in line.items() if not k.endswith("seconds")} for line in lines]


@pytest.mark.parametrize("name", ["source_only", "dan"])
def test_target_labels_that_are_visible_do_change_training(name: str, tmp_path: Path) -> None:
    runs = [
        weights(run(tmp_path / str(k), plan(name), of=cohort(visible=6, flipped=flipped)))
        for k, flipped in enumerate((False, True))
    ]
    assert not same(*runs)


def _log(folder: Path) -> str:
    """Empty where the plan fits nothing."""
    file = folder / "log.jsonl"
    return file.read_text() if file.exists() else ""


@EVERY_PLAN
def test_a_second_call_answers_from_the_disk(name: str, finished: Finished) -> None:
    folder, first = finished(name)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.safetensors")}
    log = _log(folder)
    assert same(first, weights(run(folder, plan(name), of=cohort_of(name), task=task_of(name))))
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*.safetensors")}
    assert _log(folder) == log


@EVERY_PLAN
def test_a_real_backbone_learns_under_every_plan(name: str, tmp_path: Path) -> None:
    train = replace(QUICK, epochs=1, batch_size=4)
    task = task_of(name)
    start = weights(real_model("mobilenetv3_small_050", task=task))
    fresh = real_model("mobilenetv3_small_050", task=task)
    model = run(tmp_path, plan(name), model=fresh, train=train, of=cohort_of(name, per_site=8), side=32, task=task)
    after = weights(model)
    assert not same(start, after)
    assert all(torch.isfinite(tensor.float()).all() for tensor in after.values())
    batch = next(loader(cohort(per_site=8), side=32).scan([0, 1, 2]))
    assert model(batch.images).shape == (3, task.outputs)
