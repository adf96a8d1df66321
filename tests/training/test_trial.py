"""Precision and layout are measured once, told, and replayed."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_cohort import QUICK, cohort, loader, plan, run, setting, small_model, weights

from medtl.atomic import write_json
from medtl.training import trial
from medtl.training.device import Arithmetic
from medtl.training.engine import run_plan
from medtl.training.moves import paces
from medtl.training.trial import FILE, MARGIN, candidates, settle, settled_in

AUTO = replace(QUICK, precision="auto")
SHAPE = (12, 1, 1, 16, 16)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDTL_CACHE", str(tmp_path / "cache"))


def settled(file: Path, model: torch.nn.Module | None = None, train: object = AUTO) -> trial.Settled:
    model = model or small_model()
    return settle(train, model, paces([], model, 2)[0], SHAPE, file)  # type: ignore[arg-type]


def test_a_trial_leaves_the_network_and_the_random_state_as_they_were(tmp_path: Path) -> None:
    model = small_model().train()
    before, state = weights(model), torch.random.get_rng_state()
    found = settled(tmp_path / FILE, model)
    assert found.why == "measured"
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(before[name], tensor) for name, tensor in weights(model).items())
    assert all(module.training for module in model.modules())
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert not torch.are_deterministic_algorithms_enabled()


def test_the_fastest_is_taken_only_by_a_margin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, (plain, other) in enumerate([(1.0, 0.95), (1.0, 0.5)]):
        monkeypatch.setenv("MEDTL_CACHE", str(tmp_path / f"cache {number}"))
        times = {"contiguous": plain, "channels_last": other}
        monkeypatch.setattr(trial._Way, "step", lambda self, images, t=times: t[self.device.arithmetic.layout])
        found = settled(tmp_path / str(number) / FILE)
        assert (found.arithmetic.layout == "channels_last") == (other <= MARGIN * plain)
        assert found.seconds == {"float32, contiguous": plain, "float32, channels last": other}


def test_what_was_found_is_remembered_by_the_machine_and_replayed_by_the_run(tmp_path: Path) -> None:
    first = settled(tmp_path / "one" / FILE)
    second = settled(tmp_path / "two" / FILE)
    assert second.why == "remembered"
    assert (second.arithmetic, second.seconds) == (first.arithmetic, first.seconds)
    write_json(tmp_path / "two" / FILE, {**second.record(), "layout": "channels_last"})
    assert settled(tmp_path / "two" / FILE).arithmetic.layout == "channels_last"
    (note,) = (tmp_path / "cache" / "trials").glob("*.json")
    note.write_text("{", encoding="utf-8")
    assert settled(tmp_path / "three" / FILE).why == "measured"


def test_of_two_trials_at_once_the_first_one_holds(tmp_path: Path) -> None:
    note = tmp_path / "trials" / "key.json"
    note.parent.mkdir()
    slow = trial.Settled(Arithmetic("float32", "contiguous"), "measured", {"a": 2.0}, 4)
    fast = trial.Settled(Arithmetic("float32", "channels_last"), "measured", {"a": 1.0}, 4)
    assert trial._noted(slow, note) == slow
    assert trial._noted(fast, note).arithmetic == slow.arithmetic
    assert [path.name for path in note.parent.iterdir()] == ["key.json"]


def test_a_run_computes_in_what_its_folder_says(tmp_path: Path) -> None:
    asked = run(tmp_path / "asked", plan("dann"), train=replace(QUICK, layout="channels_last"))
    (tmp_path / "replayed").mkdir()
    found = trial.Settled(Arithmetic("float32", "channels_last"), "measured", {})
    write_json(tmp_path / "replayed" / FILE, found.record())
    replayed = run(tmp_path / "replayed", plan("dann"), train=AUTO)
    assert all(torch.equal(a, b) for a, b in zip(weights(asked).values(), weights(replayed).values(), strict=True))
    assert settled_in(tmp_path / "asked").why == "asked for"


def test_a_baseline_computes_in_what_its_run_computes_in(tmp_path: Path) -> None:
    model, data = small_model(), loader(cohort())
    given = trial.Settled(Arithmetic("float32", "channels_last"), "measured", {"a": 1.0}, 3)
    (tmp_path / "run").mkdir()
    run_plan([], setting(model, data, AUTO), data, AUTO, tmp_path / "run" / "stages", tmp_path / "run" / "log.jsonl",
             given=given)
    assert settled_in(tmp_path / "run") == given


def test_bf16_is_a_candidate_only_where_the_hardware_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "has_bf16", lambda device: False)
    assert [str(one) for one in candidates(AUTO)] == ["float32, contiguous", "float32, channels last"]
    monkeypatch.setattr(trial, "has_bf16", lambda device: True)
    assert [one.precision for one in candidates(AUTO)] == ["float32", "float32", "bf16", "bf16"]
    assert candidates(QUICK) == (Arithmetic("float32", "contiguous"),)
    asked = replace(QUICK, precision="bf16", layout="channels_last")
    assert candidates(asked) == (Arithmetic("bf16", "channels_last"),)
    assert {one.layout for one in candidates(replace(AUTO, layout="channels_last"))} == {"channels_last"}


def test_bf16_in_a_trial_is_timed_in_bf16(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "has_bf16", lambda device: True)
    seen = []
    model = small_model()
    inner = model.encoder.net.conv_head
    assert isinstance(inner, torch.nn.Module)
    inner.register_forward_hook(_Keeps(seen))
    settled(tmp_path / FILE, model)
    assert {torch.float32, torch.bfloat16} == set(seen)


class _Keeps:
    """A hook that survives a copy of its module and writes to one list."""

    def __init__(self, seen: list[torch.dtype]) -> None:
        self.seen = seen

    def __call__(self, module: torch.nn.Module, args: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        self.seen.append(output.dtype)

    def __deepcopy__(self, memo: object) -> _Keeps:
        return self
