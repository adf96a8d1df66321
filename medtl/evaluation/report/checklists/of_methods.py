"""Answers on how the run was done."""
from __future__ import annotations

from medtl.evaluation.report.checklists.answer import Answer, part, whole
from medtl.evaluation.report.content import Content
from medtl.evaluation.report.plan import plan_of
from medtl.evaluation.scoring import load_metrics
from medtl.evaluation.table import threshold_line


def _sentence(content: Content, head: str) -> str:
    return dict(plan_of(content.facts).sentences).get(head, "")


def goal(content: Content) -> Answer | None:
    """What kind of study a run is."""
    return part("To build a network on scans of one or several hospitals and to measure, on scans of another, how "
                "well it carries over, with and without adaptation. Exploratory: the run holds no hypothesis.")


def model(content: Content) -> Answer | None:
    """The network."""
    plan = plan_of(content.facts)
    told = _sentence(content, "Network")
    size = f" {plan.total:,} parameters, of which {plan.trained:,} moved." if plan.total else ""
    return whole(f"{told}.{size} Sizes of all layers in model.json of the run." if told else "")


def software(content: Content) -> Answer | None:
    """Versions."""
    known, names = content.facts.provenance, ("medtl", "python", "torch", "timm", "monai", "numpy")
    return whole(", ".join(f"{name} {known[name]}" for name in names if known.get(name)))


def initialisation(content: Content) -> Answer | None:
    """Where weights came from."""
    weights = content.facts.section("model").get("weights")
    seed = content.facts.section("train").get("seed")
    return whole(f"Backbone: {weights}; the layers behind it at random, seed {seed}." if weights else "")


def training(content: Content) -> Answer | None:
    """The schedule and the methods."""
    told = _sentence(content, "Training")
    methods = ", ".join(method.name for method in plan_of(content.facts).methods) or "none"
    return whole(f"{told}. Transfer methods: {methods}; each in a paragraph in the section on methods." if told else "")


def building(content: Content) -> Answer | None:
    """Model, tuning, internal validation."""
    told = _sentence(content, "Network")
    if not told:
        return None
    return part(f"{told}. Internal validation: a source test part that trained nothing. One configuration was run "
                "here; how many were tried before it is for the authors to say.")


def selection(content: Content) -> Answer | None:
    """The rule that picked the checkpoint."""
    told = content.facts.selection
    return None if told == "not stated" else whole(f"{told}: {content.facts.selection_sentence}.")


def ensembling(content: Content) -> Answer | None:
    """One network answers, unless a boosting method holds several heads."""
    boosted = [method.name for method in plan_of(content.facts).methods if "boost" in method.name]
    return whole(f"The heads of {', '.join(boosted)} vote; one encoder." if boosted else "None: one network answers.")


def metrics(content: Content) -> Answer | None:
    """Which figures and plots."""
    named = ", ".join(metric.title for metric in load_metrics(content.report.metrics))
    return whole(f"{named}; ROC curves and reliability diagrams per site; adapted against baseline on the same "
                 "studies.")


def statistics(content: Content) -> Answer | None:
    """How uncertainty is measured."""
    if not content.report.bootstrap:
        return None
    return whole(f"{content.report.level:.0%} intervals from {content.report.bootstrap} draws of patients within "
                 "their site; differences of AUROC by DeLong, clustered by patient; Holm over the sites compared.")


def robustness(content: Content) -> Answer | None:
    """The audit, if there was one."""
    if content.audit is None:
        return None
    return whole(f"{len(content.audit.checks)} checks for shifts, shortcuts and leaks; {len(content.audit.findings)} "
                 "found something: section on the audit.")


def explanation(content: Content) -> Answer | None:
    """Occlusion maps."""
    if content.pictures is None or not content.pictures.failures:
        return None
    return part("Occlusion maps of confident mistakes and of one right answer per site. No reader has checked them.")


def imbalance(content: Content) -> Answer | None:
    """Class weights."""
    weights = content.facts.section("task").get("class_weights")
    if "task" not in content.facts.config:
        return None
    return whole(f"Class weights in the loss: {weights}; no recalibration after it." if weights
                 else "No method against class imbalance was used.")


def output(content: Content) -> Answer | None:
    """Scores and thresholds."""
    lines = "; ".join(threshold_line(content.report, model) for model in content.report.models)
    return whole(f"A probability per {'label' if content.report.kind == 'multilabel' else 'class'} "
                 f"({', '.join(content.report.classes)}). {lines}.")


def predictions(content: Content) -> Answer | None:
    """How the evaluation's predictions came about."""
    return whole("The stored network scored every test study once, in evaluation mode; scores of a study's scans are "
                 f"averaged; all of them stand in {content.facts.predictions_name}.")


def updating(content: Content) -> Answer | None:
    """Adaptation is an update of the model for the target."""
    methods = content.facts.methods
    if not methods:
        return whole("None: the network is used as it left its source.")
    named = ", ".join(str(entry.get("method")) for _, entry in methods)
    return whole(f"Adaptation to the target with {named}; its gain or loss against the baseline is given with an "
                 "interval.")


def heterogeneity(content: Content) -> Answer | None:
    """Sites are kept apart."""
    return whole("Every figure is given per site, with the gap between internal and external AUROC and the worst site; "
                 "patients are drawn within their site.")


def specification(content: Content) -> Answer | None:
    """Where the whole model is."""
    return whole("model.safetensors and model.json of the run; `medtl export` writes a package that scores new scans "
                 "and is checked against this run's own scores.")


def poor_input(content: Content) -> Answer | None:
    """Scans that cannot be read are refused."""
    return part("A scan that cannot be read right, or whose geometry or values cannot be known, is refused with a "
                "reason and gets no score. A readable scan of another body part or protocol is not noticed.")


def protocol(content: Content) -> Answer | None:
    """The config is the protocol of the run."""
    return part("The run's full config and provenance stand in this report. A protocol from before the study is for "
                "the authors to name.")


def code_availability(content: Content) -> Answer | None:
    """The program."""
    version = content.facts.provenance.get("medtl")
    return part(f"medtl {version}, Apache-2.0; commands in the section on reproducing." if version else "")


def availability(content: Content) -> Answer | None:
    """Software, model and data together."""
    version = content.facts.provenance.get("medtl")
    licence = content.facts.card.get("licence", "")
    told = [f"Software: medtl {version}, Apache-2.0." if version else "", f"Data: {licence}" if licence else ""]
    return part(" ".join(text for text in told if text))
