"""Each study is learned by its own site's head, and the run says which head answers."""
from __future__ import annotations

from pathlib import Path

import pytest
import torch
from toy_cohort import cohort, run, small_model

from medtl.methods.network.shared_trunk import SharedTrunk
from medtl.models.site_heads import SiteHeads


def test_each_study_goes_through_its_own_head() -> None:
    head = SiteHeads(4, 2, 3, 0, 3, "softmax")
    x = torch.randn(5, 4)
    said = head.of(x, torch.tensor([0, 2, 1, 1, 0]))
    whole = head.linear(x).reshape(5, 3, 2)
    assert torch.equal(said[1], whole[1, 2])
    assert torch.equal(said[4], whole[4, 0])


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "identity"])
def test_the_answer_is_the_mean_of_scores(activation: str) -> None:
    head = SiteHeads(4, 2, 3, 0, 2, activation)  # type: ignore[arg-type]
    x = torch.randn(6, 4)
    scores = {"softmax": lambda v: v.softmax(-1), "sigmoid": torch.sigmoid, "identity": lambda v: v}[activation]
    with torch.no_grad():
        wanted = scores(head.each(x)[:, :2]).mean(dim=1)
        assert torch.allclose(scores(head(x)), wanted, atol=1e-5)
        single = SiteHeads(4, 2, 3, 2, 3, activation)  # type: ignore[arg-type]
        assert torch.equal(single(x), single.each(x)[:, 2])


def test_without_target_labels_the_sources_answer_and_with_them_the_target(tmp_path: Path) -> None:
    blind = run(tmp_path / "blind", [SharedTrunk()])
    assert isinstance(blind.head, SiteHeads)
    assert (blind.head.first, blind.head.last) == (0, 2)
    seeing = run(tmp_path / "seeing", [SharedTrunk()], of=cohort(visible=6))
    assert isinstance(seeing.head, SiteHeads)
    assert (seeing.head.first, seeing.head.last) == (2, 3)
    always = run(tmp_path / "mean", [SharedTrunk(answers="mean")], of=cohort(visible=6))
    assert (always.head.first, always.head.last) == (0, 2)  # type: ignore[union-attr]
    told = (tmp_path / "seeing" / "stages" / "00-heads" / "heads.json").read_text()
    assert '"south"' in told


def test_a_head_without_studies_does_not_move(tmp_path: Path) -> None:
    made = run(tmp_path, [SharedTrunk()], model=small_model())
    assert isinstance(made.head, SiteHeads)
    rows = made.head.linear.weight.detach().reshape(3, 2, -1)
    assert rows.abs().sum() > 0
