"""Every method, through the commands: its run can be cut off and goes on to the same bits, and it exports."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from medtl import api, registry
from medtl.config.load import load_config
from medtl.progress import Quiet
from tests.api.hospitals import config, medtl, own_home, pictures

pytestmark = pytest.mark.slow

SMALL: dict[str, dict[str, Any]] = {
    "tca": {"components": 3}, "dah": {"bits": 8, "codes": 2}, "mscsc": {"iterations": 2, "patch": 17, "slices": 1},
    "wdgrl": {"critic_steps": 2}, "freeze": {"until": "layer2"}, "biw": {"steps": 5}, "mtlf": {"width": 4, "steps": 5},
}
"""Options without which a method takes long on tiny data, or does not run at all."""
ROUNDS = ("tradaboost", "multisource_tradaboost", "task_tradaboost", "enhanced_tradaboost", "ensemble_transfer")
ENTRIES = [entry for entry in registry.entries("methods") if entry.family != "baseline"]


class Cut(Quiet):
    """Ctrl-C after so many steps of training."""

    def __init__(self, after: int) -> None:
        self.left, self.training = after, False

    def start(self, task: str, total: int | None = None) -> None:
        """Notes whether a stage is trained."""
        self.training = task.startswith("training")

    def advance(self, steps: int = 1) -> None:
        """Counts training steps alone."""
        if self.training:
            self.left -= steps
            if self.left <= 0:
                raise KeyboardInterrupt


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hospitals of pictures."""
    folder = tmp_path_factory.mktemp("every")
    with own_home(folder) as work:
        pictures(work / "data", {"north": 24, "south": 16})
    return folder


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_it_resumes_to_the_same_bits_and_exports_with_parity(entry: registry.Entry, home: Path) -> None:
    method = registry.load("methods", entry.name)
    numbers = entry.name.endswith("_r2")
    options = SMALL.get(entry.name, {"rounds": 3} if entry.name in ROUNDS else {})
    with own_home(home) as work:
        labels = "{per_class: 2}" if method.needs_target_labels and not numbers else "all" if numbers else "none"
        file = config(
            work, entry.name, epochs=2, task="{name: regression, label: left}" if numbers else "{label: blob}",
            sites=f"{{source: [north], target: [south], target_labels: {labels}}}",
            transfer=json.dumps({entry.family: [{"method": entry.name, **options}]}),
        )
        file.write_text(file.read_text().replace("bootstrap: 20", "bootstrap: 20, audit: off"))  # tested elsewhere
        whole = api.train(load_config(file), name=f"{entry.name}-whole")
        try:
            api.train(load_config(file), name=entry.name, progress=Cut(5))
        except KeyboardInterrupt:
            said = medtl("train", "--config", file.name)
            assert said.code == 0, said.err
        again = work / "runs" / entry.name
        for name in ("model.safetensors", "predictions.csv", "features.safetensors"):
            assert (again / name).read_bytes() == (whole.path / name).read_bytes(), name
        said = medtl("export", entry.name)
        assert said.code == 0, said.err
        assert (again / "export" / "SHA256SUMS").is_file()
