"""Pairs: deterministic, balanced, and blind to what is hidden."""
from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from medtl.config.sections import Total
from medtl.data.loaders import PairLoader
from medtl.data.prepared import Prepared
from medtl.data.splits import assign
from medtl.errors import ConfigError, DataError
from medtl.types import Cohort, Refusal

ROWS = (
    [("a", f"p{i}", float(i % 3 == 0)) for i in range(60)]
    + [("b", f"p{i}", float(i % 2)) for i in range(30)]
    + [("c", f"p{i}", float(i % 4 == 0)) for i in range(50)]
)


def scans(n: int) -> dict[int, np.ndarray]:
    rng = np.random.default_rng(0)
    return {i: rng.random((2, 1, 12, 12)).astype(np.float32) for i in range(n)}


@pytest.fixture
def cohort(make_catalogue) -> Cohort:
    return assign(make_catalogue(ROWS), source=["a", "b"], target=["c"])


@pytest.fixture
def loader(cohort):
    def make(of: Cohort = cohort, **options) -> PairLoader:
        prepared = Prepared.in_memory(of.catalogue, scans(len(of.catalogue.items)))
        return PairLoader(prepared, of, **{"batch_size": 8, "seed": 0, **options})

    return make


def content(pairs) -> list[torch.Tensor]:
    found = []
    for pair in pairs:
        for batch in filter(None, (pair.source, pair.target)):
            found += [batch.images, batch.labels, batch.known, batch.weights, batch.domain, batch.rows]
    return found


def equal(one, other) -> bool:
    return len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_an_epoch_is_the_same_however_it_is_reached(loader) -> None:
    first = loader(augment="light")
    list(first.epoch("fit", 0))
    again = loader(augment="light", prefetch=0)
    assert equal(content(first.epoch("fit", 1)), content(again.epoch("fit", 1)))
    assert not equal(content(again.epoch("fit", 1)), content(again.epoch("fit", 2)))
    assert not equal(content(again.epoch("fit", 1)), content(again.epoch("other", 1)))
    assert not equal(content(again.epoch("fit", 1)), content(loader(augment="light", seed=1).epoch("fit", 1)))


def test_two_iterators_at_once_do_not_mix(loader) -> None:
    one = loader(augment="strong")
    expected = content(one.epoch("fit", 0))
    left, right = one.epoch("fit", 0), one.epoch("fit", 0)
    pairs = [(a, b) for a, b in zip(left, right, strict=True)]
    assert equal(content(a for a, _ in pairs), expected)
    assert equal(content(b for _, b in pairs), expected)


def test_the_source_does_not_depend_on_whether_a_target_is_drawn(loader) -> None:
    with_target, without = loader(augment="light"), loader(augment="light", with_target=False)
    assert with_target.steps == without.steps
    for one, other in zip(with_target.epoch("fit", 3), without.epoch("fit", 3), strict=True):
        assert equal(content([replace(one, target=None)]), content([other]))
        assert other.target is None


def test_shuffled_target_labels_change_no_byte(make_catalogue, loader) -> None:
    flipped = make_catalogue([(s, p, 1 - y if s == "c" else y) for s, p, y in ROWS])
    other = assign(flipped, source=["a", "b"], target=["c"])
    for labels in (False, True):
        assert equal(content(loader(augment="light").epoch("fit", 0, None, labels)),
                     content(loader(other, augment="light").epoch("fit", 0, None, labels)))


def test_rows_are_where_they_belong_and_domains_have_equal_shares(loader, cohort) -> None:
    served = loader()
    assert served.domains == ("a", "b", "c")
    assert served.source_domains == 2
    train, adapt = set(cohort.rows("source", "train").tolist()), set(cohort.rows("target", "adapt").tolist())
    drawn: Counter[int] = Counter()
    for pair in served.epoch("fit", 0):
        assert set(pair.source.rows.tolist()) <= train
        assert set(pair.target.rows.tolist()) <= adapt
        assert Counter(pair.source.domain.tolist()) == {0: 4, 1: 4}
        assert set(pair.target.domain.tolist()) == {2}
        assert [cohort.catalogue.items[row].site for row in pair.source.rows] == [
            served.domains[d] for d in pair.source.domain]
        assert len(pair.source) == len(pair.target) == 8
        drawn.update(pair.source.rows.tolist())
        drawn.update(pair.target.rows.tolist())
    assert train | adapt == set(drawn)
    assert [len(r) + 0 for r, _ in served.plan("fit", 0)] == [8] * served.steps


def test_images_and_labels_are_those_of_the_rows(loader, cohort) -> None:
    arrays = scans(len(ROWS))
    for pair in loader().epoch("fit", 0):
        for image, row in zip(pair.source.images, pair.source.rows.tolist(), strict=True):
            np.testing.assert_array_equal(image.numpy(), arrays[row])
        np.testing.assert_array_equal(pair.source.labels.numpy(), cohort.catalogue.labels[pair.source.rows.numpy()])
        assert pair.source.known.all()
        assert not pair.target.known.any()
        assert (pair.target.labels == 0).all()


