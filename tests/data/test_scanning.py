"""Scans for a model that only answers."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from medtl.data.prepared import Prepared
from medtl.data.scanning import Scanning
from medtl.types import Catalogue, Item


def prepared(count: int = 5) -> Prepared:
    items = tuple(Item(i + 1, f"s{i}", f"p{i}", "a", "", Path("x"), (float(i % 2),)) for i in range(count))
    arrays = {i: np.full((2, 1, 4, 4), i / 10, np.float32) for i in range(count)}
    return Prepared.in_memory(Catalogue(items, ("x",), Path(".")), arrays)


def test_rows_come_in_order_with_masked_labels() -> None:
    batches = list(Scanning(prepared(), 2).scan(np.array([4, 1, 3])))
    assert [batch.rows.tolist() for batch in batches] == [[4, 1], [3]]
    assert [float(image[0, 0, 0, 0]) for batch in batches for image in batch.images] == [
        float(np.float32(value)) for value in (0.4, 0.1, 0.3)
    ]
    assert not any(bool(batch.known.any()) for batch in batches)


def test_a_scan_is_named_by_its_pixels_where_nothing_better_is_known() -> None:
    one, other = prepared(), prepared()
    assert one.key(2) == other.key(2)
    assert len({one.key(i) for i in range(5)}) == 5
    assert torch.equal(Scanning(one, 2).images(Scanning(one, 2).seen(np.array([2]), np.array([-1]))),
                       torch.full((1, 2, 1, 4, 4), 0.2))
