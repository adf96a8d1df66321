"""Seeds by name."""
from __future__ import annotations

from medtl.data.seeds import generator, seed_of


def test_are_the_same_on_every_machine() -> None:
    assert seed_of(0, "split", "north") == 1849634747035128754


def test_words_do_not_run_into_each_other() -> None:
    names = [("ab", "c"), ("a", "bc"), ("abc",), ("ab", "c", ""), (1,), ("1",)]
    assert len({seed_of(*each) for each in names}) == len(names)


def test_what_one_part_draws_does_not_move_another() -> None:
    first = generator(0, "a")
    first.random(100)
    assert (generator(0, "b").random(5) == generator(0, "b").random(5)).all()
