"""A table of scans: ``path,site,patient[,study][,scanner][,split],<label>…`` as CSV, checked as a whole."""
from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from medtl.errors import DataError
from medtl.io.identity import short_id
from medtl.progress import Progress, each
from medtl.sources.base import Labelling, at_most_ten
from medtl.sources.traits import traits_of_cells
from medtl.types import Catalogue, Item, nearest

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Manifest:
    """Reads a manifest; the fields name its columns, so that a published table is read as it is.

    Attributes:
        file: the table, relative to the data's root.
        path: column of scan paths, relative to the data's root.
        site: column of hospitals.
        patient: column of patient ids; a blank cell is unknown.
        study: column of examinations; without it, or blank, each row is a study of its own.
        scanner: column of devices.
        split: column of a published split, with the values train, val and test, or blank.
        sites: the hospitals that the card knows; empty for any.
        shared_patient_ids: whether one id is one patient at every site.
    """

    file: str = "manifest.csv"
    path: str = "path"
    site: str = "site"
    patient: str = "patient"
    study: str = "study"
    scanner: str = "scanner"
    split: str = "split"
    sites: tuple[str, ...] = ()
    shared_patient_ids: bool = False

    def catalogue(self, *, root: Path, task: Labelling, salt: bytes, progress: Progress | None = None) -> Catalogue:
        """Reads and checks the whole table.

        Args:
            root: folder that the table and its paths are under.
            task: label columns and vocabulary.
            salt: the project's secret for short ids.
            progress: where to report to.

        Returns:
            One item per row, in file order.

        Raises:
            DataError: no such folder or table, no rows, or bad rows: all of them, with row number and fix.
        """
        if not root.is_dir():
            raise DataError(f"data.root: {str(root)!r} is not a folder; set it with --set data.root=PATH")
        header, rows = read_table(root / self.file)
        self._check_columns(header, task.label_names)
        reader = _Rows(self, root, task, salt, header)
        items = [reader.item(number, cells) for number, cells in each(progress, f"reading {self.file}", rows)]
        if reader.mistakes:
            raise DataError(*at_most_ten(reader.mistakes))
        kept = tuple(item for item in items if item is not None)
        return Catalogue(items=kept, label_names=task.label_names, root=root)

    def _check_columns(self, header: Sequence[str], labels: Sequence[str]) -> None:
        lines = []
        for wanted in (self.path, self.site, self.patient, *labels):
            if wanted not in header:
                hint = nearest(wanted, header)
                lines.append(
                    f"{self.file}: no column {wanted!r}"
                    + (f": did you mean {hint!r}?" if hint else f"; the columns are {', '.join(header)}")
                )
        lines += [f"{self.file}: column {name!r} stands there twice; rename one"
                  for name in dict.fromkeys(header) if header.count(name) > 1]
        if lines:
            raise DataError(*lines)


def read_table(file: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Header and rows of a CSV with commas, UTF-8 with or without a byte order mark.

    Args:
        file: the table.

    Returns:
        Column names, and (number, cells) per row that is not empty; the first data row is number 1.

    Raises:
        DataError: it cannot be read, is no UTF-8, has other separators, no header or no rows.
    """
    name = file.name
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            lines = list(csv.reader(stream, strict=True))
    except FileNotFoundError:
        raise DataError(f"{name}: not found in {str(file.parent)!r}; is data.root the folder that holds it?") from None
    except UnicodeDecodeError:
        raise DataError(f"{name}: not UTF-8; save the table as CSV UTF-8") from None
    except csv.Error as error:
        raise DataError(f"{name}: not a CSV that can be read ({error}); check its quotes") from None
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror}); check that it is a file you may read") from None
    if not lines or not any(lines[0]):
        raise DataError(f"{name}: empty; expected a header path,site,patient,LABEL and one row per scan")
    header = [cell.strip() for cell in lines[0]]
    for separator, word in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in header[0]:
            raise DataError(f"{name}: columns are separated by {word}; save the table with commas")
    rows = [(number, cells) for number, cells in enumerate(lines[1:], start=1) if any(cell.strip() for cell in cells)]
    if not rows:
        raise DataError(f"{name}: a header and no rows; expected one row per scan")
    return header, rows


@dataclass
class _Rows:
    """Turns rows into items and collects what is wrong with them."""

    manifest: Manifest
    root: Path
    task: Labelling
    salt: bytes
    header: Sequence[str]
    mistakes: list[str] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)

    def item(self, number: int, cells: Sequence[str]) -> Item | None:
        names = self.manifest
        where = f"{names.file}, row {number}"
        if len(cells) != len(self.header):
            self.mistakes.append(f"{where}: {len(cells)} cells, expected {len(self.header)}; quote cells with commas")
            return None
        row = {name: cell.strip() for name, cell in zip(self.header, cells, strict=True)}
        before = len(self.mistakes)
        path = self._path(where, number, row[names.path])
        site = self._site(where, row[names.site])
        split = row.get(names.split, "")
        if split and split not in SPLITS:
            hint = nearest(split, SPLITS)
            self.mistakes.append(
                f"{where}: {names.split} is {split!r}, expected train, val, test or blank"
                + (f"; did you mean {hint!r}?" if hint else "")
            )
        labels = self._labels(where, row)
        if len(self.mistakes) > before or path is None:
            return None
        patient, study = row[names.patient], row.get(names.study, "")
        scope = "" if names.shared_patient_ids else site
        return Item(
            row=number,
            study=short_id(self.salt, site, patient, "study", study) if study
            else short_id(self.salt, site, "path", row[names.path]),
            patient=short_id(self.salt, scope, "patient", patient) if patient else "",
            site=site,
            scanner=row.get(names.scanner, ""),
            path=path,
            labels=labels,
            split=split,
            traits=self.traits(row),
        )

    def traits(self, row: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """Cells of columns that are named as traits, unless they are the labels."""
        return traits_of_cells({name: cell for name, cell in row.items() if name not in self.task.label_names})

    def _path(self, where: str, number: int, cell: str) -> Path | None:
        if not cell:
            self.mistakes.append(f"{where}: no path; name the scan, relative to data.root")
            return None
        pure = PurePosixPath(cell)
        if pure.is_absolute() or cell[1:3] == ":\\":
            self.mistakes.append(f"{where}: {cell!r} is absolute; write it relative to data.root")
            return None
        if ".." in pure.parts:
            self.mistakes.append(f"{where}: {cell!r} leads out of data.root; write a path below it")
            return None
        first = self.seen.setdefault(str(pure), number)
        if first != number:
            self.mistakes.append(f"{where}: {cell!r} is listed in row {first} already; remove one of them")
            return None
        path = self.root / pure
        if not path.exists():
            hint = "; use / between folders" if "\\" in cell else "; copy it there or remove the row"
            self.mistakes.append(f"{where}: {cell!r} does not exist under data.root{hint}")
            return None
        return path

    def _site(self, where: str, cell: str) -> str:
        known = self.manifest.sites
        if not cell:
            self.mistakes.append(f"{where}: no site; name the hospital in column {self.manifest.site!r}")
        elif known and cell not in known:
            hint = nearest(cell, known)
            self.mistakes.append(
                f"{where}: site {cell!r} is not in the card"
                + (f": did you mean {hint!r}?" if hint else f"; it knows {', '.join(known)}")
            )
        return cell

    def _labels(self, where: str, row: Mapping[str, str]) -> tuple[float, ...]:
        raw = [row[name] for name in self.task.label_names]
        try:
            return self.task.encode(raw)
        except ValueError as error:
            self.mistakes.append(f"{where}: {error}; correct it, or leave it blank if unknown")
            return ()
