"""Overrides: YAML values at key paths, lists by position, each cited where it is wrong."""
from __future__ import annotations

from typing import Any

import pytest

from medtl.config.mistakes import Document
from medtl.config.overrides import apply_overrides


def applied(data: dict[str, Any], overrides: Any) -> Document:
    document = Document(name="c.yaml", data=data)
    apply_overrides(document, overrides)
    return document


@pytest.mark.parametrize(
    ("typed", "value"),
    [("a.b=1", 1), ("a.b=1e-3", 0.001), ("a.b=true", True), ("a.b=", None), ("a.b=[x, y]", ["x", "y"]),
     ("a.b={c: 1}", {"c": 1}), ("a.b=x=y", "x=y"), ("a.b=../scans", "../scans"), ("a.b='1'", "1"), (" a.b =1", 1)],
)
def test_values_are_yaml(typed: str, value: Any) -> None:
    document = applied({}, [typed])
    assert document.data == {"a": {"b": value}}
    assert document.mistakes == []
    assert document.place(("a", "b")) == f"--set {typed}"


def test_lists_by_position() -> None:
    document = applied({"m": [{"w": 1}]}, ["m.0.w=2", "m.1.w=3", "m.2={w: 4}"])
    assert document.data == {"m": [{"w": 2}, {"w": 3}, {"w": 4}]}
    assert applied({"m": [1]}, ["m.5=2"]).mistakes[0].message == (
        "m is a list of 1; expected a position from 0 to 1"
    )
    assert applied({"m": [1]}, ["m.x=2"]).data == {"m": [1]}


def test_nothing_is_put_below_a_value() -> None:
    document = applied({"a": {"b": 1}}, ["a.b.c=2"])
    assert document.data == {"a": {"b": 1}}
    assert document.mistakes[0].message == "a.b is 1, which has nothing below it"


@pytest.mark.parametrize("typed", ["a.b", "=1", ".=1", ""])
def test_what_is_no_override(typed: str) -> None:
    (mistake,) = applied({}, [typed]).mistakes
    assert "expected something like train.epochs=5" in mistake.message


def test_yaml_that_does_not_parse_is_cited_and_changes_nothing() -> None:
    document = applied({"a": 1}, ["a=[1,", "b=!!python/name:os.system ''"])
    assert document.data == {"a": 1}
    assert [document.place(mistake.keys) for mistake in document.mistakes] == [
        "--set a=[1,", "--set b=!!python/name:os.system ''"
    ]


def test_the_last_of_two_wins_and_mappings_work_too() -> None:
    assert applied({}, ["a=1", "a=2"]).data == {"a": 2}
    assert applied({}, {"a.b": (1, 2)}).data == {"a": {"b": (1, 2)}}
