"""What may not be concluded from a run, in words, from what the run was."""
from __future__ import annotations

from medtl.evaluation.report.facts import RunFacts
from medtl.evaluation.report.flow import looks_at_target
from medtl.evaluation.site_report import SiteReport

FEW_PATIENTS = 50


def limits(facts: RunFacts, report: SiteReport) -> tuple[str, ...]:
    """The limits of a run.

    Args:
        facts: its files.
        report: its evaluation.

    Returns:
        Sentences, those of this run first, then those of every run.
    """
    test = report.select(split="test", pooled=False, model=report.models[0])
    targets = [r for r in test if r.role == "target"]
    out = []
    if facts.provenance.get("simulated"):
        out.append("The scans are simulated. Nothing here says how the method does on patients.")
    if facts.section("sites").get("transductive") and looks_at_target(facts):
        out.append("The methods saw the images of the target's test studies (transductive). For scans that come later, "
                   "figures are likely to be lower.")
    if len(targets) == 1:
        out.append(f"There is one target site, {targets[0].site}. What holds there need not hold at another "
                   "hospital; one site tells nothing of the spread between hospitals.")
    elif targets:
        out.append(f"{len(targets)} target sites were tested. Their spread is a first look at how hospitals differ, "
                   "not an estimate for new ones.")
    if not targets:
        out.append("No target site was tested: nothing is known of how the network does elsewhere.")
    for result in test:
        if result.positives is not None and min(result.positives, result.studies - result.positives) < FEW_PATIENTS:
            rarer = min(result.positives, result.studies - result.positives)
            out.append(f"{result.site}: the rarer class has {rarer} test studies. Sensitivity and specificity there "
                       "are rough.")
    unknown = [r.site for r in test if any(e["site"] == r.site and e.get("patients") is None for e in facts.splits)]
    if unknown:
        out.append(f"Patients are unknown at {', '.join(dict.fromkeys(unknown))}. Studies of one patient may stand "
                   "on both sides of a split there, and intervals are narrower than they should be.")
    shares = {r.site: r.positives / r.studies for r in test if r.positives is not None and r.studies}
    if shares and max(shares.values()) - min(shares.values()) > 0.1:
        told = ", ".join(f"{site} {share:.0%}" for site, share in shares.items())
        out.append(f"The share of positives differs between sites ({told}). Average precision, Brier score and "
                   "whatever depends on prevalence do not compare between them, and none holds at another prevalence.")
    out += [str(line) for line in facts.card.get("do_not_use_for", ())]
    seeds = "One seed was run. Another one gives another network; the intervals do not hold that spread."
    return (
        *out, seeds,
        "Intervals speak of patients like those tested at these sites, not of hospitals that were not seen.",
        "Reference labels are taken as they were given; nobody checked them here.",
        "A map of what a score rests on shows where covering the image changes the score. It does not show why, and a "
        "plausible map is no proof of a sound one.",
        "This is research software. It is not a medical device and no basis for a clinical decision.",
    )
