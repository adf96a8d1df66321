"""Answers on what was found."""
from __future__ import annotations

from medtl.evaluation.report.checklists.answer import Answer, part, whole
from medtl.evaluation.report.content import Content
from medtl.evaluation.report.limits import limits
from medtl.evaluation.report.summary import headlines, question_of, told
from medtl.evaluation.site_report import SiteResult
from medtl.evaluation.sites import HEADLINE


def kind_of_ai(content: Content) -> Answer | None:
    """Deep transfer learning, for a title."""
    task = content.facts.section("task")
    named = [str(label) for label in task.get("labels") or [task.get("label")] if label]
    outcome = f" of {', '.join(named)}" if named else ""
    return part(f"Deep transfer learning ({content.report.kind} classification{outcome} of whole studies).")


def summary(content: Content) -> Answer | None:
    """The sentences at the top of the page."""
    return part("The sentences at the top of this report.") if headlines(content) else None


def question(content: Content) -> Answer | None:
    """The question at the top."""
    return part(question_of(content.facts))


def internal(content: Content) -> Answer | None:
    """AUROC at home."""
    return whole("; ".join(_figure(r) for r in _test(content, "source")))


def external(content: Content) -> Answer | None:
    """AUROC away."""
    return whole("; ".join(_figure(r) for r in _test(content, "target")))


def performance(content: Content) -> Answer | None:
    """All figures."""
    found = [*_test(content, "target"), *_test(content, "source")]
    figures = "; ".join(_figure(r) for r in found)
    groups = "Subgroups: section of that name" if content.subgroups else "No subgroups: no trait is known"
    return part(f"{figures}. All figures: section on results. {groups}." if found else "")


def accuracy(content: Content) -> Answer | None:
    """Sensitivity and specificity at the threshold."""
    lines = []
    for result in [*_test(content, "target"), *_test(content, "source")]:
        both = [f"{name} {told(result.estimate(name))}" for name in ("sensitivity", "specificity")
                if name in content.report.metrics]
        lines.append(f"{result.site}: {', '.join(both)}")
    return whole("; ".join(lines))


def gap(content: Content) -> Answer | None:
    """Internal minus external."""
    gaps = content.report.gaps
    return whole("; ".join(f"{g.model}, {g.internal} minus {g.external}: {told(g.estimate)}" for g in gaps))


def failures(content: Content) -> Answer | None:
    """Pictures of confident mistakes."""
    if content.pictures is None or not content.pictures.failures:
        return None
    count = sum(answer.kind != "right" for *_, answers in content.pictures.failures for answer in answers)
    return part(f"The {count} most confident mistakes are shown as images with maps of what the scores rest on. What "
                "they have in common is for readers to say.")


def limitations(content: Content) -> Answer | None:
    """The section on limits."""
    return part(f"{len(limits(content.facts, content.report))} limits stand in the section of that name.")


def intended_use(content: Content) -> Answer | None:
    """Research only."""
    return part("Research only: no medical device, no basis for a clinical decision. What the role in a clinic could "
                "be is for the authors to say.")


def _test(content: Content, role: str) -> tuple[SiteResult, ...]:
    return content.report.select(model=content.report.models[0], role=role, split="test", pooled=False)


def _figure(result: SiteResult) -> str:
    return f"{result.site}: AUROC {told(result.estimate(HEADLINE))}, n = {result.studies}"
