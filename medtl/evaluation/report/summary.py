"""The report in a few sentences: each with its site, its n, its interval and the rule that selected the checkpoint."""
from __future__ import annotations

from collections.abc import Sequence

from medtl.evaluation.estimates import Estimate
from medtl.evaluation.report.content import Content
from medtl.evaluation.report.facts import RunFacts
from medtl.evaluation.report.plan import words_of
from medtl.evaluation.site_report import SiteResult
from medtl.evaluation.sites import HEADLINE

MANY = 4
"""Target sites beyond which a sentence per site is too much; then the lowest and the highest stand for them."""


def question_of(facts: RunFacts) -> str:
    """What the run asks, as one question.

    Args:
        facts: of the run.

    Returns:
        A sentence.
    """
    sites, task = facts.section("sites"), facts.section("task")
    labels = _and([label for label in task.get("labels") or [task.get("label")] if label]) or "the label"
    source, target = (_and(list(sites.get(role) or ())) for role in ("source", "target"))
    shown = {"none": "without any label from there", "all": "with all labels of its adaptation part"}
    labelled = sites.get("target_labels", "none")
    told = shown.get(str(labelled), f"with {words_of(labelled)} labelled patients from there")
    if not target:
        return f"How well does a network trained at {source} recognise {labels}?"
    methods = " + ".join(str(entry.get("method")) for _, entry in facts.methods)
    way = f"adapted with {methods} {told}" if methods else f"carried over as it is, {told}"
    return f"How well does a network trained at {source} recognise {labels} at {target}, {way}?"


def _and(names: Sequence[object]) -> str:
    words = [str(name) for name in names]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def headlines(content: Content) -> tuple[str, ...]:
    """What was found, at the target first.

    Args:
        content: of the report.

    Returns:
        Sentences; the ends of every interval are in brackets.
    """
    facts, report = content.facts, content.report
    model = report.models[0]
    level = f"{report.level:.0%} interval in brackets"
    targets = list(report.select(split="test", role="target", pooled=False, model=model))
    out = [_said(result, content) for result in _few(targets)]
    if len(targets) > MANY:
        out.insert(0, f"{len(targets)} target sites were tested; the lowest and the highest AUROC are named here.")
    out += [f"At {c.site}, adapted minus baseline on the same {c.studies} studies: AUROC {told(c.estimate)}. "
            f"Verdict: {c.verdict}." for c in report.comparisons if len(report.comparisons) <= MANY or c.pooled]
    home = report.select(split="test", role="source", pooled=False, model=model)
    out += [_said(result, content) for result in _few(list(home))]
    if out:
        out[0] = f"{out[0]} ({level}; checkpoint by {facts.selection.replace('_', ' ')})"
    return tuple(out)


def told(estimate: Estimate) -> str:
    """A figure with its interval in words."""
    if estimate.value is None:
        return f"not estimable ({estimate.reason})"
    if estimate.interval is None:
        return f"{estimate.value:.3f} (no interval)"
    return f"{estimate.value:.3f} [{estimate.interval.low:.3f} to {estimate.interval.high:.3f}]"


def _said(result: SiteResult, content: Content) -> str:
    where = "internal test" if result.role == "source" else "external test"
    positives = f", {result.positives} positive" if result.positives is not None else ""
    patients = content.patients(result)
    of = "patients unknown" if patients == "unknown" else f"of {patients} patients"
    return (f"{result.site} ({where}): AUROC of the {result.model} model {told(result.estimate(HEADLINE))}, "
            f"{result.studies} studies, {of}{positives}.")


def _few(results: Sequence[SiteResult]) -> Sequence[SiteResult]:
    known = [r for r in results if r.estimate(HEADLINE).value is not None]
    if len(results) <= MANY or not known:
        return results[:MANY]
    ordered = sorted(known, key=lambda r: r.estimate(HEADLINE).value or 0.0)
    return [ordered[0], ordered[-1]]
