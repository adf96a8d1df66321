"""The machine and the versions that a figure was measured with."""
from __future__ import annotations

import os
import platform
import time
from importlib import metadata
from pathlib import Path

PACKAGES = ("numpy", "scipy", "torch", "scikit-learn", "pydicom", "monai", "SimpleITK", "highdicom")


def quiet() -> bool:
    """Whether little else runs here."""
    return os.getloadavg()[0] < 0.5 * (os.cpu_count() or 1)


def machine() -> str:
    """One paragraph: processor, cores, memory, system, versions, and how busy it is now."""
    versions = ", ".join(f"{name} {version}" for name in PACKAGES if (version := _version(name)))
    one, five, _ = os.getloadavg()
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    state = "quiet" if quiet() else "not quiet, so times are longer and spreads wider than on a free machine"
    return (f"Measured {time.strftime('%Y-%m-%d')} on {_processor()}, {len(os.sched_getaffinity(0))} cores, "
            f"{gib:.0f} GiB, {platform.system()} {platform.release().split('-')[0]}; Python "
            f"{platform.python_version()}, {versions}. Load before: {one:.1f} over 1 minute, {five:.1f} over 5 "
            f"({state}).")


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
