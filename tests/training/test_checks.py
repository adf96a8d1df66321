"""What is refused before the first epoch, and in which words."""
from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from toy_cohort import QUICK, cohort, loader, run, setting, small_model

from medtl.errors import ConfigError
from medtl.methods.adversarial.adda import ADDA
from medtl.methods.adversarial.dann import DANN
from medtl.methods.base import Method, Setting, Stages, one_fit
from medtl.methods.instances.density_ratio import DensityRatio
from medtl.methods.mapping.dah import DAH
from medtl.methods.mapping.dan import DAN
from medtl.methods.mapping.feature_coral import FeatureCORAL
from medtl.methods.mapping.mscsc import MSCSC
from medtl.methods.mapping.tca import TCA
from medtl.methods.network.freeze import Freeze
from medtl.methods.network.l2_sp import L2SP
from medtl.methods.network.layerwise_lr import LayerwiseLr
from medtl.training.checks import check_plan, needs_adaptation, wants_target
from medtl.types import Cohort


@dataclass(frozen=True)
class NeedsLabels(Method):
    """Asks for target labels."""

    needs_target_labels: ClassVar[bool] = True


@dataclass(frozen=True)
class Procedure(Method):
    """A second procedure."""

    def stages(self, setting: Setting) -> Stages:
        return one_fit(setting)


@dataclass(frozen=True)
class Lost(Method):
    """Paces a part that is not there."""

    def pace(self, model: Any, progress: float) -> dict[str, float]:
        return {"blocks.9": 0.5}


def refusals(methods: list[Method], *, adaptation: int = 5, of: Cohort | None = None, bn: str = "joint") -> list[str]:
    model = small_model(adaptation=adaptation, bn=bn)
    data = loader(cohort())
    try:
        check_plan(methods, setting(model, data), of or cohort(), QUICK)
    except ConfigError as error:
        return list(error.lines)
    return []


@pytest.mark.parametrize(
    "methods",
    [
        [],
        [Freeze(until="all"), DAN(), DensityRatio()],
        [DAN(layers=("blocks.1", "adaptation", "features", "outputs")), DANN()],
        [Freeze(until="all"), ADDA(), DensityRatio()],
        [Freeze(until="all"), L2SP(fresh=0.01)],
        [MSCSC(), DensityRatio()],
    ],
)
def test_plans_that_can_work_are_not_refused(methods: list[Method]) -> None:
    assert refusals(methods) == []


@pytest.mark.parametrize(
    ("methods", "told"),
    [
        ([ADDA(), Procedure()], "adda and test_checks are procedures"),
        ([ADDA(), DAN()], "adda ends with a stage without a task loss, so dan's penalty could not act to the end"),
        ([TCA(), DAN()], "tca projects finished features and then fits only the head, so dan's penalty"),
        ([FeatureCORAL(), DAN()], "feature_coral maps finished features and moves nothing but the head after that, so"),
        ([DAH(), L2SP()], "dah has no task loss and classifies by stored codes, so l2_sp's penalty"),
        ([MSCSC(), DAN()], "expected one of them, or a method that weighs beside it"),
        ([MSCSC(), Freeze(until="blocks.0")], "mscsc replaces the configured backbone, so freeze would freeze or slow"),
        ([LayerwiseLr(), MSCSC()], "expected one of them, or a method that weighs beside mscsc"),
        (
            [Freeze(until="block.1")],
            "freeze.until: 'block.1' is no part of this network in front of its head; did you mean 'blocks.1'?",
        ),
        (
            [DAN(layers=("block.1",))],
            "dan.layers: 'block.1' is no layer of this network; did you mean 'blocks.1'? Layers: conv1, bn1, ",
        ),
        (
            [Freeze(until="blocks.1"), DAN(layers=("blocks.0",))],
            "dan aligns 'blocks.0', but nothing at or beneath it is trainable",
        ),
        ([NeedsLabels()], "needs visible target labels of every class, found 0 of 2; set sites.target_labels"),
        ([Lost()], "paces 'blocks.9', which is no part of this network"),
    ],
)
def test_each_fault_is_one_line_that_says_what_to_do(methods: list[Method], told: str) -> None:
    (line,) = refusals(methods)
    assert told in line


@pytest.mark.parametrize("method", [DAN(), DANN(), ADDA()])
def test_a_penalty_above_nothing_trainable_is_refused_unless_there_is_an_adaptation_layer(method: Method) -> None:
    frozen = Freeze(until="all")
    (line,) = refusals([frozen, method], adaptation=0)
    assert "nothing at or beneath it is trainable" in line
    assert "model.adaptation" in line
    assert refusals([frozen, method], adaptation=5) == []


def test_batch_normalisation_whose_scale_is_frozen_is_not_trainable() -> None:
    part = [Freeze(until="conv1"), DAN(layers=("bn1",))]
    assert refusals(part, bn="joint") == []
    assert len(refusals(part, bn="frozen")) == 1


def test_what_the_target_lacks_is_told() -> None:
    of = cohort()
    without = replace(of, split=tuple("test" if s == "adapt" else s for s in of.split))
    for method in (DAN(), DensityRatio(), ADDA()):
        (line,) = refusals([method], of=without)
        assert "needs the images of at least 2 target studies, found 0" in line
    one_class = np.array([i for i, s in enumerate(of.split) if s == "adapt" and of.catalogue.items[i].labels[0] == 1])
    hidden = of.hidden.copy()
    hidden[one_class] = False
    (line,) = refusals([NeedsLabels()], of=replace(of, hidden=hidden))
    assert "found 1 of 2" in line
    assert refusals([NeedsLabels()], of=cohort(visible=4)) == []


def test_selection_needs_validation_studies() -> None:
    of = cohort()
    without = replace(of, split=tuple("train" if s == "val" else s for s in of.split))
    (line,) = refusals([], of=without)
    assert "source validation studies with known labels, found none" in line


def test_a_weight_penalty_needs_no_target_study() -> None:
    of = cohort()
    assert refusals([L2SP()], of=replace(of, split=tuple("test" if s == "adapt" else s for s in of.split))) == []


def test_all_faults_are_told_at_once() -> None:
    assert len(refusals([ADDA(), Procedure(), DAN(), NeedsLabels(), Freeze(until="nowhere")])) == 4


def test_a_refused_plan_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        run(tmp_path, [Freeze(until="nowhere")])
    assert list(tmp_path.rglob("*")) == []


def test_target_batches_are_drawn_only_where_something_reads_them() -> None:
    assert not wants_target([DensityRatio(), Freeze(until="all")], cohort())
    assert not wants_target([L2SP()], cohort())
    assert wants_target([L2SP(), DAN()], cohort())
    assert wants_target([DAN()], cohort())
    assert wants_target([ADDA()], cohort())
    assert wants_target([], cohort(visible=2))


def test_the_adaptation_layer_is_wanted_by_aligners_on_a_frozen_front() -> None:
    model = small_model(adaptation=0)
    assert needs_adaptation([Freeze(until="blocks.0"), DAN()], model)
    assert needs_adaptation([ADDA(), Freeze(until="all")], model)
    assert not needs_adaptation([DAN(), DANN()], model)
    assert not needs_adaptation([Freeze(until="all"), DensityRatio()], model)
    assert not needs_adaptation([Freeze(until="all"), L2SP()], model)
    assert needs_adaptation([Freeze(until="all"), L2SP(), DAN()], model)
    assert not needs_adaptation([Freeze(until="nowhere"), DAN()], model)
