"""``card.md``: what a package is, how well it did where, and what it is not for, in plain words."""
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from medtl.export.contract import Contract

_SHOWN = ("auroc", "average_precision", "balanced_accuracy", "sensitivity", "specificity", "brier", "mae", "rmse",
          "r2", "concordance", "bias", "limit_low", "limit_high")


def card(name: str, contract: Contract, do_not_use_for: Sequence[str] = ()) -> str:
    """The model card, Markdown.

    Args:
        name: of the run.
        contract: of the package.
        do_not_use_for: from the data card.

    Returns:
        The text.
    """
    labels = ", ".join(contract.labels)
    training = contract.training
    source, target = (", ".join(training.get(role, ())) or "none" for role in ("source", "target"))
    parts = [
        f"# {name}",
        "**Simulated data.** This network was trained and tested on simulated scans. Its figures say nothing about "
        "patients." if contract.simulated else "",
        f"A research network that reads one scan and gives a score per class for: {labels} "
        f"({contract.kind}; scores {', '.join(contract.scores)}).",
        "## Where it comes from",
        f"Source sites (labels used): {source}. Target sites (adapted to): {target}. "
        f"Backbone {contract.model.get('backbone')}, methods {', '.join(training.get('methods', ())) or 'none'}. "
        f"The checkpoint was selected by: {training.get('selection')}.",
        "## How well it did",
        "On studies that were not trained on. Each figure with its 95 % interval over patients; n counts studies. "
        f"Selection: {training.get('selection')}.",
        _table(contract.results, training.get("model", "adapted")),
        *(f"- {note}" for note in (*contract.results.get("notes", ()), *training.get("notes", ()))),
        "## Threshold",
        _thresholds(contract.thresholds),
        *(("## Calibration", f"{_sentence(contract.calibration['rule'])}") if contract.calibration else ()),
        *(("## Harmonisation", f"{_sentence(training['harmonize']['rule'])}") if training.get("harmonize") else ()),
        "## What it is not for",
        "- It is not a medical device. No diagnosis, triage or treatment may rest on it.",
        "- It was tested at the sites above only. At another hospital or scanner, test it on local studies first: "
        "figures usually fall.",
        "- It answers for every readable scan, also of another body part or protocol than it was trained on.",
        *(f"- {line}" for line in do_not_use_for),
        "## How to use it",
        "    medtl predict PACKAGE SCANS... --out scores.csv",
        "`contract.json` states the preprocessing for other programs. `SHA256SUMS` covers every file; a package with "
        "an altered file is refused.",
    ]
    text = "\n\n".join(part for part in parts if part) + "\n"
    return re.sub(r"(?m)^(- .*)\n\n(?=- )", r"\1\n", text)  # one list, not one per line


def _table(results: Mapping[str, Any], model: str) -> str:
    rows = [r for r in results.get("results", ()) if r["split"] == "test" and r["model"] == model]
    shown = [m for m in _SHOWN if any(m in row["metrics"] for row in rows)]
    if not rows:
        return "No test studies with a known label."
    lines = ["| site | role | n | n+ | patients | " + " | ".join(m.replace("_", " ") for m in shown) + " |",
             "|" + "---|" * (5 + len(shown))]
    for row in rows:
        positives = "" if row["n_positive"] is None else row["n_positive"]
        cells = [row["site"], row["role"], row["n"], positives, row["patients"],
                 *(_cell(row["metrics"].get(metric)) for metric in shown)]
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines)


def _cell(estimate: Mapping[str, Any] | None) -> str:
    if estimate is None or estimate["value"] is None:
        return "not estimable"
    low_high = estimate["interval"]
    return f"{estimate['value']:.3f} " + (f"[{low_high[0]:.3f}, {low_high[1]:.3f}]" if low_high else "[not estimable]")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _thresholds(thresholds: Mapping[str, Any]) -> str:
    values = thresholds.get("values") or {}
    if not values and thresholds.get("rule"):
        return f"Rule: {thresholds['rule']}."
    said = [f"{name}: {'none' if value is None else f'{value:.4g}'}" for name, value in values.items()]
    return f"A score at or above the threshold is called positive. Rule: {thresholds.get('rule')}. {'; '.join(said)}."
