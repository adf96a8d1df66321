"""The reasons are closed, documented, and decide the verdict by their strongest effect."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

from medtl.io.reasons import Reason, verdict_of


@pytest.mark.parametrize("reason", list(Reason), ids=lambda reason: reason.code)
def test_every_reason_says_what_it_means_and_what_to_do(reason: Reason) -> None:
    assert re.fullmatch(r"[a-z0-9_]+", reason.code)
    assert reason.code == reason.name.lower() == reason.value
    assert Reason(reason.code) is reason
    assert reason.effect in ("note", "repair", "refusal")
    assert reason.meaning.endswith(".")
    assert reason.action.endswith(".")


def test_the_strongest_effect_decides() -> None:
    assert verdict_of([]) == "use"
    assert verdict_of([Reason.SPLIT]) == "use"
    assert verdict_of([Reason.SPLIT, Reason.DUPLICATE_DROPPED]) == "repaired"
    assert verdict_of([Reason.DUPLICATE_DROPPED, Reason.MISSING_SLICE, Reason.SPLIT]) == "refused"


def test_the_page_lists_every_reason_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs" / "intake.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+) \| (.+) \|$", page, re.MULTILINE)
    assert listed == [(reason.code, reason.effect, reason.meaning, reason.action) for reason in Reason]
