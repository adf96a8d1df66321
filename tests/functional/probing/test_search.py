"""What validation chooses: the layer that carries the label, no source that misleads, nothing from hidden labels."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from medtl.functional.probing.folds import grouped_folds, held_out_losses, mean_and_error
from medtl.functional.probing.search import Rows, Search, candidates


def rows(
    seed: int = 0, *, labelled: int = 24, unlabelled: int = 60, source: int = 80, agrees: bool = True,
    signal: float = 2.0, width: int = 12, telling: int = 3,
) -> Rows:
    """A layer that carries the label at both domains, one that is noise; a source that agrees or says the reverse."""
    draw = np.random.default_rng(seed)
    n = source + labelled + unlabelled
    is_source = np.arange(n) < source
    y = draw.integers(0, 2, n).astype(np.float64)
    y[source: source + 4] = [0, 1, 0, 1]
    good = draw.normal(size=(n, width))
    sign = np.where(is_source & ~np.full(n, agrees), -1.0, 1.0)
    good[:, :telling] += (signal * sign * (y - 0.5))[:, None]
    good[is_source] = 3.0 * good[is_source] + 5.0
    labels = y.copy()
    labels[source + labelled:] = np.nan
    return Rows(
        {"noise": draw.normal(size=(n, 20)), "good": good}, labels,
        tuple("" if k % 3 == 0 else f"p{k // 2}" for k in range(n)), is_source,
    )


SETS = (("noise",), ("good",), ("noise", "good"))


def search(**options: object) -> Search:
    return Search(candidates(SETS, ("lda",)), 2, **options)  # type: ignore[arg-type]


def test_the_layer_that_carries_the_label_is_found() -> None:
    found = [search().fit(rows(seed, labelled=100)).candidate.layers for seed in range(8)]
    assert all("good" in layers for layers in found)


def test_without_a_clear_gain_the_first_candidate_stands() -> None:
    several = candidates((("good",), ("noise", "good"), ("noise",)), ("lda",))
    kept = [Search(several, 2).fit(rows(seed, labelled=labelled)).candidate.layers
            for seed in range(4) for labelled in (12, 100)]
    assert set(kept) == {("good",)}


def test_a_source_that_agrees_is_used_where_that_can_be_shown_and_one_that_misleads_never() -> None:
    only = candidates((("good",),), ("lda",))
    wide = [rows(seed, labelled=160, source=1600, signal=0.3, width=600, telling=60) for seed in range(3)]
    used = [Search(only, 2, repeats=2).fit(some).fit_on for some in wide]
    misled = [Search(only, 2).fit(rows(seed, labelled=60, agrees=False)) for seed in range(12)]
    assert used.count("both") >= 2
    assert all(probe.fit_on == "target" for probe in misled)
    assert all(probe.source[1].gain < 0 for probe in misled)


def test_too_few_labels_are_no_evidence_however_good_they_look() -> None:
    only = candidates((("good",), ("noise",)), ("lda",))
    for seed in range(6):
        found = Search(only, 2, level=0.5).fit(rows(seed, labelled=10, signal=4.0))
        assert found.fit_on == "target"
        assert found.candidate == only[0]
        assert found.source[1].against.p_value == 1.0


def test_labels_that_are_hidden_change_nothing() -> None:
    plain = rows()
    other = replace(plain, features={name: value.copy() for name, value in plain.features.items()})
    one, two = search().fit(plain), search().fit(other)
    assert np.array_equal(one.outputs(plain.features), two.outputs(plain.features))
    assert np.isnan(plain.labels).sum() == 60


def test_without_target_labels_the_source_is_fitted_and_judged() -> None:
    plain = rows()
    labels = np.where(plain.is_source, plain.labels, np.nan)
    found = search().fit(replace(plain, labels=labels))
    assert found.fit_on == "source"
    assert "good" in found.candidate.layers
    with pytest.raises(ValueError, match="target labels are needed of all 2 classes"):
        search(fit_on="target").fit(replace(plain, labels=labels))


def test_outputs_of_two_classes_are_log_odds_of_held_out_studies() -> None:
    plain = rows(3, labelled=200, unlabelled=400, signal=1.0)
    draw = np.random.default_rng(9)
    found = search(fit_on="target", repeats=3).fit(plain)
    said = found.outputs(plain.features)
    new = np.isnan(plain.labels)
    score = 1.0 / (1.0 + np.exp(said[new, 0] - said[new, 1]))
    draws = draw.random(new.sum()) < score
    assert 0.05 < score.mean() < 0.95
    assert abs(draws.mean() - 0.5) < 0.12
    assert score.std() < 0.45  # not the certainty of a support vector machine's own margins


def test_folds_keep_patients_together_and_unknown_ones_in_blocks() -> None:
    labels = np.repeat([0.0, 1.0], 30)
    patients = [f"p{k // 3}" for k in range(60)]
    fold = grouped_folds(labels, patients, folds=5, classes=2, seed=0)
    assert fold is not None
    assert all(len(set(fold[k: k + 3])) == 1 for k in range(0, 60, 3))
    assert all((np.bincount(fold[labels == c], minlength=5) == 6).all() for c in (0, 1))
    unknown = grouped_folds(labels, [""] * 60, folds=5, classes=2, seed=3)
    assert unknown is not None
    changes = (np.diff(unknown[labels == 0]) != 0).sum()
    assert changes <= 5  # contiguous, but for the place where the ring is closed
    assert grouped_folds(np.array([0.0, 1.0, 1.0]), ["a", "b", "c"], folds=5, classes=2, seed=0) is None


def test_the_loss_of_two_classes_is_one_minus_auroc_within_folds() -> None:
    draw = np.random.default_rng(0)
    y = np.array([0.0, 1.0] * 20)
    margin = np.rint(4 * draw.normal(size=40) + 4 * y)
    said = np.stack([-margin / 2, margin / 2], axis=1)
    losses = held_out_losses(said, y, np.zeros(40, dtype=np.int64), 2)
    u = mannwhitneyu(margin[y == 1], margin[y == 0]).statistic / 400
    mean, error = mean_and_error(losses, y, [""] * 40, 2)
    assert mean == pytest.approx(1 - u)
    assert 0 < error < 0.2


def test_the_standard_error_counts_patients() -> None:
    draw = np.random.default_rng(0)
    y = np.repeat([0.0, 1.0], 50)
    losses = np.repeat(draw.random(20), 5)
    single = mean_and_error(losses, y, [""] * 100, 2)
    grouped = mean_and_error(losses, y, [f"p{k // 5}" for k in range(100)], 2)
    assert grouped[0] == single[0]
    assert grouped[1] > 1.9 * single[1]


def values(n: int = 60) -> tuple[Rows, NDArray[np.float64]]:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(n, 6))
    y = 50 + 10 * x[:, 0] + draw.normal(size=n)
    return Rows({"a": x, "b": draw.normal(size=(n, 30))}, y, ("",) * n, np.zeros(n, dtype=bool)), y


def test_values_are_fitted_by_ridge() -> None:
    plain, y = values()
    found = Search(candidates((("b",), ("a",)), ("ridge",)), 0, "target").fit(plain)
    assert found.candidate.layers == ("a",)
    assert np.corrcoef(found.outputs(plain.features)[:, 0], y)[0, 1] > 0.98
