"""Figures of merit, one a file: the file's name is the metric's name.

A module holds one public function of that name, which gives a float or a `NotEstimable`, and a constant `METRIC`
(`medtl.functional.measure.Metric`) with its direction, range and vectorised form. Nothing else lives here, so the
registry lists metrics by listing files.
"""
