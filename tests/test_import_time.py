"""The first contact is quick: help and import take under 0.3 s and bring nothing heavy."""
from __future__ import annotations

import resource
import subprocess
import sys

import pytest

HEAVY = {
    "torch", "timm", "transformers", "monai", "pydicom", "highdicom", "scipy", "sklearn", "polars", "matplotlib",
    "onnxruntime",
}
LIMIT_SECONDS = 0.3
TRIES = 3


def spent() -> float:
    """Processor seconds of all ended children: what a start takes on a machine that does nothing else."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def best(*arguments: str) -> float:
    times: list[float] = []
    for _ in range(TRIES):
        before = spent()
        subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
        times.append(spent() - before)
    return min(times)


@pytest.mark.parametrize(
    "arguments", [("-m", "medtl", "--help"), ("-c", "import medtl")], ids=" ".join
)
def test_under_a_third_of_a_second(arguments: tuple[str, ...]) -> None:
    assert best(*arguments) < LIMIT_SECONDS


@pytest.mark.parametrize(
    "code",
    [
        "import medtl",
        "import medtl.cli.app",
        "from medtl.cli.failure import guarded; guarded(['--help'])",
        "from medtl.cli.failure import guarded; guarded(['list', 'methods'])",
        "from medtl.config.load import load_config; load_config({'task': {'label': 'x'}, 'data': {'manifest': 't'}, "
        "'sites': {'source': ['a']}})",
    ],
)
def test_nothing_heavy_is_imported(code: str) -> None:
    report = f"{code}\nimport sys\nprint('loaded', *sorted({HEAVY!r} & sys.modules.keys()))"
    ended = subprocess.run([sys.executable, "-c", report], capture_output=True, check=True, text=True)
    assert ended.stdout.splitlines()[-1].strip() == "loaded"
