"""Roles and splits: who may be where, and what they may depend on."""
from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from medtl.config.sections import PerClass, Total
from medtl.data.policy import SplitPolicy
from medtl.data.splits import assign
from medtl.errors import ConfigError, DataError


def same(one, other) -> bool:
    return one.role == other.role and one.split == other.split and bool((one.hidden == other.hidden).all())


def test_source_patients_are_split_60_20_20_and_each_class_alike(make_catalogue, two_sites, binary) -> None:
    cohort = assign(make_catalogue(two_sites), source=["a"], target=["b"], task=binary)
    patients: dict[str, set[tuple[str, float]]] = {}
    for item, role, split in zip(cohort.catalogue.items, cohort.role, cohort.split, strict=True):
        if role == "source":
            patients.setdefault(split, set()).add((item.patient, item.labels[0]))
    assert {split: len(found) for split, found in patients.items()} == {"train": 24, "val": 8, "test": 8}
    positive = {split: sum(label for _, label in found) for split, found in patients.items()}
    assert positive["train"] == 7
    assert positive["val"] + positive["test"] == 5


def test_target_patients_are_halved_and_hidden(make_catalogue, two_sites, binary) -> None:
    cohort = assign(make_catalogue(two_sites), source=["a"], target=["b"], task=binary)
    halves = {split: {cohort.catalogue.items[i].patient for i in cohort.rows("target", split)}
              for split in ("adapt", "test")}
    assert len(halves["adapt"]) == len(halves["test"]) == 15
    assert not halves["adapt"] & halves["test"]
    assert cohort.hidden[cohort.rows("target", "adapt", "test")].all()
    assert not cohort.hidden[cohort.rows("source", "train", "val", "test")].any()


def test_shuffled_target_labels_change_no_role_split_or_visible_label(make_catalogue, two_sites, binary) -> None:
    plain = make_catalogue(two_sites)
    shuffled = [row if row[0] == "a" else (row[0], row[1], 1.0 - row[2]) for row in two_sites]
    for budget in ("none", Total(6)):
        one, other = (assign(c, source=["a"], target=["b"], target_labels=budget, task=binary)
                      for c in (plain, make_catalogue(shuffled)))
        assert same(one, other)
        assert one.notes == other.notes
    one, other = (assign(c, source=["a"], target=["b"], task=binary) for c in (plain, make_catalogue(shuffled)))
    np.testing.assert_array_equal(one.visible_labels, other.visible_labels)


def test_file_names_salt_and_ids_decide_nothing(make_catalogue, two_sites, binary) -> None:
    one = make_catalogue(two_sites)
    telling = [f"{'positive' if label else 'other'}-{patient}" for _, patient, label in two_sites]
    other = make_catalogue(two_sites, names=lambda i: telling[i], salt="another salt ")
    for options in ({}, {"target_labels": PerClass(3)}):
        assert same(*(assign(c, source=["a"], target=["b"], task=binary, **options) for c in (one, other)))


def test_splits_depend_on_the_seed_and_on_nothing_else(make_catalogue, two_sites, binary) -> None:
    catalogue = make_catalogue(two_sites)
    drawn = [assign(catalogue, source=["a"], target=["b"], seed=seed, task=binary) for seed in (0, 0, 1)]
    assert same(drawn[0], drawn[1])
    assert drawn[0].split != drawn[2].split


def test_a_site_is_split_alike_whatever_other_sites_do(make_catalogue, two_sites, binary) -> None:
    rows = [*two_sites, *[("c", f"p{i}", float(i % 2)) for i in range(20)]]
    with_c = assign(make_catalogue(rows), source=["a"], target=["b", "c"], task=binary)
    without = assign(make_catalogue(two_sites), source=["a"], target=["b"], task=binary)
    assert with_c.split[: len(two_sites)] == without.split


def test_few_target_labels_are_of_adapt_patients_only(make_catalogue, two_sites, binary) -> None:
    cohort = assign(make_catalogue(two_sites), source=["a"], target=["b"], target_labels=PerClass(3), task=binary)
    seen = np.flatnonzero(~cohort.hidden & (np.array(cohort.role) == "target"))
    assert {cohort.split[i] for i in seen} == {"adapt"}
    assert len({cohort.catalogue.items[i].patient for i in seen}) == 6
    everything = assign(make_catalogue(two_sites), source=["a"], target=["b"], target_labels="all", task=binary)
    assert (~everything.hidden[everything.rows("target", "adapt")]).all()
    assert everything.hidden[everything.rows("target", "test")].all()


def test_transductive_use_is_noted_and_test_labels_stay_hidden(make_catalogue, two_sites, binary) -> None:
    cohort = assign(make_catalogue(two_sites), source=["a"], target=["b"], transductive=True, task=binary)
    assert len(cohort.target_seen) == len(cohort.rows("target", "adapt", "test"))
    assert any("transductive" in note for note in cohort.notes)
    assert cohort.hidden[cohort.target_seen].all()


