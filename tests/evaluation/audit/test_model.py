"""An audit comes back from its file as it was, in the order in which it is read."""
from __future__ import annotations

from pathlib import Path

import pytest

from medtl.errors import RunStateError
from medtl.evaluation.audit import Audit, Check, Figure, Profile, read_audit, write_audit


def audit() -> Audit:
    figure = Figure("AUROC", 0.97, (0.94, 0.99), 0.58, 0.001, 0.012, 120)
    return Audit(
        checks=(
            Check("text_by_label", "is text burned in?", ("north",), "not_run", "warning", "one class only"),
            Check("site_readable", "can it be told?", ("north", "south"), "found", "warning", "it can", "look", figure),
            Check("duplicates", "are scans there twice?", ("north",), "clear", "fault", "none"),
            Check("patient_leakage", "is a patient on both sides?", ("south",), "found", "fault", "one is", "move it"),
        ),
        level=0.05, tests=14, permutations=999, seed=0, seconds=3.1, studies=240, patients=120,
        sites=("north", "south"), notes=("simulated",),
        profiles=(Profile("north", 60, (0.0, 0.5, 1.0), ((0.0, 0.1), (0.2, 0.3))),),
    )


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    write_audit(tmp_path, audit())
    assert read_audit(tmp_path) == audit()


def test_findings_come_first_and_faults_before_warnings() -> None:
    ordered = audit().ordered()
    codes = [check.code for check in ordered.checks]
    assert codes == ["patient_leakage", "site_readable", "duplicates", "text_by_label"]
    assert ordered.codes == {"patient_leakage", "site_readable"}


def test_none_is_none_and_a_damaged_one_is_said(tmp_path: Path) -> None:
    assert read_audit(tmp_path) is None
    for text in ("{", '{"format": 2}', '{"format": 1, "checks": []}'):
        (tmp_path / "audit.json").write_text(text)
        with pytest.raises(RunStateError, match="again"):
            read_audit(tmp_path)
