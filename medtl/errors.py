"""Every error that a user can cause, one tree, each with its exit code.

::

    MedtlError                 1  a bug until it is one of the below
    ├── ConfigError            2  config or usage: keys, values, options, names
    ├── DataError              3  scans, tables, labels, splits
    │   └── RunStateError      3  a run folder that is finished, unfinished or of another config
    ├── WeightsError           4  pretrained weights cannot be had
    └── IntegrityError         5  a digest or a parity check does not hold

A message says where, what was found, what was expected and what to do. An error may carry several such lines, since
all mistakes of one kind are reported at once.
"""
from __future__ import annotations

from typing import ClassVar


class MedtlError(Exception):
    """An error with lines for the user and an exit code.

    Args:
        lines: one or more messages, each a full line.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class ConfigError(MedtlError):
    """The config, an override or a command's usage is wrong."""

    exit_code = 2


class DataError(MedtlError):
    """Scans, tables, labels or splits are not what the run needs."""

    exit_code = 3


class RunStateError(DataError):
    """A run folder is finished, unfinished, or belongs to another config."""


class WeightsError(MedtlError):
    """Pretrained weights cannot be had, or are not what they should be."""

    exit_code = 4


class IntegrityError(MedtlError):
    """A digest, a signature or a parity check does not hold."""

    exit_code = 5


class OptionError(MedtlError):
    """One option's value is refused by the constructor that takes it; the config reader adds file, line and key."""

    exit_code = 2