def test_without_a_target_source_sites_are_tested_within(make_catalogue, two_sites, binary) -> None:
    cohort = assign(make_catalogue(two_sites), source=["a", "b"], task=binary)
    assert set(cohort.role) == {"source"}
    assert {cohort.catalogue.items[i].site for i in cohort.rows("source", "test")} == {"a", "b"}


def test_unknown_patients_fall_back_to_blocks_with_a_gap_and_say_so(make_catalogue, binary) -> None:
    rows = [("a", "", float(i >= 300)) for i in range(600)] + [("b", "", float(i % 7 < 3)) for i in range(400)]
    policies = {"a": SplitPolicy("blocks", guard=10), "b": SplitPolicy("blocks", guard=10)}
    cohort = assign(make_catalogue(rows), source=["a"], target=["b"], task=binary, policies=policies)
    for first, last in ((0, 300), (300, 600), (600, 1000)):
        used = [(i, cohort.split[i]) for i in range(first, last) if cohort.split[i] != "unused"]
        assert min(abs(i - j) for i, s in used for j, t in used if s != t) == 11
    assert Counter(cohort.split[:600])["test"] == 120
    notes = " ".join(cohort.notes)
    assert "a: 600 studies of unknown patients, split into 5 contiguous blocks per class" in notes
    assert "b: 400 studies of unknown patients, split into 10 contiguous blocks in file order" in notes


def test_seeds_are_the_folds_of_the_blocks(make_catalogue, binary) -> None:
    catalogue = make_catalogue([("a", "", float(i >= 100)) for i in range(200)])
    tests = [set(assign(catalogue, source=["a"], seed=seed, task=binary).rows("source", "test").tolist())
             for seed in range(5)]
    assert set().union(*tests) == set(range(200))
    assert sum(map(len, tests)) == 200


