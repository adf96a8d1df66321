"""Answers on the data: where they come from, who was left out, how they were parted."""
from __future__ import annotations

from medtl.evaluation.report.checklists.answer import Answer, part, whole
from medtl.evaluation.report.content import Content
from medtl.evaluation.report.flow import flow_of
from medtl.evaluation.report.plan import plan_of


def source(content: Content) -> Answer | None:
    """Where the data come from."""
    card = content.facts.card
    if not card:
        return None
    told = (f"{card['title']}.", card.get("what", ""), card.get("citation", ""))
    return part(" ".join(text for text in told if text))


def centres(content: Content) -> Answer | None:
    """Hospitals and what is known of them."""
    sites = content.facts.card.get("sites", {})
    told = [f"{name}: {site['what']}" for name, site in sites.items() if site.get("what")]
    flow = flow_of(content.facts)
    named = [f"{site.site} ({site.role}, {site.studies} studies)" for site in flow.used] if flow else []
    return part("; ".join(told or named))


def exclusions(content: Content) -> Answer | None:
    """Who was left out by the program; who was chosen in the first place is not known to it."""
    flow = flow_of(content.facts)
    if flow is None:
        return None
    left = "; ".join(f"{count} {why}" for why, count in flow.left) or "nothing was left out"
    return part(f"Of {flow.scans} scans listed: {left}. How patients came to be listed is for the authors to say.")


def subsets(content: Content) -> Answer | None:
    """Which part of the scans was used."""
    flow = flow_of(content.facts)
    if flow is None:
        return None
    used = sum(site.studies for site in flow.used)
    sections = content.facts.section("data").get("input") or {}
    slices = sections.get("slices")
    told = f"; {slices} slices of each volume" if slices and slices > 1 else ""
    return whole(f"{used} of {flow.studies} studies, at {', '.join(site.site for site in flow.used)}{told}.")


def deidentification(content: Content) -> Answer | None:
    """What this report does about identifiers."""
    return part("Outputs name studies by salted hashes; text burned into pixels is masked in every picture shown. "
                "How the scans themselves were de-identified is for the authors to say.")


def missing_data(content: Content) -> Answer | None:
    """Unknown labels and unreadable scans."""
    unknown = sum(r.unknown for r in content.report.select(model=content.report.models[0], pooled=False))
    return whole(f"Studies without a label take no part in figures ({unknown} here); scans that cannot be read are "
                 f"refused with reasons ({len(content.facts.refused)} here). Nothing is imputed.")


def acquisition(content: Content) -> Answer | None:
    """Scanners, as far as they are known."""
    scanners = sorted({row.get("scanner", "") for row in content.facts.catalogue} - {""})
    modality = content.facts.card.get("modality")
    told = ([f"Modality {modality}."] if modality else []) + ([f"Scanners: {', '.join(scanners)}."] if scanners else [])
    return part(" ".join(told))


def labels(content: Content) -> Answer | None:
    """What the labels mean."""
    task = content.facts.section("task")
    wanted = [label for label in task.get("labels") or [task.get("label")] if label]
    known = content.facts.card.get("labels", {})
    return part("; ".join(f"{name}: {known[name]['what']}" for name in wanted if known.get(name, {}).get("what")))


def partitions(content: Content) -> Answer | None:
    """How studies were parted."""
    if not content.facts.splits:
        return None
    policies = [note for note in content.facts.notes if "split" in note]
    told = " ".join(f"{note}." for note in policies)
    return whole("Source sites are parted into train, val and test, target sites into adapt and test, by patient where "
                 f"patients are known, target sites without looking at labels. {told}".strip())


def disjoint(content: Content) -> Answer | None:
    """At which level parts are disjoint."""
    unknown = sorted({str(entry["site"]) for entry in content.facts.splits if entry.get("patients") is None})
    if not content.facts.splits:
        return None
    if unknown:
        return part(f"By patient where patients are known; at {', '.join(unknown)} they are unknown, and blocks of "
                    "neighbouring rows with a gap between them stand for them. Source and target are different sites.")
    return whole("By patient, and source and target are different sites.")


def characteristics(content: Content) -> Answer | None:
    """Classes per part; age and sex are not known to a run."""
    if not content.facts.splits:
        return None
    return part("Studies and patients per class and part: table in the section on data. Age, sex and clinical "
                "characteristics are not known to the run.")


def events(content: Content) -> Answer | None:
    """Studies and positives of each analysis."""
    return whole("; ".join(
        f"{r.site} {r.split}: {r.studies} studies, patients {content.patients(r)}"
        + (f", {r.positives} positive" if r.positives is not None else "")
        for r in content.report.select(model=content.report.models[0], pooled=False)
    ))


def flow(content: Content) -> Answer | None:
    """The flow diagram."""
    return whole("Diagram in the section on data.") if flow_of(content.facts) else None


def predictors(content: Content) -> Answer | None:
    """Pixels."""
    return whole("The pixels of the prepared scans; no other predictor.")


def no_subjective_predictors(content: Content) -> Answer | None:
    """Pixels are not assessed by anybody."""
    return whole("Does not apply: predictors are pixels, assessed by nobody.")


def preprocessing(content: Content) -> Answer | None:
    """How scans were prepared."""
    told = dict(plan_of(content.facts).sentences).get("Input", "")
    return whole(f"{told}; contract in input.json of the run." if told else "")


def data_availability(content: Content) -> Answer | None:
    """Licence and where the data are."""
    card = content.facts.card
    return whole(" ".join(text for text in (card.get("licence", ""), card.get("obtain", "")) if text))


def differences(content: Content) -> Answer | None:
    """How the evaluation data differ from those of development."""
    shifts = list(content.facts.card.get("known_shifts", ()))
    found = [check.words for check in content.audit.findings] if content.audit else []
    shares = [f"{r.site} {r.role}: {r.positives / r.studies:.0%} positive" for r in
              content.report.select(model=content.report.models[0], split="test", pooled=False)
              if r.positives is not None and r.studies]
    return part(" ".join([*shifts, *found, "; ".join(shares)]).strip())
