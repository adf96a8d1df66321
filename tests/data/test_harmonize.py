"""Harmonisation of grey values: what it undoes, what it leaves alone, and what it may look at."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medtl.config.sections import InputSection
from medtl.data.cache import ScanCache
from medtl.data.harmonize import Harmonization, fit_harmonization, harmonized
from medtl.data.harmonize_histogram import FLOOR, LEVELS, HistogramMatching, landmarks_of, learn_landmarks
from medtl.data.harmonize_site import SiteScaling
from medtl.data.prepared import Prepared
from medtl.data.transforms import Preprocess
from medtl.errors import DataError, IntegrityError, RunStateError
from medtl.types import Catalogue, Cohort


def scan(rng: np.random.Generator, low: float = 0.1, high: float = 0.9) -> np.ndarray:
    picture = rng.uniform(low, high, (2, 1, 24, 24)).astype(np.float32)
    picture[:, :, :3] = 0.0
    return picture


def hospitals(seed: int = 0) -> tuple[Prepared, Cohort]:
    """Site a: 24 source scans; site b: 24 target scans, darker and flatter."""
    rng = np.random.default_rng(seed)
    from medtl.types import Item

    items = tuple(Item(i + 1, f"s{i}", f"p{i}", "ab"[i // 24], "", Path("x"), (float(i % 2),), digest=f"{i:064x}")
                  for i in range(48))
    arrays = {i: scan(rng) if i < 24 else np.where((s := scan(rng)) > 0, 0.5 * s + 0.05, s).astype(np.float32)
              for i in range(48)}
    catalogue = Catalogue(items, ("finding",), Path("root"))
    splits = ("train",) * 12 + ("val",) * 6 + ("test",) * 6 + ("adapt",) * 12 + ("test",) * 12
    hidden = np.array([i >= 24 for i in range(48)])
    cohort = Cohort(catalogue, ("source",) * 24 + ("target",) * 24, splits, hidden)
    return Prepared.in_memory(catalogue, arrays), cohort


def test_matching_undoes_any_monotone_change_of_grey_values() -> None:
    rng = np.random.default_rng(1)
    first = scan(rng)
    standard = HistogramMatching(tuple(landmarks_of(first)))
    np.testing.assert_allclose(standard(first), first, atol=1e-6)
    for change in (lambda x: x**1.7, lambda x: 0.4 * x + 0.1, np.sqrt):
        changed = np.where(first > FLOOR, change(first), first).astype(np.float32)
        back = standard(changed)
        np.testing.assert_allclose(landmarks_of(back), landmarks_of(first), atol=2e-3)
        assert np.abs(back - first).mean() < 0.005 < 0.05 < np.abs(changed - first).mean()


def test_matching_is_monotone_stays_in_range_and_leaves_air_alone() -> None:
    rng = np.random.default_rng(2)
    standard = learn_landmarks([[landmarks_of(scan(rng, 0.3, 0.6))], [landmarks_of(scan(rng))]])
    saturated = np.clip(scan(rng) * 1.6, 0, 1)  # a third of it is white
    moved = standard(saturated)
    order = np.argsort(saturated.ravel(), kind="stable")
    assert (np.diff(moved.ravel()[order]) >= -1e-7).all()
    assert moved.min() >= 0
    assert moved.max() <= 1
    assert (moved[saturated <= FLOOR] == saturated[saturated <= FLOOR]).all()
    blank = np.zeros((1, 1, 16, 16), np.float32)
    assert standard(blank) is blank


def test_landmarks_weigh_sites_alike() -> None:
    few, many = [np.full(len(LEVELS), 0.2)], [np.full(len(LEVELS), 0.6)] * 9
    assert learn_landmarks([few, many]).landmarks == pytest.approx([0.4] * len(LEVELS))


def test_site_z_moves_a_site_onto_the_reference() -> None:
    prepared, cohort = hospitals()
    fitted = fit_harmonization("site_z", prepared, cohort)
    assert fitted is not None
    rows = {site: [i for i in range(48) if cohort.catalogue.items[i].site == site] for site in "ab"}

    def grey(site: str) -> np.ndarray:
        return np.concatenate([(s := fitted.map_of(site)(prepared.array(i)))[s > FLOOR].ravel() for i in rows[site]])

    before = np.concatenate([(s := prepared.array(i))[s > FLOOR].ravel() for i in rows["b"]])
    assert abs(grey("b").mean() - grey("a").mean()) < 0.01 < abs(before.mean() - grey("a").mean())
    assert grey("b").std() == pytest.approx(grey("a").std(), rel=0.02)
    with pytest.raises(DataError, match=r"no statistics of c; it knows a, b"):
        fitted.map_of("c")


@pytest.mark.parametrize("method", ["histogram", "site_z"])
def test_test_scans_and_labels_have_no_part_in_it(method: str) -> None:
    prepared, cohort = hospitals()
    seen = {*map(int, cohort.rows("source", "train")), *map(int, cohort.target_seen)}

    def guarded(position: int) -> np.ndarray:
        assert position in seen, "read a scan that may not be seen"
        return prepared.array(position)

    flipped = replace(cohort, catalogue=replace(cohort.catalogue, items=tuple(
        replace(item, labels=(1 - item.labels[0],)) for item in cohort.catalogue.items)))
    first = fit_harmonization(method, replace(prepared, reader=guarded), cohort)
    second = fit_harmonization(method, prepared, flipped)
    assert first is not None
    assert second is not None
    assert first.digest == second.digest
    assert set(first.scans) == ({"a"} if method == "histogram" else {"a", "b"})
    assert Harmonization.from_json(first.as_json()) == first


def test_transductive_runs_see_test_scans_of_the_target() -> None:
    prepared, cohort = hospitals()
    plain, more = (fit_harmonization("site_z", prepared, c) for c in (cohort, replace(cohort, transductive=True)))
    assert plain is not None
    assert more is not None
    assert (plain.scans["b"], more.scans["b"]) == (12, 24)


def test_a_new_site_gets_statistics_of_its_own_scans_only_where_it_is_asked_for() -> None:
    prepared, cohort = hospitals()
    of_a = replace(cohort, role=("source",) * 24 + ("unused",) * 24)
    fitted = fit_harmonization("site_z", prepared, of_a)
    assert fitted is not None
    grown, added = fitted.with_sites_of(prepared, range(24, 48))
    assert added == ("b",)
    assert grown.map_of("a") == fitted.map_of("a")
    assert grown.scans["b"] == 24
    assert fitted.with_sites_of(prepared, range(24))[1] == ()
    with pytest.raises(DataError, match="b has 3 scans"):
        fitted.with_sites_of(prepared, range(24, 27))


def test_harmonised_scans_are_kept_under_a_name_of_their_own(tmp_path: Path) -> None:
    prepared, cohort = hospitals()
    cache, preprocess = ScanCache(tmp_path), Preprocess(InputSection(size=24, slices=2))
    made = [fit_harmonization(method, prepared, cohort) for method in ("histogram", "site_z")]
    served = [harmonized(prepared, preprocess, cache, one).array(30) for one in made]
    assert not np.array_equal(served[0], served[1])
    assert cache.size()[0] == 2
    for one, array in zip(made, served, strict=True):
        assert one is not None
        np.testing.assert_array_equal(array, one.map_of("b")(prepared.array(30)))
        unread = replace(prepared, reader=lambda position: 1 / 0)
        np.testing.assert_array_equal(harmonized(unread, preprocess, cache, one).array(30), array)
    assert harmonized(prepared, preprocess, cache, None) is prepared


@pytest.mark.parametrize("grey", [
    HistogramMatching(tuple(np.linspace(0.1, 0.95, len(LEVELS)))), SiteScaling("b", 0.3, 0.11, 0.5, 0.23),
])
def test_the_contract_builds_it_again(grey: HistogramMatching | SiteScaling) -> None:
    plain = Preprocess(InputSection(size=32))
    made = replace(plain, harmonize=grey)
    assert "harmonize" not in plain.contract()
    assert Preprocess.from_contract(made.contract()) == made
    cache = ScanCache(Path("unused"))
    assert cache.key("0" * 64, made) != cache.key("0" * 64, plain)
    with pytest.raises(IntegrityError, match="cannot be read"):
        Preprocess.from_contract({**made.contract(), "harmonize": {"method": "newer"}})


def test_preparing_a_volume_ends_with_it() -> None:
    from medtl.io.volume import Volume

    rng = np.random.default_rng(0)
    volume = Volume(rng.uniform(0, 1, (20, 20, 1)).astype(np.float32), np.eye(4), (1.0, 1.0, None), "optical")
    plain = Preprocess(InputSection(window="none", size=16))
    grey = SiteScaling("b", 0.3, 0.11, 0.5, 0.23)
    np.testing.assert_array_equal(replace(plain, harmonize=grey)(volume), grey(plain(volume)))


def test_too_few_scans_and_a_damaged_file_are_said() -> None:
    prepared, cohort = hospitals()
    few = replace(cohort, split=("train",) * 4 + ("unused",) * 20 + cohort.split[24:])
    with pytest.raises(DataError, match="a has 4 scans"):
        fit_harmonization("site_z", prepared, few)
    with pytest.raises(RunStateError, match=r"harmonize\.json: damaged"):
        Harmonization.from_json({"method": "site_z"})
    assert fit_harmonization("none", prepared, cohort) is None
