"""Seeds by name."""
from __future__ import annotations

from medtl.data.seeds import generator, names_in_seeds, seed_of


def test_are_the_same_on_every_machine() -> None:
    assert seed_of(0, "split", "north") == 1849634747035128754


def test_words_do_not_run_into_each_other() -> None:
    names = [("ab", "c"), ("a", "bc"), ("abc",), ("ab", "c", ""), (1,), ("1",)]
    assert len({seed_of(*each) for each in names}) == len(names)


def test_what_one_part_draws_does_not_move_another() -> None:
    first = generator(0, "a")
    first.random(100)
    assert (generator(0, "b").random(5) == generator(0, "b").random(5)).all()


def test_nothing_that_is_drawn_hangs_on_the_salt() -> None:
    assert names_in_seeds(["north", "site-9c9001", "north", "site-unknown", "site-495a30"]) == {
        "north": "north", "site-9c9001": "number 0", "site-unknown": "site-unknown", "site-495a30": "number 1"}
    one = names_in_seeds(["site-9c9001/SIEMENS Sensation 64 667089", "east/GE Revolution 0a1b2c", "east"])
    other = names_in_seeds(["site-495a30/SIEMENS Sensation 64 77aa01", "east/GE Revolution 111111", "east"])
    assert list(one.values()) == list(other.values()) == ["number 0", "number 1", "east"]
