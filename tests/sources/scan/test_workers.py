"""Jobs are all done, by few or many processes, even when one of them kills its process."""
from __future__ import annotations

import os
import time

import pytest

from medtl.sources.scan.workers import Crew


def square(number: int) -> int:
    return number * number


def whose(number: int) -> int:
    time.sleep(0.002)
    return os.getpid()


def dies_at_three(number: int) -> int:
    if number == 3:
        os._exit(1)
    return number


def fails(number: int) -> int:
    raise ValueError(number)


def test_this_process_does_them_in_order_and_lazily() -> None:
    taken: list[int] = []

    def jobs() -> object:
        for number in range(3):
            taken.append(number)
            yield number

    with Crew(1) as crew:
        for job, result in crew.results(square, jobs()):  # type: ignore[arg-type]
            assert result == job * job
            assert taken[-1] == job


def test_other_processes_do_them_all_and_survive_a_death() -> None:
    with Crew(2) as crew:
        assert dict(crew.results(square, range(30))) == {n: n * n for n in range(30)}
        assert dict(crew.results(dies_at_three, range(12))) == {n: None if n == 3 else n for n in range(12)}


def test_this_process_lends_a_hand_where_no_job_can_kill() -> None:
    with Crew(2) as crew:
        found = dict(crew.results(whose, range(400), harmless=True))
        assert set(found) == set(range(400))
        assert os.getpid() in found.values(), "the first jobs are done while the other process starts"
        again = dict(crew.results(whose, range(20)))
        assert os.getpid() not in again.values()
        assert dict(crew.results(square, (), harmless=True)) == {}


def test_a_bug_is_not_swallowed() -> None:
    with Crew(1) as crew, pytest.raises(ValueError, match="7"):
        list(crew.results(fails, [7]))
