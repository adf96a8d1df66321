"""The table of studies: who is in it, what is hidden, and weights on their way back to scans."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from toy_cohort import QUICK, cohort, loader, small_model

from medtl.training.device import open_device
from medtl.training.extract import extract, per_position, table_of, visible_rows


def test_only_what_may_be_seen_is_in_the_table() -> None:
    of = cohort(visible=3)
    table = extract(small_model(), loader(of), open_device(QUICK))
    splits = {(role, split) for role, split in zip(table.role, table.split, strict=True)}
    assert splits == {("source", "train"), ("target", "adapt")}
    known = ~np.isnan(table.labels[:, 0])
    assert known[table.is_source].all()
    assert known[~table.is_source].sum() == 3
    assert (known == ~table.hidden).all()
    assert table.features.shape == (len(table), 5)
    more = replace(of, transductive=True)
    assert {"test"} == {s for i, s in zip(visible_rows(more), np.array(more.split)[visible_rows(more)], strict=True)
                        if more.role[i] == "target"} - {"adapt"}


def test_scans_of_a_study_are_averaged_and_share_its_weight() -> None:
    of = cohort()
    items = tuple(
        replace(item, study=items_study) for item, items_study in
        zip(of.catalogue.items, (f"{item.site}-s{k // 2}" for k, item in enumerate(of.catalogue.items)), strict=True)
    )
    of = replace(of, catalogue=replace(of.catalogue, items=items))
    rows = visible_rows(of)
    features = np.arange(2 * len(rows), dtype=np.float32).reshape(len(rows), 2)
    table = table_of(of, rows, features)
    assert len(table) == len(rows) // 2
    np.testing.assert_allclose(table.features[0], features[:2].mean(axis=0))
    weights = np.arange(1, len(table) + 1, dtype=np.float32)
    spread = per_position(of, table, weights)
    assert spread.shape == (len(items),)
    np.testing.assert_array_equal(spread[rows], weights.repeat(2))
    outside = np.setdiff1d(np.arange(len(items)), rows)
    assert (spread[outside] == 1).all()


def test_features_are_kept_and_read_again(tmp_path: Path) -> None:
    file = tmp_path / "table.safetensors"
    first = extract(small_model(), loader(cohort()), open_device(QUICK), file)
    again = extract(small_model(seed=9), loader(cohort()), open_device(QUICK), file)
    assert np.array_equal(first.features, again.features)
    fresh = extract(small_model(seed=9), loader(cohort()), open_device(QUICK))
    assert not np.array_equal(first.features, fresh.features)


def test_extraction_changes_neither_modes_nor_statistics() -> None:
    model = small_model()
    model.train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    extract(model, loader(cohort()), open_device(QUICK))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(module.training for module in model.modules())
