"""Every planted fault is named, alone; clean data gives no name."""
from __future__ import annotations

import numpy as np
import pytest

from medtl.evaluation.audit.run import LEVEL, Task, run_audit
from tests.evaluation.audit.planted import copied, hospitals, leaking, marker, of_south

TASK = Task("binary", ("absent", "present"))


@pytest.mark.parametrize("seed", range(3))
def test_clean_data_give_none(seed: int) -> None:
    audit = run_audit(*hospitals(seed), TASK, seed=seed)
    assert audit.findings == ()
    assert audit.tests >= 12
    assert audit.level == LEVEL
    control = next(check for check in audit.checks if check.code == "shuffled_control")
    assert control.figure is not None
    assert abs(control.figure.value - 0.5) < 0.03


def test_a_patient_on_both_sides_is_named() -> None:
    prepared, cohort = hospitals(0)
    audit = run_audit(prepared, leaking(cohort), TASK)
    assert audit.codes == {"patient_leakage"}
    (finding,) = audit.findings
    assert finding.severity == "fault"
    assert finding.words.startswith("3 of 120 patients are in two parts (source test and source train)")
    assert finding.sites == ("north",)


@pytest.mark.parametrize("exact", [True, False])
def test_copies_are_named(exact: bool) -> None:
    audit = run_audit(*copied(*hospitals(0), exact), TASK)
    assert audit.codes == {"duplicate_scans" if exact else "near_duplicate_scans"}
    assert audit.findings[0].words.startswith("2 pairs of scans in different parts")


def test_labels_that_go_with_the_hospital_are_named() -> None:
    audit = run_audit(*hospitals(0, prevalence={"north": 0.8, "east": 0.5, "south": 0.2}.__getitem__), TASK)
    assert audit.codes == {"site_label_confounding"}
    assert "north 80%, south 20%" in audit.findings[0].words.replace("east 50%, ", "")


@pytest.mark.parametrize(("how", "code"), [
    (lambda x: x / 255, "range_mismatch"),
    (lambda x: 1 - x, "inverted"),
    (lambda x: np.clip(1.6 * x - 0.1, 0, 1), "window_mismatch"),
])
def test_another_preparation_is_named(how: object, code: str) -> None:
    audit = run_audit(*hospitals(0, of_south(how)), TASK)  # type: ignore[arg-type]
    assert code in audit.codes
    (finding,) = [check for check in audit.findings if check.code == code]
    assert finding.sites == ("south",)
    assert audit.codes <= {code, "site_readable", "site_in_borders", "site_outside_body"}
    assert {"range_mismatch", "inverted", "window_mismatch"} & audit.codes == {code}


def test_windows_that_vary_within_a_hospital_are_named() -> None:
    rng = np.random.default_rng(0)
    audit = run_audit(*hospitals(0, of_south(lambda x: np.clip(rng.uniform(0.7, 1.4) * x, 0, 1))), TASK)
    assert "window_varies" in audit.codes
    assert not {"range_mismatch", "inverted", "window_mismatch"} & audit.codes
    (finding,) = [check for check in audit.findings if check.code == "window_varies"]
    assert finding.sites == ("south",)


def test_a_marker_that_stands_with_the_label_is_named() -> None:
    audit = run_audit(*hospitals(0, marker), TASK)
    assert "label_in_borders" in audit.codes
    assert audit.codes <= {"label_in_borders", "label_in_statistics", "statistics_across"}
    finding = next(check for check in audit.findings if check.code == "label_in_borders")
    assert finding.figure is not None
    assert finding.figure.value > 0.9
    assert finding.figure.interval is not None
    assert finding.figure.interval[0] > 0.7


def test_a_model_that_reads_the_marker_is_named_and_one_that_does_not_is_not() -> None:
    prepared, cohort = hospitals(0, marker)
    for reads, named in ((lambda scans: scans[..., 2:5, 2:5].mean(axis=(1, 2, 3, 4)), True),
                         (lambda scans: scans[..., 22:26, 18:30].mean(axis=(1, 2, 3, 4)), False)):
        audit = run_audit(prepared, cohort, TASK, answer=reads)
        assert ("model_reads_borders" in audit.codes) is named


def test_statistics_that_point_opposite_ways_are_named() -> None:
    def white(picture: np.ndarray, site: str, label: int, rng: np.random.Generator) -> np.ndarray:
        if (label == 1) == (site == "south"):
            picture = picture.copy()
            picture[rng.integers(15, 32, 60), rng.integers(15, 32, 60)] = 1.0
        return picture

    audit = run_audit(*hospitals(0, white), TASK)
    assert "statistic_reverses" in audit.codes
    reversed_ = {check.sites for check in audit.findings if check.code == "statistic_reverses"}
    assert reversed_ == {("east", "south"), ("north", "south")}
    assert any("point the other way" in check.words for check in audit.findings if check.code == "statistics_across")


def test_it_is_the_same_again_and_holds_no_names_of_patients() -> None:
    prepared, cohort = hospitals(1, marker)
    first, second = (run_audit(prepared, cohort, TASK, seed=4) for _ in range(2))
    assert first.checks == second.checks
    assert not any(item.patient in check.words or item.study in check.words
                   for check in first.checks for item in cohort.catalogue.items)
