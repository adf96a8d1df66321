"""Annotations in words."""
from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from medtl.config.expected import annotation_at, words
from medtl.config.sections import Config


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, "a whole number"),
        (Annotated[int, Field(gt=0)], "a whole number above 0"),
        (Annotated[int, Field(ge=2)], "a whole number of 2 or more"),
        (Annotated[float, Field(ge=0, le=1)], "a number from 0 to 1"),
        (Annotated[float, Field(gt=0, lt=1)], "a number above 0 and below 1"),
        (Annotated[float, Field(le=1)], "a number up to 1"),
        (tuple[str, ...], "a list of texts"),
        (tuple[Annotated[float, Field(gt=0)], ...], "a list of numbers above 0"),
        (tuple[int, float], "a list of 2: a whole number, a number"),
        (Literal["a", "b", "c"], "'a', 'b' or 'c'"),
        (Literal["youden"] | Annotated[float, Field(ge=0, le=1)], "'youden' or a number from 0 to 1"),
        (str | None, "text"),
        (bool, "true or false"),
        (dict[str, Any], "a mapping `{key: value}`"),
        (Any, "a value"),
    ],
)
def test_words(annotation: Any, expected: str) -> None:
    assert words(annotation) == expected


def test_paths_lead_to_annotations() -> None:
    assert words(annotation_at(Config, ("data", "input", "size"))) == "a whole number from 16 to 1024"
    assert words(annotation_at(Config, ("sites", "source", 3))) == "text"
    assert annotation_at(Config, ("no", "such")) is Any
