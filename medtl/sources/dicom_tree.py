"""A tree of scans as a hospital exports it: studies by their headers, labels by a table, no manifest needed."""
from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from medtl.errors import DataError
from medtl.io.identity import project_salt, short_id
from medtl.io.read import Choice
from medtl.io.reasons import Reason
from medtl.progress import Progress, doing
from medtl.sources.base import Labelling, at_most_ten
from medtl.sources.scan.header import StudyFacts
from medtl.sources.scan.index import FEW, TreeIndex, index_tree
from medtl.sources.scan.judge import SeriesJob, judge, lost
from medtl.sources.scan.labels import LabelTable, read_ids, read_labels
from medtl.sources.scan.record import SeriesRow
from medtl.sources.scan.study import StudyRow, study_rows
from medtl.sources.scan.workers import Crew, default_workers
from medtl.sources.traits import traits_of_study
from medtl.types import Catalogue, Item, nearest


@dataclass(frozen=True)
class DicomTree:
    """Walks a folder of DICOM, NIfTI and raster files; one study is one row.

    Attributes:
        labels: a CSV of labels, relative to the data's root, else to the working directory; empty for none.
        on: what its keys are: accession, patient or study; ``id`` for the short ids of a catalogue that
            ``medtl scan`` wrote in this project.
        site_from: where the site's name comes from: a hash of the institution in the headers (``header``), or the
            name of the folder right below the root (``folder``).
        site_names: names for sites, by the hashes that ``medtl scan`` proposes.
        patients_shared: whether one patient id is one patient at every site.
        orientation: preferred orientation of the series that stands for a study.
        thickness: whether its slices should be the thinnest or the thickest.
        modality: only series of this modality, where a study has one.
    """

    labels: str = ""
    on: Literal["accession", "patient", "study", "id"] = "id"
    site_from: Literal["header", "folder"] = "header"
    site_names: dict[str, str] = field(default_factory=dict)
    patients_shared: bool = False
    orientation: Literal["axial", "coronal", "sagittal", "any"] = "axial"
    thickness: Literal["thinnest", "thickest"] = "thinnest"
    modality: str = ""

    def catalogue(self, *, root: Path, task: Labelling, salt: bytes, progress: Progress | None = None) -> Catalogue:
        """Judges the tree by its headers and joins the labels.

        Args:
            root: the tree.
            task: label columns and vocabulary.
            salt: secret for short ids.
            progress: where to report to.

        Returns:
            One item per study, in the order of study UIDs; those without a readable series too, so that they are told.

        Raises:
            DataError: no such folder, no image, a label outside the vocabulary, or studies mixed in one folder.
        """
        if not root.is_dir():
            raise DataError(f"data.root: {str(root)!r} is not a folder; set it with --set data.root=PATH")
        project = project_salt()  # sites and the ids of a scan's table hang on it, whatever secret this run uses
        table = self._table(root, task, project)
        rule = Choice(self.orientation, self.thickness, self.modality)
        with Crew(default_workers()) as crew, closing(index_tree(root, project, crew=crew, progress=progress)) as index:
            if not index.series:
                raise DataError("data.root holds no image that can be read; see what lies there with `medtl scan`")
            studies = study_rows(_judged(index, project, crew, progress), index.studies, table, rule)
            homes = _homes(index, studies, plain=rule == Choice())
            tops = {study.study: _top(index, study, root) for study in studies} if self.site_from == "folder" else {}
            facts = dict(index.studies)
        return Catalogue(self._items(studies, facts, homes, tops, task, salt, project), task.label_names, root)

    def _table(self, root: Path, task: Labelling, project: bytes) -> LabelTable | None:
        if not self.labels:
            return None
        file = next((place for place in (root / self.labels, Path(self.labels)) if place.is_file()), root / self.labels)
        if self.on == "id":
            return read_ids(file, task.label_names)
        return read_labels(file, self.on, project, task.label_names)

    def _items(
        self, studies: Sequence[StudyRow], facts: Mapping[str, StudyFacts], homes: Mapping[str, Path],
        tops: Mapping[str, str], task: Labelling, salt: bytes, project: bytes,
    ) -> tuple[Item, ...]:
        def own(short: str) -> str:
            return short if salt == project or not short else short_id(salt, short)

        mistakes = _unknown_sites(self.site_names, {study.site for study in studies} | set(tops.values()))
        items = []
        for study in studies:
            try:
                labels = task.encode(study.labels or ("",) * len(task.label_names))
            except ValueError as error:
                mistakes.append(f"labels, study {study.study}: {error}; correct it, or leave it blank if unknown")
                continue
            site = tops.get(study.study, study.site)
            patient = study.patient
            if patient and self.patients_shared:
                patient = facts[study.study].keys["patient"][0]
            items.append(Item(
                row=study.row, study=own(study.study), patient=own(patient), site=self.site_names.get(site, site),
                scanner=study.scanner, path=homes[study.study], labels=labels, traits=traits_of_study(study)))
        if mistakes:
            raise DataError(*at_most_ten(mistakes))
        return tuple(items)


