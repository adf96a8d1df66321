"""The real two hospitals, where they are at hand: MEDTL_CHEST_CT names the folder of studies.csv."""
from __future__ import annotations

import os
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from medtl.data.cache import ScanCache
from medtl.data.card_check import CardLabels, check_card
from medtl.data.cards import load_card
from medtl.data.loaders import PairLoader
from medtl.data.prepare import prepare
from medtl.data.splits import assign
from medtl.data.transforms import Preprocess
from medtl.types import Catalogue

ROOT = os.environ.get("MEDTL_CHEST_CT", "")
pytestmark = pytest.mark.skipif(not ROOT, reason="MEDTL_CHEST_CT does not name the folder of the two hospitals' slices")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    card = load_card("covid_ct")
    return card.build_source().catalogue(root=Path(ROOT), task=CardLabels(card), salt=b"tests")


def test_the_card_holds() -> None:
    assert check_card(load_card("covid_ct"), Path(ROOT)) == []


def test_ucsd_keeps_its_published_validation_part_as_test(catalogue: Catalogue) -> None:
    cohort = assign(catalogue, source=["ucsd"], target=["saopaulo"], policies=load_card("covid_ct").policies)
    assert {catalogue.items[i].split for i in cohort.rows("source", "test")} == {"val"}
    assert len(cohort.rows("source", "test")) == 118
    assert len(cohort.rows("source", "train", "val")) == 425


def test_saopaulo_has_five_blocks_per_class_and_gaps_of_ten(catalogue: Catalogue) -> None:
    rows = [i for i, item in enumerate(catalogue.items) if item.site == "saopaulo"]
    tests: Counter[int] = Counter()
    for seed in range(5):
        cohort = assign(catalogue, source=["saopaulo"], policies=load_card("covid_ct").policies, seed=seed)
        tests.update(cohort.rows("source", "test").tolist())
        for label in (0.0, 1.0):
            run = [i for i in rows if catalogue.items[i].labels[0] == label]
            place = {row: n for n, row in enumerate(run)}
            used = [(place[i], cohort.split[i]) for i in run if cohort.split[i] != "unused"]
            used.sort()
            gaps = [b - a for (a, s), (b, t) in pairwise(used) if s != t]
            assert gaps
            assert min(gaps) == 11
    assert set(tests.values()) == {1}
    assert set(tests) == set(rows)


def test_scans_are_read_prepared_and_served(catalogue: Catalogue, tmp_path: Path) -> None:
    items = catalogue.items[:60:3] + catalogue.items[-60::3] + catalogue.items[1488:1548:3]
    few = Catalogue(items, catalogue.label_names, catalogue.root)
    card = load_card("covid_ct")
    assert card.input is not None
    cohort = assign(few, source=["ucsd"], target=["saopaulo"])
    prepared = prepare(cohort, Preprocess(card.input), ScanCache(tmp_path))
    assert prepared.refusals == ()
    for pair in PairLoader(prepared, cohort, batch_size=8, seed=0).epoch("fit", 0):
        assert pair.source.images.shape == (8, 1, 1, 224, 224)
        assert 0 <= float(pair.source.images.min()) < float(pair.source.images.max()) <= 1
        assert np.isfinite(pair.target.images.numpy()).all()
