"""The cards are what their readers take: Hugging Face's parser, and the order of the CHAI schema's elements."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

NS = "{https://mc.chai.org/v0.2/schema.xsd}"
SCHEMA: dict[str, tuple[tuple[str, ...], frozenset[str]]] = {
    # element: its children in the schema's order, and those that may be left out
    "AppliedModelCard": (("BasicInfo", "ReleaseInfo", "ModelSummary", "UsesAndDirections", "Warnings",
                          "TrustIngredients", "KeyMetrics", "Resources", "Bibliography"), frozenset()),
    "BasicInfo": (("ModelName", "ModelDeveloper", "DeveloperContact"), frozenset()),
    "ReleaseInfo": (("ReleaseStage", "ReleaseDate", "ReleaseVersion", "GlobalAvailability", "EHRCompatibility",
                     "RegulatoryApproval"), frozenset({"EHRCompatibility", "RegulatoryApproval"})),
    "ModelSummary": (("Summary", "Keywords"), frozenset()),
    "UsesAndDirections": (("IntendedUseAndWorkflow", "PrimaryIntendedUsers", "HowToUse", "TargetedPatientPopulation",
                           "CautionedOutOfScopeSettings"), frozenset()),
    "Warnings": (("KnownRisksAndLimitations", "KnownBiasesOrEthicalConsiderations", "ClinicalRiskLevel"), frozenset()),
    "TrustIngredients": (("AISystemFacts", "TransparencyInformation"), frozenset()),
    "AISystemFacts": (("OutcomesAndOutputs", "ModelType", "FoundationModels", "InputDataSource",
                       "OutputAndInputDataTypes", "DevelopmentDataCharacterization", "BiasMitigationApproaches",
                       "OngoingMaintenance", "Security", "Transparency"),
                      frozenset({"FoundationModels", "Security", "Transparency"})),
    "TransparencyInformation": (("FundingSource", "ThirdPartyInformation", "StakeholdersConsulted"),
                                frozenset({"ThirdPartyInformation"})),
    "KeyMetrics": (("UsefulnessUsabilityEfficacy", "FairnessEquity", "SafetyReliability"), frozenset()),
    **{name: (("MetricGoal", "Results", "Interpretation", "TestType", "TestingDataDescription",
               "ValidationProcessAndJustification"), frozenset())
       for name in ("UsefulnessUsabilityEfficacy", "FairnessEquity", "SafetyReliability")},
    "MetricResult": (("Label", "ValueJson"), frozenset()),
    "Resources": (("EvaluationReferences", "ClinicalTrial", "PeerReviewedPublications", "ReimbursementStatus",
                   "PatientConsentOrDisclosure"),
                  frozenset({"EvaluationReferences", "ClinicalTrial", "ReimbursementStatus"})),
}
REPEATED = {"Keywords": "Keyword", "Results": "MetricResult"}


def obeys(element: ElementTree.Element) -> None:
    name, children = element.tag.removeprefix(NS), [child.tag.removeprefix(NS) for child in element]
    assert element.tag.startswith(NS)
    if name in REPEATED:
        assert set(children) == {REPEATED[name]}
    elif name in SCHEMA:
        order, optional = SCHEMA[name]
        assert children == [child for child in order if child in children]
        assert set(order) - set(children) <= optional
        assert len(set(children)) == len(children)
    else:
        assert children == []
        assert (element.text or "").strip(), name
    for child in element:
        obeys(child)


def figures(trained: Any) -> list[dict[str, Any]]:
    told = json.loads((trained.run / "report" / "metrics.json").read_text())
    contract = json.loads((trained.package / "contract.json").read_text())
    return [r for r in told["results"] if r["split"] == "test" and not r["pooled"]
            and r["model"] == contract["training"]["model"]]


def test_hugging_face_reads_the_head_and_every_figure_in_it(trained: Any) -> None:
    repocard = pytest.importorskip("huggingface_hub").ModelCard
    text = (trained.package / "card.md").read_text()
    card = repocard(text)
    assert card.text.lstrip().startswith("# ")
    assert card.data.library_name == "onnx"
    assert card.data.pipeline_tag == "image-classification"
    assert "research-only" in card.data.tags
    read = {(result.dataset_name, result.metric_name): result for result in card.data.eval_results}
    data = json.loads((trained.package / "contract.json").read_text())["training"]["card"]
    wanted = {(f"{data}: {r['site']} ({r['role']})", name.replace("_", " ")): (r, estimate)
              for r in figures(trained) for name, estimate in r["metrics"].items() if estimate["value"] is not None}
    assert read.keys() == wanted.keys()
    for key, (result, estimate) in wanted.items():
        assert read[key].metric_value == pytest.approx(estimate["value"], abs=1e-6)
        assert read[key].metric_args["patients"] == result["patients"]


def test_the_chai_card_obeys_its_schema_and_holds_the_figures(trained: Any) -> None:
    root = ElementTree.parse(trained.package / "card.xml").getroot()
    assert root.tag == f"{NS}AppliedModelCard"
    obeys(root)
    told = {label.text: json.loads(value.text or "") for label, value in
            ((found.find(f"{NS}Label"), found.find(f"{NS}ValueJson")) for found in root.iter(f"{NS}MetricResult"))
            if label is not None and value is not None}
    for result in figures(trained):
        entry = told[f"sensitivity at {result['site']} ({result['role']} test)"]
        assert entry["value"] == result["metrics"]["sensitivity"]["value"]
        assert entry["interval"] == result["metrics"]["sensitivity"]["interval"]


def test_a_broken_order_would_be_found(trained: Any) -> None:
    root = ElementTree.parse(trained.package / "card.xml").getroot()
    root.append(root[0])
    with pytest.raises(AssertionError):
        obeys(root)


def test_cards_name_no_person_path_or_scan(trained: Any) -> None:
    for name in ("card.md", "card.xml"):
        text = (trained.package / name).read_text()
        assert "SECRET" not in text
        assert str(trained.run) not in text
        assert f"{Path.home()}/" not in text
