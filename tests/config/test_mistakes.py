"""Mistakes: one line each, in the order of the file, never repeated."""
from __future__ import annotations

import pytest

from medtl.config.mistakes import Document, dotted, listed, shown
from medtl.errors import ConfigError


def test_lines_come_in_the_order_of_the_file_and_overrides_last() -> None:
    document = Document(name="c.yaml", lines={("a",): 1, ("b",): 7, ("b", "c"): 9})
    document.overridden[("o",)] = "o=1"
    document.wrong(("o",), "wrong")
    document.wrong(("b", "c"), "wrong")
    document.wrong(("a",), "wrong")
    document.wrong(("b", "absent"), "wrong")
    document.wrong(("a",), "said already")
    with pytest.raises(ConfigError) as caught:
        document.stop_if_wrong()
    assert caught.value.lines == (
        "c.yaml:1: a: wrong", "c.yaml:7: b.absent: wrong", "c.yaml:9: b.c: wrong", "--set o=1: o: wrong"
    )


def test_what_is_above_or_below_a_mistake_is_wrong_too() -> None:
    document = Document(name="c")
    document.wrong(("a", "b"), "x")
    assert document.is_wrong(("a",))
    assert document.is_wrong(("a", "b", "c"))
    assert not document.is_wrong(("a", "c"))
    Document(name="c").stop_if_wrong()


def test_words() -> None:
    assert shown({"a": [1, "x", None, True]}) == "{a: [1, 'x', nothing, true]}"
    assert len(shown("x" * 500)) == 60
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"], "and") == "a, b and c"
    assert dotted(("transfer", "mapping", 0)) == "transfer.mapping.0"