def test_few_visible_target_labels_fill_half_of_each_target_batch(make_catalogue, loader) -> None:
    cohort = assign(make_catalogue(ROWS), source=["a", "b"], target=["c"], target_labels=Total(3))
    served = loader(cohort)
    for pair in served.epoch("fit", 0, None, True):
        assert pair.target.known.sum() >= 4
        assert len(pair.target) == 8
    assert all(not pair.target.known.any() for pair in served.epoch("fit", 0, None, False))


def test_weights_go_with_their_rows(loader) -> None:
    weights = np.random.default_rng(1).random(len(ROWS)).astype(np.float32)
    for pair in loader().epoch("fit", 0, weights):
        np.testing.assert_array_equal(pair.source.weights.numpy(), weights[pair.source.rows.numpy()])
    with pytest.raises(ValueError, match="3 weights for 140 rows"):
        loader().epoch("fit", 0, weights[:3])


def test_class_balance_takes_as_many_of_each_class(loader) -> None:
    for pair in loader(class_balanced=True).epoch("fit", 0):
        assert pair.source.labels.sum() == 4


def test_a_row_drawn_twice_in_an_epoch_is_varied_twice(loader) -> None:
    seen: dict[int, list[torch.Tensor]] = {}
    for pair in loader(augment="light").epoch("fit", 0):
        for image, row in zip(pair.source.images, pair.source.rows.tolist(), strict=True):
            seen.setdefault(row, []).append(image)
    twice = [images for images in seen.values() if len(images) > 1]
    assert twice
    assert sum(torch.equal(images[0], images[1]) for images in twice) < len(twice) / 4


def test_scanning_is_plain_in_order_and_masks_hidden_labels(loader, cohort) -> None:
    rows = [139, 3, 100, *range(20)]
    found = list(loader(augment="strong").scan(rows))
    assert [row for batch in found for row in batch.rows.tolist()] == rows
    assert [len(batch) for batch in found] == [8, 8, 7]
    arrays = scans(len(ROWS))
    np.testing.assert_array_equal(torch.cat([b.images for b in found]).numpy(), np.stack([arrays[r] for r in rows]))
    np.testing.assert_array_equal(torch.cat([b.known for b in found])[:, 0].numpy(), ~cohort.hidden[rows])


def test_views_differ_from_each_other_and_repeat(loader) -> None:
    served = loader(augment="light")
    views = [torch.cat([batch.images for batch in served.scan(range(8), view=v)]) for v in (0, 0, 1)]
    assert torch.equal(views[0], views[1])
    assert not torch.equal(views[0], views[2])


def test_scanners_are_domains_within_their_site(make_catalogue) -> None:
    catalogue = make_catalogue(ROWS, scanners=["ct1" if i % 2 else "ct2" for i in range(len(ROWS))])
    cohort = assign(catalogue, source=["a", "b"], target=["c"])
    prepared = Prepared.in_memory(catalogue, scans(len(ROWS)))
    served = PairLoader(prepared, cohort, batch_size=8, seed=0, domains="scanner")
    assert set(served.domains[:4]) == {"a/ct1", "a/ct2", "b/ct1", "b/ct2"}
    assert set(served.domains[4:]) == {"c/ct1", "c/ct2"}
    assert all(Counter(pair.source.domain.tolist()) == {0: 2, 1: 2, 2: 2, 3: 2} for pair in served.epoch("fit", 0))


def test_refused_rows_are_never_served(cohort) -> None:
    arrays = scans(len(ROWS))
    gone = [int(cohort.rows("source", "train")[0]), int(cohort.rows("target", "adapt")[0])]
    for row in gone:
        del arrays[row]
    refusals = tuple(Refusal(row + 1, "s", "a", ("corrupt_pixels",), "") for row in gone)
    prepared = replace(Prepared.in_memory(cohort.catalogue, arrays), refusals=refusals)
    served = PairLoader(prepared, cohort, batch_size=8, seed=0)
    for pair in served.epoch("fit", 0):
        assert not set(gone) & set(pair.source.rows.tolist() + pair.target.rows.tolist())
    assert all(served.cohort.split[row] == "unused" for row in gone)
    with pytest.raises(KeyError):
        prepared.array(gone[0])


def test_transductive_targets_are_adapt_and_test(make_catalogue, loader) -> None:
    cohort = assign(make_catalogue(ROWS), source=["a", "b"], target=["c"], transductive=True)
    rows = {row for pair in loader(cohort).epoch("fit", 0) for row in pair.target.rows.tolist()}
    assert rows == set(cohort.rows("target", "adapt", "test").tolist())


def test_what_cannot_be_served_is_said(make_catalogue, loader, cohort) -> None:
    alone = assign(make_catalogue(ROWS), source=["a", "b", "c"])
    with pytest.raises(ConfigError, match=r"sites\.target: empty"):
        loader(alone)
    prepared = Prepared.in_memory(cohort.catalogue, {})
    with pytest.raises(DataError, match="no source scan to train on"):
        PairLoader(prepared, cohort, batch_size=8, seed=0)
