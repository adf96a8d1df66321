"""Which studies are scored again."""
from __future__ import annotations

import numpy as np

from medtl.export.parity import chosen
from medtl.predictions import Predictions


def _predictions(counts: dict[tuple[str, str], int]) -> Predictions:
    rows = [key for key, count in counts.items() for _ in range(count)]
    n = len(rows)
    text = np.array([str(i) for i in range(n)])
    return Predictions(
        study=text, patient=text, site=np.array([site for site, _ in rows]), scanner=np.array([""] * n),
        role=np.array(["source"] * n), split=np.array([split for _, split in rows]), model=np.array(["adapted"] * n),
        kind="binary", classes=("0", "1"), labels=np.zeros((n, 1), np.int64), scores=np.full((n, 2), 0.5),
    )


def test_all_of_few_and_every_site_and_split_of_many() -> None:
    few = _predictions({("a", "test"): 5, ("b", "test"): 4})
    assert chosen(few) == list(range(9))
    many = _predictions({("a", "test"): 500, ("a", "val"): 2, ("b", "adapt"): 40, ("b", "test"): 300})
    rows = chosen(many, 20)
    assert len(rows) == 20
    assert rows == sorted(set(rows))
    taken = {(many.site[r], many.split[r]): 0 for r in rows}
    for r in rows:
        taken[(many.site[r], many.split[r])] += 1
    assert taken == {("a", "test"): 6, ("a", "val"): 2, ("b", "adapt"): 6, ("b", "test"): 6}
