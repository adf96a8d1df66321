"""DICOM to volumes: right, or refused with a reason.

``read_study`` reads every series below a path; ``index_study`` judges them from headers alone, so that a tree is
scanned one volume at a time.
"""
from medtl.io.dicom.limits import Limits
from medtl.io.dicom.plan import Options, SeriesPlan
from medtl.io.dicom.regrid import orthogonal
from medtl.io.dicom.study import StudyIndex, StudySeries, index_study, read_study

__all__ = ["Limits", "Options", "SeriesPlan", "StudyIndex", "StudySeries", "index_study", "orthogonal", "read_study"]
