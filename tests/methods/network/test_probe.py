"""What a run with a probe tells of the source: it helps, it hurts, or there are too few labels to say."""
from __future__ import annotations

import numpy as np
import pytest

from medtl.functional.probing.search import Rows, Search, candidates
from medtl.methods.network.probe import lines_of, told


def rows(labelled: int, *, agrees: bool, seed: int = 0) -> Rows:
    """One layer; target patients of one study; the source's labels mean the same or the reverse."""
    draw = np.random.default_rng(seed)
    source = 1600
    n = source + 200
    is_source = np.arange(n) < source
    y = (np.arange(n) % 2).astype(np.float64)
    x = draw.normal(size=(n, 600))
    x[:, :60] += (0.3 * np.where(is_source & (not agrees), -1.0, 1.0) * (y - 0.5))[:, None]
    labels = np.where(np.arange(n) < source + labelled, y, np.nan)
    return Rows({"a": x}, labels, tuple(f"p{k}" for k in range(n)), is_source)


@pytest.mark.parametrize(("labelled", "agrees", "verdict", "without"), [
    (160, True, "is used", "the config without it is probe with fit_on: target"),
    (160, False, "hurts and is left out", "this run equals probe with fit_on: target"),
    (8, True, "cannot be judged on 4 labelled patients of a class (8 are needed to judge) and is left out",
     "this run equals probe with fit_on: target"),
])
def test_the_run_says_what_the_source_does_and_names_the_config_without_it(
    labelled: int, agrees: bool, verdict: str, without: str
) -> None:
    found = Search(candidates((("a",),), ("lda",)), 2, repeats=2).fit(rows(labelled, agrees=agrees))
    assert found.fit_on == ("both" if verdict == "is used" else "target")
    line = lines_of(found)[1]
    assert line.startswith(f"probe: the source {verdict}: held-out loss on target studies ")
    assert line.endswith(without)
    content = told(found)
    assert content["said"] == list(lines_of(found))
    (alone, both) = content["source"]  # type: ignore[misc]
    assert alone["p_value"] == 1.0
    assert (both["p_value"] < 0.01) == (verdict == "is used")
