"""Is the simulated shift real? The shipped default without adaptation, five seeds, beside training on the target's own
labels.

`configs/chest_ct.yaml` with its mapping method taken out, seeds 0 to 4, each with its own split and start: AUROC on the
source sites' test parts together and on south's test half. Then the same network trained on south's own labels, and on
north's and east's alone, each on 70 % of one site, tested on 15 % of it. The intervals are by Student's t over the
seeds: they speak of other splits of these simulated patients. The simulator's settings were chosen by these figures on
another draw of patients (seed 11 of the simulator), and without looking at any adapted model.
"""
from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.frame.figures import Ratio, Row, Table
from benchmarks.frame.paired import gain

SEEDS = 5
PLAIN = (
    "transfer.mapping=[]", "train.baseline=false", "evaluate.bootstrap=0", "evaluate.audit=off", "evaluate.failures=0"
)
ALONE = {site: (f"sites.source=[{site}]", "sites.target=[]") for site in ("south", "north", "east")}


def run(quick: bool = False) -> list[Row]:
    """The gap between inside and outside, and the ceiling."""
    import tempfile

    from medtl.api import train
    from medtl.config.load import load_config

    seeds = range(2 if quick else SEEDS)
    less = ("train.epochs=1",) if quick else ()
    told: dict[str, list[float]] = {name: [] for name in ("inside", "outside", *ALONE)}
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            for kind, sets in ({"both": ()} | ALONE).items():
                config = load_config("chest_ct.yaml", [*PLAIN, *sets, *less, f"train.seed={seed}"])
                result = train(config, name=f"{kind}-{seed}", out=Path(folder))
                if kind == "both":
                    told["inside"].append(_auroc(result.path, "source"))
                    told["outside"].append(_auroc(result.path, "target"))
                else:
                    told[kind].append(_auroc(result.path, "source"))
    gap = gain(told["inside"], told["outside"])
    alone = gain(told["south"], [float(np.mean(two)) for two in zip(told["north"], told["east"], strict=True)])
    rows = tuple(
        (name, f"{np.mean(values):.3f}", ", ".join(f"{value:.3f}" for value in values)) for name, values in told.items()
    )
    return [
        Ratio("gap, lower end of its interval", gap.low, f"inside {np.mean(told['inside']):.3f}, gap {gap.mean:.3f} "
              f"[{gap.low:.3f}, {gap.high:.3f}]", f"outside {np.mean(told['outside']):.3f}", at_least=0.0),
        Ratio("inside less south's own labels", float(np.mean(told["inside"]) - np.mean(told["south"])),
              f"{np.mean(told['inside']):.3f}", f"{np.mean(told['south']):.3f}", at_most=0.03),
        Ratio("one source site less south's own labels, as many studies", -alone.mean,
              f"{alone.mean:+.3f} [{alone.low:+.3f}, {alone.high:+.3f}]", "", at_most=0.03),
        Table("AUROC", ("trained on both sources, or on one site alone", "mean", "each seed"), rows),
    ]


def _auroc(folder: Path, role: str) -> float:
    from medtl.predictions import read_predictions

    said = read_predictions(folder / "predictions.csv")
    test = said.where((said.role == role) & (said.split == "test"))
    return float(roc_auc_score(test.labels[:, 0], test.scores[:, -1]))
