"""Verdicts over simulated hospitals: errors and power as promised; and what may be compared with what."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as oracle

from medtl.errors import DataError
from medtl.evaluation.compare_runs import NOTE_HOSPITALS, compare_runs
from medtl.evaluation.contenders import Answers
from medtl.evaluation.verdicts import CAVEAT_UNNAMED, EQUIVALENT, GAIN, LOSS, UNSURE, Rule
from medtl.predictions import Predictions
from medtl.predictions.joined import joined
from tests.evaluation.duels import Hospital

POWERED = 1.57
"""Shift of the better model at which a test that knew the true error would have a power of .95 at 200 patients."""


def config(seed: int = 0, method: str = "dan", card: str = "hospitals", **train: object) -> dict[str, object]:
    return {"data": {"card": card}, "transfer": {"mapping": [{"method": method}]}, "train": {"seed": seed, **train},
            "evaluate": {"threshold": 0.5}}


def run(p: Predictions, name: str = "run", seed: int = 0, method: str = "dan", card: str = "hospitals") -> Answers:
    return Answers(name, config(seed, method, card), p)


def only(p: Predictions, model: str) -> Predictions:
    return p.where(p.model == model)


def words(hospital: Hospital, comparisons: int, seed: int) -> tuple[dict[str, int], np.ndarray]:
    rng, found, gaps = np.random.default_rng(seed), {}, []
    for _ in range(comparisons):
        row = compare_runs([run(hospital.draw(rng))], bootstrap=0).rows[0]
        found[row.verdict.word] = found.get(row.verdict.word, 0) + 1
        gaps.append(row.estimate.value)
    return found, np.array(gaps)


@pytest.mark.parametrize("comparisons", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_planted_null_is_a_gain_in_at_most_five_percent(comparisons: int) -> None:
    found, _ = words(Hospital(100, 1.2, 1.2), comparisons, 1)
    print(found)
    bound = 0.05 + 1.96 * (0.05 * 0.95 / comparisons) ** 0.5
    assert found.get(GAIN, 0) / comparisons <= bound
    assert found.get(LOSS, 0) / comparisons <= bound


@pytest.mark.parametrize("comparisons", [50, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("word", [GAIN, LOSS])
def test_a_difference_planted_with_a_power_of_95_is_named(word: str, comparisons: int) -> None:
    hospital = Hospital(200, POWERED, 1.2) if word == GAIN else Hospital(200, 1.2, POWERED)
    found, gaps = words(hospital, comparisons, 2)
    known = abs(gaps) > 1.96 * gaps.std(ddof=1)
    print(found, f"power with the true error known: {known.mean():.3f}")
    assert abs(known.mean() - 0.95) <= (0.02 if comparisons >= 1000 else 0.08)
    assert found.get(word, 0) / comparisons >= (0.92 if comparisons >= 1000 else 0.84)


def test_the_difference_is_that_of_scikit_learn_and_turns_round() -> None:
    p = Hospital(60, 2.0, 1.0).draw(np.random.default_rng(0))
    one, other = run(only(p, "adapted"), "a"), run(only(p, "baseline"), "b", method="coral")
    there, back = (compare_runs(pair, metrics=("auroc", "brier"), bootstrap=200)
                   for pair in ([other, one], [one, other]))
    y = p.labels[p.model == "adapted", 0]
    expected = [f(y, p.scores[p.model == m, 1]) for f in (oracle.roc_auc_score, oracle.brier_score_loss)
                for m in ("adapted", "baseline")]
    assert there.rows[0].estimate.value == pytest.approx(expected[0] - expected[1], abs=1e-12)
    assert there.rows[1].estimate.value == pytest.approx(expected[2] - expected[3], abs=1e-12)
    for a, b in zip(there.rows, back.rows, strict=True):
        assert a.estimate.interval is not None
        assert b.estimate.interval is not None
        assert a.estimate.interval.low == pytest.approx(-b.estimate.interval.high, abs=1e-12)
        assert {a.verdict.word, b.verdict.word} == {GAIN, LOSS}
    assert there.rows[1].estimate.value < 0  # a lower Brier score is a gain
    assert there.rows[1].verdict.word == GAIN
    assert "mapping.0.method: was 'coral', now 'dan'" in there.differs[0][1][0]


def test_the_form_of_delong_follows_the_patients() -> None:
    p = Hospital(60, 2.0, 1.0).draw(np.random.default_rng(0))
    first = replace(p, patient=p.study)
    methods = []
    for table in (p, first):
        interval = compare_runs([run(table)], bootstrap=0).rows[0].estimate.interval
        assert interval is not None
        methods.append(interval.method)
    assert methods == ["DeLong, clustered by patient (Obuchowski)", "DeLong"]


def test_several_seeds_speak_of_the_method_and_seeds_that_disagree_widen() -> None:
    def drawn(shifts: list[float]) -> list[Answers]:
        out = []
        for seed, shift in enumerate(shifts):  # one cohort, another training run
            p = Hospital(80, shift, 1.2).draw(np.random.default_rng(5))
            out += [run(only(p, "adapted"), f"dan{seed}", seed), run(only(p, "baseline"), f"base{seed}", seed, "none")]
        return out

    agreeing, apart = (compare_runs(drawn(s), bootstrap=300, against="base0").rows
                       for s in ([1.8] * 3, [1.2, 1.8, 2.4]))
    assert [(r.seeds, r.claim) for r in (*agreeing, *apart)] == [(3, "method")] * 2
    spans = [r.estimate.interval.high - r.estimate.interval.low for r in (*agreeing, *apart)]  # type: ignore[union-attr]
    assert spans[1] > 2 * spans[0]
    assert "seeds" in agreeing[0].estimate.interval.method  # type: ignore[union-attr]


def test_holm_spans_sites_methods_and_metrics() -> None:
    rng = np.random.default_rng(7)
    sites = [Hospital(80, 1.5, 1.2).draw(rng, site) for site in ("south", "west", "north")]
    alone = [compare_runs([run(p)], bootstrap=0).rows[0].verdict for p in sites]
    together = compare_runs([run(joined(sites))], bootstrap=0).rows
    assert [row.site for row in together] == ["south", "west", "north"]
    assert [row.verdict.p for row in together] == [pytest.approx(v.p) for v in alone]
    smallest = min(range(3), key=lambda i: alone[i].p or 1.0)
    assert together[smallest].verdict.p_adjusted == pytest.approx(min(1.0, 3 * (alone[smallest].p or 1.0)))
    assert all((row.verdict.detectable or 0) > (v.detectable or 0) for row, v in zip(together, alone, strict=True))


def test_equal_models_are_equivalent_within_a_margin_and_unsure_without() -> None:
    p = Hospital(400, 1.5, 1.5, own=0.05).draw(np.random.default_rng(3))
    plain, within = (compare_runs([run(p)], bootstrap=0, rule=rule).rows[0].verdict for rule in (Rule(), Rule(0.05)))
    assert (plain.word, within.word) == (UNSURE, EQUIVALENT)
    assert "would have been seen" in plain.sentence


def test_a_direction_fixed_beforehand_never_claims_the_other() -> None:
    p = Hospital(150, 0.6, 2.0).draw(np.random.default_rng(3))
    looking = {d: compare_runs([run(p)], bootstrap=0, rule=Rule(direction=d)).rows[0].verdict  # type: ignore[arg-type]
               for d in ("either", "gain", "loss")}
    assert [v.word for v in looking.values()] == [LOSS, UNSURE, LOSS]
    assert "not tested" in looking["gain"].sentence
    assert (looking["loss"].p or 1) == pytest.approx((looking["either"].p or 1) / 2)


def test_what_is_claimed_and_what_is_not_is_said() -> None:
    p = Hospital(60, 2.0, 1.0).draw(np.random.default_rng(0))
    nameless = compare_runs([run(replace(p, patient=np.full(len(p), "")))], bootstrap=0)
    assert CAVEAT_UNNAMED in nameless.rows[0].verdict.sentence
    assert NOTE_HOSPITALS in nameless.notes
    assert any("not about the methods" in note for note in nameless.notes)


def test_neither_order_nor_other_sites_change_a_row() -> None:
    rng = np.random.default_rng(9)
    p = joined([Hospital(40, 1.5, 1.2).draw(rng, site) for site in ("south", "west")])
    plain = compare_runs([run(p)], metrics=("brier",), bootstrap=100).rows
    alone = compare_runs([run(p.where(p.site == "west"))], metrics=("brier",), bootstrap=100).rows
    assert plain[1].estimate == alone[0].estimate


@pytest.mark.parametrize(("change", "said"), [
    (lambda p: run(p, "b", method="x", card="other"), "compare runs of one card"),
    (lambda p: run(p.where(p.study != "s3"), "b", method="x"), "the same studies"),
    (lambda p: run(replace(p, labels=1 - p.labels), "b", method="x"), "another label"),
    (lambda p: run(p, "a"), "named twice"),
    (lambda p: run(p, "b"), "seeds of their own"),
    (lambda p: run(replace(p, classes=("no", "maybe")), "b", method="x"), "one task"),
])
def test_what_cannot_be_compared_is_refused_with_a_reason(change: object, said: str) -> None:
    p = Hospital(30, 2.0, 1.0).draw(np.random.default_rng(0))
    with pytest.raises(DataError, match=said):
        compare_runs([run(p, "a"), change(p)], bootstrap=0)  # type: ignore[operator]


def test_a_run_without_a_counterpart_is_refused() -> None:
    p = only(Hospital(30, 2.0, 1.0).draw(np.random.default_rng(0)), "baseline")
    with pytest.raises(DataError, match="one model only"):
        compare_runs([run(p)], bootstrap=0)
    with pytest.raises(DataError, match="some in common"):
        compare_runs([run(p, "a", 0), run(p, "b", 1), run(p, "c", 2, "x")], bootstrap=0)
    with pytest.raises(DataError, match="--against"):
        compare_runs([run(p, "a"), run(p, "b", 0, "x")], bootstrap=0, against="c")
