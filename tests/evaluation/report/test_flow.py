"""The flow counts every scan once: listed = left out + used."""
from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from medtl.evaluation.report.facts import read_run
from medtl.evaluation.report.flow import flow_of
from medtl.evaluation.report.flow_plot import flow_plot
from medtl.predictions import Predictions

ROWS = [
    # site, role, split, hidden, refused, scans
    ("north", "source", "train", 0, "", 30), ("north", "source", "val", 0, "", 8),
    ("north", "source", "test", 0, "", 9), ("south", "target", "adapt", 1, "", 20),
    ("south", "target", "adapt", 0, "", 4), ("south", "target", "test", 1, "", 21),
    ("south", "target", "unused", 1, "", 5), ("west", "unused", "unused", 1, "", 7),
    ("north", "unused", "unused", 1, 1, 2),
]


def run(folder: Path, run_of: Callable[..., Path], predictions: Predictions, **changes: str) -> Path:
    run_of(folder, predictions)
    lines, number = ["row,study,patient,site,scanner,role,split,hidden,refused"], 0
    for site, role, split, hidden, refused, count in ROWS:
        for _ in range(count):
            number += 1
            lines.append(f"{number},s{number},p{number},{site},,{role},{split},{hidden},{refused}")
    (folder / "catalogue.csv").write_text("\n".join(lines) + "\n")
    (folder / "refused.csv").write_text("row,study,site,reasons,detail\n"
                                        f"{number - 1},s,north,corrupt_pixels,x\n{number},s,north,no_geometry,x\n")
    counts = [{"site": site, "role": role, "split": split, "class": "all", "studies": sum(
        row[5] for row in ROWS if row[:3] == (site, role, split)), "patients": None if site == "south" else 3}
        for site, role, split in dict.fromkeys(row[:3] for row in ROWS if row[1] != "unused")]
    (folder / "split.json").write_text(json.dumps(counts))
    config = (folder / "config.yaml").read_text()
    for old, new in changes.items():
        assert old in config
        config = config.replace(old, new)
    (folder / "config.yaml").write_text(config)
    return folder


def test_every_scan_is_counted_once(tmp_path: Path, predictions_of, run_of) -> None:  # type: ignore[no-untyped-def]
    found = flow_of(read_run(run(tmp_path / "demo", run_of, predictions_of(n=10))))
    assert found is not None
    assert found.scans == sum(row[5] for row in ROWS)
    assert sum(count for _, count in found.left) + sum(site.studies for site in found.used) == found.scans
    left = dict(found.left)
    assert left["west: plays no role in this run"] == 7
    assert left["refused: corrupt pixels"] == left["refused: no geometry"] == 1
    assert sum(count for why, count in found.left if why.startswith("south: in no split")) == 5
    (north, south) = found.used
    assert [(part.name, part.studies) for part in north.parts] == [("train", 30), ("val", 8), ("test", 9)]
    assert [part.patients for part in south.parts] == [None, None]


def test_what_a_part_was_for_follows_the_run(tmp_path: Path, predictions_of, run_of) -> None:  # type: ignore[no-untyped-def]
    predictions = predictions_of(n=10)

    def uses(name: str, **changes: str) -> dict[tuple[str, str], str]:
        found = flow_of(read_run(run(tmp_path / name, run_of, predictions, **changes)))
        assert found is not None
        return {(site.site, part.name): part.use for site in found.used for part in site.parts}

    plain = uses("a")
    assert plain["south", "adapt"] == "images seen; labels of 4 scans seen"
    assert plain["south", "test"] == "external test: scored only"
    assert plain["north", "val"] == "picks checkpoint and threshold"
    assert uses("b", **{"mapping: [{method: dan, weight: 1.0}]": "mapping: []"})["south", "adapt"].startswith(
        "images not used")
    assert uses("c", **{"transductive: false": "transductive: true"})["south", "test"] == (
        "external test; images seen too")


def test_the_drawing_holds_every_number_and_escapes(tmp_path: Path, predictions_of, run_of) -> None:  # type: ignore[no-untyped-def]
    folder = run(tmp_path / "demo", run_of, predictions_of(n=10))
    for name in ("catalogue.csv", "split.json"):
        (folder / name).write_text((folder / name).read_text().replace("west", "<b>").replace("south", "so<uth"))
    found = flow_of(read_run(folder))
    assert found is not None
    drawn = flow_plot(found)
    words = " ".join(re.findall(r">([^<]*)</text>", drawn))
    for told in ("106 scans listed", "7 &lt;b&gt;", "30 studies, 3 patients", "24 studies, patients unknown"):
        assert told in words
    assert "<b>" not in drawn
    assert "so<uth" not in drawn
