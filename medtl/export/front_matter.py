"""The head of ``card.md``: YAML as Hugging Face's model cards have it, with the test figures of every site."""
from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ruamel.yaml import YAML

from medtl.export.contract import Contract

TYPES = {"auroc": "roc_auc", "average_precision": "average_precision", "brier": "brier_score"}
"""Names that Hugging Face knows for metrics of ours; others keep their own."""


def front_matter(name: str, contract: Contract) -> str:
    """The YAML block, with the lines of dashes around it.

    Nothing is said that the package does not know: its licence is for whoever publishes it to state.

    Args:
        name: of the run.
        contract: of the package.

    Returns:
        The text, ending in a line break.
    """
    content: dict[str, Any] = {
        "library_name": "onnx",
        "pipeline_tag": "image-classification",
        "license": "other",
        "license_name": "not-stated",
        "tags": sorted({"medical-imaging", "transfer-learning", "medtl", "research-only",
                        *(f"method-{method}" for method in contract.training.get("methods", ())),
                        *(["simulated-data"] if contract.simulated else [])}),
        "model-index": [{"name": name, "results": list(_results(contract))}],
    }
    if not content["model-index"][0]["results"]:
        del content["model-index"]
    out = io.StringIO()
    yaml = YAML(typ="safe")
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.dump(content, out)
    return f"---\n{out.getvalue()}---\n\n"


def _results(contract: Contract) -> Iterator[dict[str, Any]]:
    data = str(contract.training.get("card") or "data")
    for result in tested(contract):
        metrics = [
            {"type": TYPES.get(metric, metric), "name": metric.replace("_", " "), "value": round(estimate["value"], 6),
             "args": {"interval": [round(end, 6) for end in estimate["interval"]] if estimate["interval"] else None,
                      "studies": result["n"], "patients": result["patients"]}}
            for metric, estimate in result["metrics"].items() if estimate["value"] is not None
        ]
        if metrics:
            yield {
                "task": {"type": "image-classification", "name": ", ".join(contract.labels)},
                "dataset": {"type": re.sub(r"[^a-z0-9_.-]+", "-", f"{data}-{result['site']}".lower()),
                            "name": f"{data}: {result['site']} ({result['role']})", "split": "test"},
                "metrics": metrics,
            }


def tested(contract: Contract) -> list[Mapping[str, Any]]:
    """The package's own figures on test studies, site by site.

    Args:
        contract: of the package.

    Returns:
        Entries of ``report/metrics.json``.
    """
    model = contract.training.get("model", "adapted")
    return [result for result in contract.results.get("results", ())
            if result["split"] == "test" and result["model"] == model and not result["pooled"]]
