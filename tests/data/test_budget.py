"""Budgets of target labels."""
from __future__ import annotations

import numpy as np
import pytest

from medtl.config.sections import PerClass, Total
from medtl.data.budget import drawn, without_fold
from medtl.data.units import units_of
from medtl.errors import DataError


@pytest.fixture
def table(make_catalogue):
    rows = [("b", f"p{i // 2}", float(i // 2 % 3 == 0)) for i in range(60)]  # 30 patients, 10 positive
    return make_catalogue(rows)


def ask(table, budget, seed: int = 0) -> tuple[int, ...]:
    return drawn(units_of(table, range(60)), table.labels, budget, np.random.default_rng(seed), site="b",
                 label_names=("finding",))


def test_per_class_draws_whole_patients_of_each_class(table) -> None:
    rows = ask(table, PerClass(4))
    patients = {table.items[row].patient for row in rows}
    assert len(rows) == 16
    assert len(patients) == 8
    assert sum(table.labels[list(rows), 0]) == 8  # four positive patients, two scans each


def test_total_draws_that_many_patients_whatever_their_class(table) -> None:
    assert len({table.items[row].patient for row in ask(table, Total(7))}) == 7
    assert ask(table, Total(7), 1) != ask(table, Total(7), 2)


def test_a_larger_budget_keeps_the_smaller_one(table) -> None:
    assert set(ask(table, Total(5))) < set(ask(table, Total(9)))
    assert set(ask(table, PerClass(2))) < set(ask(table, PerClass(5)))


def test_none_and_all(table) -> None:
    assert ask(table, "none") == ()
    assert ask(table, "all") == tuple(range(60))


@pytest.mark.parametrize("budget", [PerClass(11), Total(31)])
def test_too_large_a_budget_names_site_and_what_is_there(table, budget) -> None:
    with pytest.raises(DataError, match=r"at b, but its adapt part has (10|30) .*ask for fewer"):
        ask(table, budget)


def test_folds_hide_every_labelled_patient_once_and_share_out_the_labels(table) -> None:
    units = units_of(table, ask(table, PerClass(8)))
    everyone = {table.items[row].patient for unit in units for row in unit.rows}
    hidden: list[str] = []
    for fold in range(4):
        left = without_fold(units, table.labels, fold, 4, np.random.default_rng(0))
        out = everyone - {table.items[row].patient for row in left}
        assert sum(table.labels[next(u.rows[0] for u in units if u.patient == p), 0] for p in out) == 2
        assert len(out) == 4
        hidden += out
    assert sorted(hidden) == sorted(everyone)
