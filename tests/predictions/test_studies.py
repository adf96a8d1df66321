"""Rows of one study are averaged once, and never silently when they disagree."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medtl.errors import DataError
from medtl.predictions import Predictions, by_study


def rows() -> Predictions:
    text = {name: np.array(column) for name, column in {
        "study": ["a", "b", "a", "a"], "patient": ["p", "q", "p", "p"], "site": ["n", "n", "n", "m"],
        "scanner": [""] * 4, "role": ["source"] * 4, "split": ["test"] * 4, "model": ["adapted"] * 4,
    }.items()}
    scores = np.array([[0.2, 0.8], [0.5, 0.5], [0.4, 0.6], [1.0, 0.0]])
    return Predictions(**text, kind="binary", classes=("0", "1"), labels=np.array([[1], [0], [1], [0]]), scores=scores,
                       logits=scores)


def test_scores_are_averaged_within_site_and_study_in_order_of_appearance() -> None:
    found = by_study(rows())
    assert list(zip(found.site.tolist(), found.study.tolist(), strict=True)) == [("n", "a"), ("n", "b"), ("m", "a")]
    np.testing.assert_allclose(found.scores, [[0.3, 0.7], [0.5, 0.5], [1.0, 0.0]])
    np.testing.assert_array_equal(found.labels, [[1], [0], [0]])
    assert found.logits is None


def test_single_rows_pass_through_with_their_logits() -> None:
    single = rows().where(np.array([0, 1, 3]))
    assert by_study(single) is single


@pytest.mark.parametrize(("column", "value"), [("labels", np.array([[1], [0], [0], [0]])),
                                               ("split", np.array(["test", "test", "val", "test"]))])
def test_rows_that_disagree_are_refused(column: str, value: np.ndarray) -> None:
    with pytest.raises(DataError, match=f"study a of n: its rows differ in {column}"):
        by_study(replace(rows(), **{column: value}))


def test_two_unknown_values_of_a_regression_do_not_disagree() -> None:
    unknown = replace(rows(), kind="regression", classes=(), labels=np.full((4, 1), np.nan), scores=np.ones((4, 1)),
                      logits=None)
    assert len(by_study(unknown)) == 3
