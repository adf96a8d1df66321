"""Rules in real runs: each can choose, none sees a target label, and they stand side by side in the log."""
from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_cohort import QUICK, TASK, cohort, plan, run, weights

from medtl import registry
from medtl.config.load import load_config
from medtl.errors import ConfigError
from medtl.evaluation.report.facts import SELECTIONS
from medtl.models.predict import Predicted
from medtl.training.selection import lacking, rules_for, seen_by_rules, values_of

RULES = registry.names("selections")
EPOCHS = replace(QUICK, epochs=3)


def records(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line)["selection"] for line in (folder / "log.jsonl").read_text().splitlines()]


def test_every_rule_is_explained_in_reports() -> None:
    assert set(RULES) == set(SELECTIONS) - {"oracle"}
    for name in RULES:
        assert registry.load("selections", name).sentence


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_picks_the_lowest_of_its_values_and_sees_no_target_label(rule: str, tmp_path: Path) -> None:
    train = replace(EPOCHS, selection=rule)
    ours = run(tmp_path / "a", plan("dan"), train=train)
    flipped = run(tmp_path / "b", plan("dan"), train=train, of=cohort(flipped=True))
    assert all(torch.equal(weights(ours)[key], weights(flipped)[key]) for key in weights(ours))
    assert records(tmp_path / "a") == records(tmp_path / "b")
    told = records(tmp_path / "a")
    done = json.loads((next((tmp_path / "a" / "stages").glob("*")) / "done.json").read_text())["selection"]
    values = [record["values"] for record in told]
    assert all(set(RULES) - {"last"} | {"effective_sample_size"} == set(of_epoch) for of_epoch in values)  # type: ignore[call-overload]
    if rule == "last":
        assert done["best_epoch"] == len(told) - 1
    else:
        assert [record["value"] for record in told] == [of_epoch[rule] for of_epoch in values]  # type: ignore[index]
        assert done["best_epoch"] == int(np.argmin([record["value"] for record in told]))
    assert done["rule"] == rule


def test_what_is_shown_beside_the_rule_does_not_change_the_run(tmp_path: Path) -> None:
    """The rules look on: the values of all are the same whichever one chooses."""
    values = []
    for rule in ("source_validation", "entropy"):
        run(tmp_path / rule, plan("source_only"), train=replace(EPOCHS, selection=rule))
        values.append([record["values"] for record in records(tmp_path / rule)])
    assert values[0] == values[1]


def test_without_a_target_the_rules_of_the_source_are_left() -> None:
    of = cohort()
    alone = replace(of, role=tuple("unused" if r == "target" else r for r in of.role))
    assert set(rules_for(TASK, alone)) == {"source_validation", "last"}
    assert "looks at target images" in (lacking("entropy", TASK, alone) or "")
    assert lacking("source_validation", TASK, alone) is None
    unlabelled = replace(of, hidden=np.ones_like(of.hidden))
    assert "dev needs source validation studies" in (lacking("dev", TASK, unlabelled) or "")
    assert set(rules_for(TASK, unlabelled)) == {
        "last", "entropy", "information_maximisation", "soft_neighbourhood_density"}


def test_rules_look_at_studies_not_at_scans_and_never_at_the_test_part() -> None:
    of = cohort()
    rows = np.concatenate([of.rows("source", "val"), of.rows("target", "adapt"), of.rows("target", "test")])
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(len(rows), 2)).astype(np.float32)
    features = rng.normal(size=(len(rows), 4)).astype(np.float32)
    rules = rules_for(TASK, of)
    once = values_of(rules, seen_by_rules(TASK, of, Predicted(rows, logits, features, "single")))
    twice = np.concatenate([np.arange(len(rows)), np.arange(len(rows))])
    again = values_of(rules, seen_by_rules(TASK, of, Predicted(rows[twice], logits[twice], features[twice], "single")))
    assert again == pytest.approx(once, rel=1e-5)
    other = logits.copy()
    other[-len(of.rows("target", "test")):] += 5.0
    assert values_of(rules, seen_by_rules(TASK, of, Predicted(rows, other, features, "single"))) == once


def test_a_name_that_is_no_rule_is_said_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean entropy"):
        load_config("chest_ct.yaml", ["train.selection=entropie"])