def test_rows_of_a_study_of_an_unknown_patient_stay_together(make_catalogue, binary) -> None:
    rows = [("a", "", float(i // 3 % 2)) for i in range(90)]
    cohort = assign(make_catalogue(rows, studies=[f"s{i // 3}" for i in range(90)]), source=["a"], task=binary)
    assert all(len(set(cohort.split[i:i + 3])) == 1 for i in range(0, 90, 3))


def test_published_split_wins_and_lacking_parts_are_carved_from_training(make_catalogue, binary) -> None:
    rows = [("a", f"p{i}", float(i % 2)) for i in range(50)] + [("b", f"p{i}", float(i % 2)) for i in range(20)]
    splits = ["train"] * 40 + ["val"] * 10 + ["train"] * 14 + ["val"] * 6
    catalogue = make_catalogue(rows, splits=splits)
    policies = dict.fromkeys("ab", SplitPolicy("published", {"train": "train", "val": "test"}))
    cohort = assign(catalogue, source=["a"], target=["b"], task=binary, policies=policies)
    assert cohort.rows("source", "test").tolist() == list(range(40, 50))
    assert len(cohort.rows("source", "val")) == 8
    assert len(cohort.rows("source", "train")) == 32
    assert cohort.rows("target", "test").tolist() == list(range(64, 70))
    assert any("no val part" in note for note in cohort.notes)
    assert same(cohort, assign(catalogue, source=["a"], target=["b"], task=binary)), "val serves as test by default"


def test_a_patient_planted_on_both_sides_of_a_published_split_leaves_training(make_catalogue, binary) -> None:
    rows = [("a", f"p{i // 2}", float(i // 2 % 2)) for i in range(80)]
    splits = (["train"] * 5 + ["test"] + ["train"] * 34 + ["val"] * 20 + ["test"] * 20)  # patient 2: rows 4 and 5
    cohort = assign(make_catalogue(rows, splits=splits), source=["a"], task=binary)
    assert cohort.split[4] == "unused"
    assert cohort.split[5] == "test"
    assert "a: 1 patients are on both sides of the published split; 1 of their scans were moved out of training" \
        in cohort.notes


def test_a_patient_shared_between_sites_stays_on_one_side(make_catalogue, two_sites, binary) -> None:
    catalogue = make_catalogue(two_sites)
    shared = [replace(item, patient=item.patient.replace("b:p3", "a:p3")) for item in catalogue.items]
    cohort = assign(replace(catalogue, items=tuple(shared)), source=["a"], target=["b"], task=binary)
    places: dict[str, set[tuple[str, str]]] = {}
    for item, role, split in zip(cohort.catalogue.items, cohort.role, cohort.split, strict=True):
        if split != "unused":
            places.setdefault(item.patient, set()).add((role, split))
    assert all(len(found) == 1 for found in places.values())
    assert places["a:p3"] in ({("target", "adapt")}, {("target", "test")})
    assert any("another site's split" in note for note in cohort.notes)


@pytest.mark.parametrize(("source", "target", "message"), [
    (["aa"], ["b"], "sites.source: no site 'aa': did you mean 'a'"),
    (["a"], ["x", "y"], "sites.target: no site 'y'"),
    (["a", "b"], ["b"], "'b' is both source and target"),
    (["a", "a"], ["b"], "'a' is named twice"),
    ([], ["a", "b"], "every site is a target"),
])
def test_wrong_sites_are_named(make_catalogue, two_sites, source, target, message) -> None:
    with pytest.raises(ConfigError, match=message):
        assign(make_catalogue(two_sites), source=source, target=target)


def test_one_class_and_too_few_studies_are_named_with_their_site(make_catalogue, two_sites, binary) -> None:
    with pytest.raises(DataError, match="a: one class only in its source train part"):
        assign(make_catalogue([(s, p, 1.0) for s, p, _ in two_sites]), source=["a"], target=["b"], task=binary)
    few = [row for row in two_sites if row[0] == "a"] + [("b", "p", 0.0), ("b", "q", 1.0)]
    with pytest.raises(DataError, match="b: 1 studies in its target adapt part, expected at least 2"):
        assign(make_catalogue(few), source=["a"], target=["b"], task=binary)


def test_a_source_of_one_class_beside_another_is_noted(make_catalogue, two_sites, binary) -> None:
    rows = [*two_sites, *[("c", f"p{i}", 0.0) for i in range(20)]]
    cohort = assign(make_catalogue(rows), source=["a", "c"], target=["b"], task=binary)
    assert "c: one class only in its source test part; what needs two classes is not estimable there" in cohort.notes


def test_a_split_seed_keeps_the_split_while_the_labels_are_drawn_anew(make_catalogue, two_sites, binary) -> None:
    catalogue = make_catalogue(two_sites)
    one, other = (assign(catalogue, source=["a"], target=["b"], target_labels=PerClass(3), seed=5, draw_seed=seed,
                         task=binary) for seed in (0, 1))
    assert one.split == other.split
    assert (one.hidden != other.hidden).any()
    folded = assign(catalogue, source=["a"], target=["b"], target_labels=PerClass(3), seed=5, draw_seed=0,
                    hidden_fold=(0, 3), task=binary)
    assert folded.split == one.split
    assert set(np.flatnonzero(one.hidden)) < set(np.flatnonzero(folded.hidden))


def test_folds_test_every_patient_once_and_train_on_none_of_them(make_catalogue, two_sites, binary) -> None:
    catalogue, folds = make_catalogue(two_sites), 4
    drawn = [assign(catalogue, source=["a"], target=["b"], test_fold=(k, folds), task=binary) for k in range(folds)]
    for role, rest in (("source", ("train", "val")), ("target", ("adapt",))):
        tested = [{catalogue.items[i].patient for i in one.rows(role, "test")} for one in drawn]
        everyone = {catalogue.items[i].patient for i in drawn[0].rows(role, "test", *rest)}
        assert sum(map(len, tested)) == len(set.union(*tested)) == len(everyone)
        assert max(map(len, tested)) - min(map(len, tested)) <= 1
        for one, away in zip(drawn, tested, strict=True):
            assert not away & {catalogue.items[i].patient for i in one.rows(role, *rest)}
    positive = [sum(catalogue.items[i].labels[0] for i in one.rows("source", "test")) for one in drawn]
    assert max(positive) - min(positive) <= 1
    validated = [{catalogue.items[i].patient for i in one.rows("source", "val")} for one in drawn]
    assert validated == [{catalogue.items[i].patient for i in drawn[(k + 1) % folds].rows("source", "test")}
                         for k in range(folds)]
    assert all(one.hidden[one.rows("target", "adapt", "test")].all() for one in drawn)


def test_folds_of_a_target_are_blind_to_its_labels(make_catalogue, two_sites, binary) -> None:
    shuffled = [row if row[0] == "a" else (row[0], row[1], 1.0 - row[2]) for row in two_sites]
    one, other = (assign(make_catalogue(rows), source=["a"], target=["b"], test_fold=(1, 3), task=binary)
                  for rows in (two_sites, shuffled))
    assert same(one, other)


def test_folds_of_unknown_patients_are_blocks_with_gaps(make_catalogue, binary) -> None:
    rows = [*[("a", "", float(i % 2)) for i in range(90)], *[("b", "", float(i % 2)) for i in range(60)]]
    catalogue = make_catalogue(rows)
    drawn = [assign(catalogue, source=["a"], target=["b"], test_fold=(k, 3), task=binary) for k in range(3)]
    for role in ("source", "target"):
        tested = [set(one.rows(role, "test").tolist()) for one in drawn]
        assert sum(map(len, tested)) == len(set.union(*tested))
        for one, away in zip(drawn, tested, strict=True):
            others = one.rows(role, "train", "val", "adapt")
            assert min(abs(i - j) for i in away for j in others.tolist()) > 1
    assert any("contiguous blocks" in note for note in drawn[0].notes)
