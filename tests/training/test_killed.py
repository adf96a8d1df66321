"""A run that is killed and started again ends with the weights of one that was not, bit for bit."""
from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_cohort import PLANS, QUICK, cohort_of, plan, run, task_of, weights

import medtl

HERE = Path(__file__).parent
EPOCHS = 3
MOMENTS = ("step", "stage", "write")


def attempt(*attempts: tuple[Path, str, str, int]) -> list[int]:
    """Makes these attempts (folder, plan, moment, passes) one after another."""
    arguments = [(str(folder), name, EPOCHS, moment, passes) for folder, name, moment, passes in attempts]
    for folder, *_ in attempts:
        folder.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, HERE / "killed_run.py", json.dumps(arguments)],
        env={**os.environ, "PYTHONPATH": str(Path(medtl.__file__).parents[1]), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def kill(*attempts: tuple[Path, str, str, int]) -> None:
    """Makes these attempts; every one is killed."""
    assert attempt(*attempts) == [-signal.SIGKILL] * len(attempts)


def untimed(folder: Path) -> list[dict[str, object]]:
    log = folder / "log.jsonl"  # plans without a step write none
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [{k: v for k, v in line.items() if not k.endswith("seconds")} for line in lines]


def whole(folder: Path, name: str) -> dict[str, torch.Tensor]:
    torch.set_num_threads(1)
    train = replace(QUICK, epochs=EPOCHS)
    return weights(run(folder, plan(name), train=train, of=cohort_of(name), task=task_of(name)))


def assert_equal_runs(killed: Path, name: str, reference: Path, expected: dict[str, torch.Tensor]) -> None:
    final = whole(killed, name)
    assert all(torch.equal(final[key], expected[key]) for key in expected)
    assert untimed(killed) == untimed(reference)
    files = sorted(path.relative_to(reference) for path in reference.rglob("*.safetensors"))
    assert files == sorted(path.relative_to(killed) for path in killed.rglob("*.safetensors"))
    for file in files:
        assert (killed / file).read_bytes() == (reference / file).read_bytes(), file
    assert not list(killed.rglob("*.tmp"))


def test_killed_within_an_epoch_during_a_write_and_between_stages(tmp_path: Path) -> None:
    killed, reference = tmp_path / "killed", tmp_path / "whole"
    expected = whole(reference, "adda")
    kill(
        (killed, "adda", "step", 4),  # second epoch of the source stage
        (killed, "adda", "write", 3),
        (killed, "adda", "stage", 1),  # after the source stage
    )
    assert_equal_runs(killed, "adda", reference, expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(PLANS))
def test_killed_at_three_random_moments_of_each_kind(name: str, tmp_path: Path) -> None:
    draw = random.Random(name)
    reference = tmp_path / "whole"
    expected = whole(reference, name)
    counted = attempt(*((tmp_path / f"counted-{moment}", name, moment, -1) for moment in MOMENTS))
    passes = dict(zip(MOMENTS, counted, strict=True))
    assert passes["write"] > 0
    assert passes["stage"] > 0
    assert passes["step"] > 3 or passes["step"] == 0  # closed forms take none
    attempts = [
        (tmp_path / f"{moment}-{number}", name, moment, draw.randrange(passes[moment]))
        for moment in MOMENTS
        if passes[moment] > 0
        for number in range(3)
    ]
    kill(*attempts)
    for killed, *_ in attempts:
        assert_equal_runs(killed, name, reference, expected)


def test_a_log_line_that_was_cut_off_is_repaired(tmp_path: Path) -> None:
    killed, reference = tmp_path / "killed", tmp_path / "whole"
    expected = whole(reference, "dan")
    killed.mkdir()
    train = replace(QUICK, epochs=EPOCHS)
    with pytest.raises(KeyboardInterrupt):
        _interrupted(killed, train)
    with (killed / "log.jsonl").open("a") as file:
        file.write('{"stage": "fit", "epo')
    assert_equal_runs(killed, "dan", reference, expected)


def _interrupted(folder: Path, train: object) -> None:
    """Ctrl-C in the second epoch, by a progress that the user stops."""
    from toy_cohort import cohort, loader, setting, small_model

    from medtl.progress import Quiet
    from medtl.training.engine import run_plan

    class Stopped(Quiet):
        advanced = 0

        def advance(self, steps: int = 1) -> None:
            self.advanced += steps
            if self.advanced == data.steps + 1:
                raise KeyboardInterrupt

    data = loader(cohort())
    run_plan(
        plan("dan"), setting(small_model(), data, train), data, train, folder / "stages", folder / "log.jsonl",  # type: ignore[arg-type]
        Stopped(),
    )
