"""The ROC curve against scikit-learn's."""
from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import auc, roc_auc_score, roc_curve

from medtl.functional.roc import roc_points


@pytest.mark.parametrize("levels", [1000, 6])
def test_corners_are_scikit_learns(levels: int) -> None:
    rng = np.random.default_rng(0)
    positive = rng.random(90) < 0.4
    scores = np.round((rng.normal(size=90) + positive) * levels) / levels
    points = roc_points(positive, scores)
    fpr, _, _ = roc_curve(positive, scores, drop_intermediate=True)
    whole_fpr, whole_tpr, _ = roc_curve(positive, scores, drop_intermediate=False)
    np.testing.assert_allclose(np.interp(whole_fpr + 1e-12, points[:, 0], points[:, 1]).sum(),
                               np.interp(whole_fpr + 1e-12, whole_fpr, whole_tpr).sum(), atol=1e-9)
    assert len(points) <= len(fpr)
    assert auc(points[:, 0], points[:, 1]) == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)


def test_one_class_has_no_curve() -> None:
    with pytest.raises(ValueError, match="both classes"):
        roc_points([1, 1], [0.1, 0.2])