def _judged(index: TreeIndex, salt: bytes, crew: Crew, progress: Progress | None) -> list[SeriesRow]:
    entries = index.ordered()
    jobs = (SeriesJob(e.series, e.study, e.format, index.paths(e.series), salt, pixels=False) for e in entries)
    found: dict[str, list[SeriesRow]] = {}
    with doing(progress, "judging series", len(entries)) as shown:
        for job, judged in crew.results(judge, jobs, alone=index.files < FEW, harmless=True):
            found[job.series] = [each.row for each in judged or (lost(job, Reason.UNREADABLE_FILE),)]
            shown.advance()
    return [row for entry in entries for row in found[entry.series]]


def _homes(index: TreeIndex, studies: Iterable[StudyRow], *, plain: bool) -> dict[str, Path]:
    """The path that a reader finds each study's series under, and nothing of another study.

    The folder of the chosen series where nothing else lies below it, else that of the study; one file where there is
    but one.
    """
    paths = {entry.series: index.paths(entry.series) for entry in index.series.values()}
    lying: dict[str, set[str]] = defaultdict(set)  # every folder and archive, with the series somewhere below it
    for series, files in paths.items():
        for place in {name for file in files for name in (file, os.path.dirname(file))}:
            while place not in lying or series not in lying[place]:
                lying[place].add(series)
                above = os.path.dirname(place)
                if above == place:
                    break
                place = above
    homes: dict[str, Path] = {}
    mixed = 0
    for study in studies:
        every = [each.series for each in study.series if each.series in paths]
        wanted = [study.chosen.series] if study.chosen and study.chosen.series in paths else []
        for members in (wanted, every if plain or not wanted else []):
            home = _common([file for series in members for file in paths[series]]) if members else ""
            if members and lying[home] <= set(members):
                homes[study.study] = Path(home)
                break
        else:
            mixed += 1
    if mixed:
        raise DataError(
            f"{mixed} studies lie in folders that hold other studies too; sort the files into one folder per study"
            + ("" if plain else ", or per series, since another rule than the default chooses the series"))
    return homes


def _common(files: Sequence[str]) -> str:
    return files[0] if len(set(files)) == 1 else os.path.commonpath([os.path.dirname(file) for file in files])


def _top(index: TreeIndex, study: StudyRow, root: Path) -> str:
    files = next(iter(index.paths(each.series) for each in study.series if index.paths(each.series)), ())
    parts = Path(os.path.relpath(files[0], root)).parts if files else ()
    return parts[0] if len(parts) > 1 else "site-unknown"


def _unknown_sites(names: Mapping[str, str], there: set[str]) -> list[str]:
    lines = []
    for site in names:
        if site not in there:
            hint = nearest(site, sorted(there))
            lines.append(f"site_names: no study of {site!r}" + (f"; did you mean {hint!r}?" if hint else ""))
    return lines
