"""The report as Markdown: what is words and tables of the page, for a repository, a review or a mail."""
from __future__ import annotations

from collections.abc import Sequence

from medtl.evaluation.report.checklists import checklists
from medtl.evaluation.report.content import Content
from medtl.evaluation.report.flow import flow_of
from medtl.evaluation.report.limits import limits
from medtl.evaluation.report.plan import plan_of
from medtl.evaluation.report.splits import split_table
from medtl.evaluation.report.summary import headlines, question_of, told
from medtl.evaluation.scoring import load_metrics
from medtl.evaluation.table import threshold_line

_SPECIAL = str.maketrans({"|": "\\|", "\n": " ", "<": "&lt;", ">": "&gt;", "`": "'"})


def markdown(content: Content) -> str:
    """Writes a report as Markdown.

    Args:
        content: of the report.

    Returns:
        The text; whatever a user wrote stands without markup.
    """
    facts, report = content.facts, content.report
    metrics, plan = load_metrics(report.metrics), plan_of(facts)
    binary = report.kind == "binary"
    lines = [f"# {_plain(facts.name)}", "", f"**{_plain(question_of(facts))}**", ""]
    lines += [f"- {_plain(line)}" for line in headlines(content)]
    notes = [*content.notes, *report.notes]
    if notes:
        lines += ["", "## Read this with the numbers", "", *(f"- {_plain(note)}" for note in notes)]
    flow = flow_of(facts)
    if flow:
        lines += ["", "## Data", "", f"{flow.scans} scans listed ({flow.studies} studies at {flow.sites} sites)."]
        lines += [f"- left out: {count} {_plain(why)}" for why, count in flow.left]
        lines += [f"- {_plain(site.site)} ({site.role}), {part.name}: {part.studies} studies, "
                  f"{'patients unknown' if part.patients is None else f'{part.patients} patients'}; {_plain(part.use)}"
                  for site in flow.used for part in site.parts]
    splits = split_table(facts.splits)
    if splits.rows:
        lines += ["", *_table(["site", "role", "part", *splits.classes],
                              [[site, role, split, *cells] for site, role, split, cells in splits.rows])]
    lines += ["", "## Methods", "", *(f"- {head}: {_plain(words)}" for head, words in plan.sentences)]
    lines += [f"- {method.name} ({method.family}): {_plain(method.text)} {_plain(method.reference)}".rstrip()
              for method in plan.methods]
    lines += [f"- {_plain(threshold_line(report, model))}" for model in report.models]
    lines += ["", f"## Results per site, test studies ({report.level:.0%} intervals in brackets)", ""]
    head = ["site", "role", "model", "n", *(["n+"] if binary else []), "patients", *(m.title for m in metrics)]
    rows = [[r.site, r.role, r.model, str(r.studies), *([str(r.positives)] if binary else []), content.patients(r),
             *(told(e) for e in r.estimates)] for r in [*content.shown, *report.select(split="test", pooled=True)]]
    lines += _table(head, rows)
    if report.gaps:
        lines += ["", "## Away from home: internal minus external AUROC", "",
                  *_table(["model", "internal", "external", "gap"],
                          [[g.model, g.internal, g.external, told(g.estimate)] for g in report.gaps])]
    if report.comparisons:
        lines += ["", "## Did adaptation help?", "",
                  *_table(["site", "n", "AUROC, adapted minus baseline", "verdict"],
                          [[c.site, str(c.studies), told(c.estimate), c.verdict] for c in report.comparisons])]
    if content.audit:
        lines += ["", "## Audit", "", *(f"- {check.severity}: {_plain(check.words)} {_plain(check.advice)}".rstrip()
                                        for check in content.audit.findings)]
        lines += [] if content.audit.findings else ["Nothing was found."]
    lines += ["", "## Limits", "", *(f"- {_plain(line)}" for line in limits(facts, report))]
    for checklist in checklists(content):
        filled, in_part = checklist.count("filled"), checklist.count("in part")
        lines += ["", f"## {checklist.name}: {filled} of {len(checklist.items)} items filled, {in_part} in part", ""]
        lines += _table(["item", "asks", "answer"],
                        [[item.number, item.asks, item.answer or "OPEN"] for item in checklist.items])
    lines += ["", "Figures as data: metrics.json and results.csv beside this file; every one is computed from "
              f"{facts.predictions_name} (SHA-256 {facts.predictions_digest})."]
    return "\n".join(lines) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(_plain(cell) for cell in row) + " |"
            for row in (head, ["---"] * len(head), *rows)]


def _plain(text: str) -> str:
    return str(text).translate(_SPECIAL)
