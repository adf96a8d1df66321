"""Linear probe, then fine-tuning: asked in this order, the encoder still in the first."""
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn

from medtl.methods.base import Fit
from medtl.methods.network.lp_ft import LpFt


def test_the_encoder_is_still_in_the_first_stage_and_moves_in_the_second() -> None:
    model: Any = SimpleNamespace(encoder=nn.Linear(2, 2))
    asked = LpFt(probe_epochs=3, rate=0.5).stages(SimpleNamespace(model=model))  # type: ignore[arg-type]
    probe = next(asked)
    assert isinstance(probe, Fit)
    assert (probe.name, probe.model, probe.frozen, probe.epochs) == ("probe", model, (model.encoder,), 3)
    finetune = asked.send(None)
    assert isinstance(finetune, Fit)
    assert (finetune.name, finetune.model, finetune.frozen, finetune.epochs) == ("finetune", model, (), None)
    assert [(turn.loss, turn.rate) for turn in finetune.turns] == [(None, 0.5)]
    with pytest.raises(StopIteration) as end:
        asked.send(None)
    assert end.value.value is model
