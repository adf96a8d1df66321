"""``card.xml``: the Applied Model Card of the Coalition for Health AI, version 0.2, as far as a package can fill it."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from medtl.export.contract import Contract
from medtl.export.front_matter import tested

NAMESPACE = "https://mc.chai.org/v0.2/schema.xsd"
OPEN = "Not stated by the run; for whoever releases this model to fill."
Entries = Sequence[tuple[str, Any]]


def chai_card(name: str, contract: Contract, *, do_not_use_for: Sequence[str] = (), finished: str = "") -> str:
    """The card as XML; the elements and their order are the schema's.

    Args:
        name: of the run.
        contract: of the package.
        do_not_use_for: from the data card.
        finished: when the run was finished, as provenance.json has it; only the day is told.

    Returns:
        The document.

    Reference:
        Coalition for Health AI, Applied Model Card schema v0.2.
    """
    ElementTree.register_namespace("", NAMESPACE)
    root = ElementTree.Element(f"{{{NAMESPACE}}}AppliedModelCard")
    _fill(root, _entries(name, contract, do_not_use_for, finished))
    ElementTree.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _fill(parent: ElementTree.Element, entries: Entries) -> None:
    for tag, value in entries:
        child = ElementTree.SubElement(parent, f"{{{NAMESPACE}}}{tag}")
        if isinstance(value, str):
            child.text = value
        else:
            _fill(child, value)


def _entries(name: str, contract: Contract, do_not_use_for: Sequence[str], finished: str) -> Entries:
    training = contract.training
    source, target = (", ".join(training.get(role, ())) or "none" for role in ("source", "target"))
    methods = ", ".join(training.get("methods", ())) or "none"
    limits = ["Tested at the sites named here only; at other hospitals and scanners figures usually fall.",
              *contract.results.get("notes", ()), *training.get("notes", ()), *do_not_use_for]
    if contract.simulated:
        limits.insert(0, "SIMULATED scans: no figure says anything about patients.")
    keywords = ["medical imaging", "transfer learning", *training.get("methods", ())]
    return [
        ("BasicInfo", [("ModelName", name), ("ModelDeveloper", OPEN), ("DeveloperContact", OPEN)]),
        ("ReleaseInfo", [
            ("ReleaseStage", "Research; not released for use"), ("ReleaseDate", finished[:10] or OPEN),
            ("ReleaseVersion", str(training.get("config_digest") or OPEN)), ("GlobalAvailability", OPEN),
            ("RegulatoryApproval", "None: not a medical device."),
        ]),
        ("ModelSummary", [
            ("Summary", f"A network that reads one scan and gives a score per class for {', '.join(contract.labels)} "
                        f"({contract.kind}; scores {', '.join(contract.scores)}). Trained at {source}, carried to "
                        f"{target}."),
            ("Keywords", [("Keyword", word) for word in keywords]),
        ]),
        ("UsesAndDirections", [
            ("IntendedUseAndWorkflow", "Research on transfer between hospitals. No diagnosis, triage or treatment may "
                                       "rest on it."),
            ("PrimaryIntendedUsers", "Researchers who can test it on local studies."),
            ("HowToUse", "medtl predict PACKAGE SCANS --out scores.csv; contract.json states the preprocessing for "
                         "other programs."),
            ("TargetedPatientPopulation", f"Patients like those of the sites {source}; {target}."),
            ("CautionedOutOfScopeSettings", "Other body parts, protocols, hospitals or scanners: it answers for every "
                                            "readable scan and does not notice that one is foreign."),
        ]),
        ("Warnings", [
            ("KnownRisksAndLimitations", " ".join(limits)),
            ("KnownBiasesOrEthicalConsiderations", "Subgroups of patients were not tested unless the run's report says "
                                                   "so. Labels are those of the data; nobody checked them."),
            ("ClinicalRiskLevel", OPEN),
        ]),
        ("TrustIngredients", [
            ("AISystemFacts", [
                ("OutcomesAndOutputs", f"Probabilities of {', '.join(contract.scores)}; {_thresholds(contract)}"
                                       f"{_calibration(contract)}"),
                ("ModelType", f"Deep network, {contract.model.get('backbone')}; transfer methods: {methods}"),
                ("FoundationModels", f"Backbone {contract.model.get('backbone')}, weights at the start: "
                                     f"{json.dumps(contract.model.get('weights'))}"),
                ("InputDataSource", f"Data card {training.get('card') or OPEN}"),
                ("OutputAndInputDataTypes", f"In: float32 of shape {list(contract.shape)} (slices, channels, height, "
                                            f"width), as in contract.json. Out: {len(contract.scores)} logits."),
                ("DevelopmentDataCharacterization", f"Source sites (labels used): {source}. Target sites: {target}, "
                                                    f"labels seen: {training.get('target_labels')}."),
                ("BiasMitigationApproaches", f"Adaptation between hospitals by {methods}; measured against a baseline "
                                             "in the run's report."),
                ("OngoingMaintenance", OPEN),
                ("Security", "SHA256SUMS covers every file; a package with an altered file is refused."),
                ("Transparency", f"Checkpoint selected by {training.get('selection')}. Every figure is computed from "
                                 "predictions.csv of the run."),
            ]),
            ("TransparencyInformation", [("FundingSource", OPEN), ("StakeholdersConsulted", OPEN)]),
        ]),
        ("KeyMetrics", [
            ("UsefulnessUsabilityEfficacy", _metric(
                contract, ("auroc", "average_precision"), "Discrimination at each site",
                "Values above 0.5 mean that positives score above negatives more often than not.")),
            ("FairnessEquity", _metric(
                contract, ("auroc",), "Alike at every site",
                "Sites stand for groups here; sex, age and other groups were not tested unless the report says so.")),
            ("SafetyReliability", _metric(
                contract, ("sensitivity", "specificity", "brier"), "Calls at the stated threshold, and calibration",
                "The threshold was chosen on source validation; its sensitivity holds for patients like those only.")),
        ]),
        ("Resources", [
            ("EvaluationReferences", "report/index.html of the run"), ("PeerReviewedPublications", OPEN),
            ("PatientConsentOrDisclosure", OPEN),
        ]),
        ("Bibliography", f"medtl {contract.versions.get('medtl', '')}; the run's report cites the methods."),
    ]


def _metric(contract: Contract, names: Sequence[str], goal: str, meaning: str) -> Entries:
    found = [("MetricResult", [("Label", f"{name.replace('_', ' ')} at {result['site']} ({result['role']} test)"),
                               ("ValueJson", json.dumps(_told(result, result["metrics"][name])))])
             for result in tested(contract) for name in names if name in result["metrics"]]
    none = [("MetricResult", [("Label", "none"), ("ValueJson", "null")])]
    return [
        ("MetricGoal", goal), ("Results", found or none), ("Interpretation", meaning),
        ("TestType", "On studies that trained nothing: internal at source sites, external at target sites"),
        ("TestingDataDescription", "; ".join(
            f"{r['site']} ({r['role']}): {r['n']} studies, {r['patients']} patients"
            for r in tested(contract)) or "none"),
        ("ValidationProcessAndJustification", "Patients never stand in two parts where patients are known; 95 % "
                                              "intervals over patients within their site."),
    ]


def _told(result: Mapping[str, Any], estimate: Mapping[str, Any]) -> dict[str, Any]:
    return {"value": estimate["value"], "interval": estimate["interval"], "reason": estimate["reason"],
            "studies": result["n"], "positives": result["n_positive"], "patients": result["patients"]}


def _thresholds(contract: Contract) -> str:
    values = contract.thresholds.get("values") or {}
    said = [f"{name} {value:.4g}" for name, value in values.items() if value is not None]
    return f"threshold by {contract.thresholds.get('rule')}: {', '.join(said) or 'none'}."


def _calibration(contract: Contract) -> str:
    return f" Calibration: {contract.calibration['rule']}." if contract.calibration else ""
