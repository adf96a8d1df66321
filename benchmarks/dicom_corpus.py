"""The DICOM corpus of the tests, read by medtl, MONAI, SimpleITK and highdicom under one check.

Each series' voxel value is a known linear function of patient position; a reader is right when every voxel is within
0.5 HU of its value and 0.05 mm of its place, or when it refuses what carries no answer. docs/dicom_readers.md says what
the corpus is, how each reader is called, and what each made of every series.
"""
from __future__ import annotations

import tempfile
import warnings
from collections import Counter
from pathlib import Path

import pydicom

from benchmarks.frame.figures import Ratio, Row, Table, markdown
from benchmarks.readers.calls import READERS
from benchmarks.readers.isolation import answers
from benchmarks.readers.judging import Outcome
from medtl.atomic import write_text
from tests.io.dicom import corpus_cases, corpus_values  # noqa: F401  (register the cases)
from tests.io.dicom.corpus import CASES, Expected

PAGE = Path(__file__).resolve().parents[1] / "docs" / "dicom_readers.md"
BEGIN, END = "<!-- written by benchmarks/dicom_corpus.py -->\n", "<!-- end -->\n"
MONAI, SORTED = "MONAI PydicomReader", "MONAI, InstanceNumber in order"
CONVENTIONS = frozenset({
    "padding_signed_with_intercept", "padding_written_unsigned", "padding_range", "radiograph",
    "radiograph_monochrome1", "radiograph_inverse_shape", "radiograph_detector_spacing", "two_radiographs_in_a_series",
    "only_localizer", "ct_of_electron_density",
    "pixel_cine", "same_uid_other_pixels", "ct_monochrome1_is_not_inverted", "other_photometric_dropped",
    "high_bit_fifteen",
})
"""Series whose answer is medtl's rule rather than a fact: padding to air, grey scale, the pixel size of
radiographs, what is no measurement; and a bit layout that the standard has retired."""
MARKS: dict[Outcome, str] = {
    "right": "right", "refused, rightly": "refused", "part": "part of it", "refused": "*refused*", "wrong": "**wrong**",
}


def write_corpus(root: Path, names: list[str]) -> dict[str, tuple[Path, Expected]]:
    """Writes each series below a folder of its own."""
    corpus = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some series break the standard on purpose
        for name in names:
            (root / name).mkdir(parents=True)
            corpus[name] = root / name, CASES[name](root / name)
    return corpus


def number_in_order(folder: Path) -> None:
    """Rewrites InstanceNumber to run along z, then y, then x, in every file that allows it."""
    placed = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in folder.rglob("*"):
            try:
                ds = pydicom.dcmread(path)
                place = [float(value) for value in ds.ImagePositionPatient][::-1]
                _ = ds.pixel_array.shape
            except Exception:
                continue
            placed.append((place, path, ds))
        for number, (_, path, ds) in enumerate(sorted(placed, key=lambda item: (item[0], str(item[1])))):
            ds.InstanceNumber = str(number + 1)
            ds.save_as(path)


def counted(name: str, outcomes: dict[str, Outcome]) -> tuple[str, ...]:
    """A row of the summary."""
    counts = Counter(outcomes.values())
    strict = sum(outcome == "wrong" and case not in CONVENTIONS for case, outcome in outcomes.items())
    order: tuple[Outcome, ...] = ("right", "refused, rightly", "part", "refused", "wrong")
    return name, *(str(counts[outcome]) for outcome in order), str(strict)


HEAD = ("reader", "right", "refused, rightly", "part of it, unsaid", "refused or crashed, though readable",
        "wrong, silently", "of these, not a matter of convention")


def run(quick: bool = False) -> list[Row]:
    """Writes the corpus twice, reads it with every reader, and brings the page of the docs up to date."""
    names = sorted(CASES)[::12] if quick else sorted(CASES)
    found: dict[str, dict[str, Outcome]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        corpus = write_corpus(Path(scratch) / "a", names)
        for reader in READERS:
            found[reader] = answers(reader, corpus)
            if reader == MONAI:
                ordered = write_corpus(Path(scratch) / "b", names)
                for folder, _ in ordered.values():
                    number_in_order(folder)
                found[SORTED] = answers(MONAI, ordered)
    summary = tuple(counted(reader, outcomes) for reader, outcomes in found.items())
    if not quick:
        cells = tuple((f"`{name}`", *(MARKS[outcomes[name]] for outcomes in found.values())) for name in names)
        write_page(markdown(HEAD, summary), markdown(("series", *found), cells))
    wrong = {reader: Counter(outcomes.values())["wrong"] for reader, outcomes in found.items()}
    readable = sum(bool(expected.volumes) for _, expected in corpus.values())
    right = Counter(found["medtl"].values())["right"]
    worst = ", ".join(f"{reader} {count}" for reader, count in wrong.items() if reader != "medtl")
    return [
        Ratio(f"wrong silently / {len(names)} series", wrong["medtl"] / len(names), f"{wrong['medtl']}", worst,
              at_most=0),
        Ratio("read right / series that can be read", right / readable, f"{right}", f"{readable}", at_least=0.85),
        Table(f"{len(names)} series by what a reader makes of them", HEAD, summary),
    ]


def write_page(summary: str, details: str) -> None:
    """Replaces what stands between the marks of the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    body = f"{summary}\n\nSeries by series; *refused* is in italics where there was something to read:\n\n{details}"
    write_text(PAGE, f"{before}{BEGIN}\n{body}\n\n{END}{after}")
