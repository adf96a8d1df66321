"""Large buffers are not mapped anew each time they are asked for."""
from __future__ import annotations

import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import torch
from medtl.training.memory import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
net = torch.nn.Sequential(torch.nn.Conv2d(8, 32, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(32, 32, 3, padding=1))
scans = torch.rand(16, 8, 96, 96)
def steps(count):
    for _ in range(count):
        net(scans).square().mean().backward()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(-steps(6) + steps(6))
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_pages_are_cleared_once() -> None:
    def faults(how: str) -> int:
        done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
        return int(done.stdout)

    assert faults("kept") < faults("given back") / 3
