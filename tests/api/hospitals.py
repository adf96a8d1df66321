"""Small hospitals for the end-to-end tests, and the command as its user meets it."""
from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medtl.cli.failure import guarded
from tests.sources.scan.trees import ct_series

SIDE = 32
COLUMNS = "path,site,patient,blob,grade,left,right"

CONFIG = """
task: {task}
data: {data}
sites: {sites}
model: {{backbone: test_resnet, weights: none, adaptation: 8}}
transfer: {transfer}
train: {{epochs: {epochs}, batch_size: 4, seed: 3, precision: float32, device: cpu, baseline: {baseline}}}
evaluate: {{bootstrap: 20}}
"""


@dataclass(frozen=True)
class Said:
    """How a command ended.

    Attributes:
        code: its exit code.
        out: stdout.
        err: stderr.
    """

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """What was said on stderr."""
        return self.err.splitlines()


def medtl(*words: str | Path) -> Said:
    """Runs a command line."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = guarded([str(word) for word in words])
    return Said(code, out.getvalue(), err.getvalue())


def assert_doing_it_again_changes_nothing(words: Sequence[str | Path], folder: Path) -> None:
    """The same command line on what is finished: no file of a folder changes, but for reports, which are drawn anew."""
    before = contents(folder)
    again = medtl(*words)
    assert again.code == 0, again.err
    after = contents(folder)
    kept, now = ({k: v for k, v in held.items() if "report" not in k} for held in (before, after))
    assert kept
    assert kept == now


@contextmanager
def own_home(folder: Path, salt: str = "ab") -> Iterator[Path]:
    """A working directory, state and salt of one's own; the cache is the session's."""
    for name in ("work", "config"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "config" / "salt").write_text(salt * 32 + "\n")
    (folder / "config" / "salt").chmod(0o600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDTL_STATE", str(folder / "state"))
        patch.setenv("MEDTL_CONFIG", str(folder / "config"))
        patch.chdir(folder / "work")
        yield folder / "work"


def config(
    folder: Path, name: str = "tiny", *, task: str = "{label: blob}",
    data: str = "{root: data, manifest: manifest.csv, augment: none, input: {size: 32}}",
    sites: str = "{source: [north], target: [south]}",
    transfer: str = "{mapping: [{method: dan}]}", epochs: int = 1, baseline: bool = False,
) -> Path:
    """Writes a config."""
    file = folder / f"{name}.yaml"
    file.write_text(CONFIG.format(task=task, data=data, sites=sites, transfer=transfer, epochs=epochs,
                                  baseline=str(baseline).lower()))
    return file


def picture(rng: np.random.Generator, label: int) -> np.ndarray:
    """One grey picture; the label is a bright square."""
    pixels = rng.normal(90, 25, (SIDE, SIDE))
    if label:
        pixels[8:18, 10:20] += 60
    return np.clip(pixels, 0, 255).astype(np.uint8)


def rows_of(sites: dict[str, int]) -> list[list[str]]:
    """Rows of a manifest: per site so many patients of one picture each."""
    rows = []
    for site, patients in sites.items():
        for number in range(patients):
            label = number % 2
            rows.append([f"scans/{site}-{number}.png", site, f"p{number}", str(label), "abc"[number % 3], str(label),
                         str(number // 2 % 2)])
    return rows


def write_manifest(data: Path, rows: Sequence[Sequence[str]]) -> None:
    """Writes ``manifest.csv``."""
    (data / "manifest.csv").write_text("\n".join([COLUMNS, *(",".join(row) for row in rows)]) + "\n")


def pictures(data: Path, sites: dict[str, int], seed: int = 0) -> list[list[str]]:
    """Writes pictures and manifest; returns its rows."""
    rng = np.random.default_rng(seed)
    (data / "scans").mkdir(parents=True)
    rows = rows_of(sites)
    for row in rows:
        Image.fromarray(picture(rng, int(row[3]))).save(data / row[0])
    write_manifest(data, rows)
    return rows


def tree(folder: Path, sites: dict[str, int], seed: int = 0) -> list[Path]:
    """A tree of CT studies, a folder each, and ``labels.csv`` by accession number; returns the studies' folders."""
    rng = np.random.default_rng(seed)
    homes, lines = [], ["accession,blob"]
    for site, patients in sites.items():
        for number in range(patients):
            name = f"{site}{number}"
            pixels = picture(rng, number % 2).astype(np.uint16) * 8
            homes.append(ct_series(folder / site / name, name, patient=f"P{name}", slices=3, pixels=pixels,
                                   InstitutionName=f"{site} hospital"))
            lines.append(f"ACC{name},{number % 2}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return homes


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder by its relative path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file()}


def hold(folder: Path, needles: Sequence[str]) -> list[tuple[str, str]]:
    """Which of the needles stand in which file, in its content or its name."""
    found = []
    for name, content in contents(folder).items():
        text = content.lower().replace(b"\0", b"") + os.fsencode(name.lower())
        found += [(name, needle) for needle in needles if needle.lower().encode() in text]
    return found
