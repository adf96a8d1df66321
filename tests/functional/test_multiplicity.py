"""Holm against worked values, its definition and what must hold."""
from __future__ import annotations

import numpy as np
import pytest

from medtl.functional.multiplicity import holm


def test_a_worked_example() -> None:
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02], atol=1e-15)


def test_equals_the_step_down_procedure() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        p = np.round(rng.random(6) ** 3, 2)
        rejected, left = np.zeros(6, dtype=bool), 6
        for i in np.argsort(p, kind="stable"):
            if p[i] > 0.05 / left:
                break
            rejected[i], left = True, left - 1
        np.testing.assert_array_equal(holm(p) <= 0.05 + 1e-12, rejected)


def test_tests_that_could_not_be_made_do_not_count() -> None:
    found = holm([0.01, np.nan, 0.04])
    assert found[[0, 2]] == pytest.approx([0.02, 0.04])
    assert np.isnan(found[1])
    assert np.isnan(holm([np.nan])).all()
    assert holm([]).shape == (0,)


def test_what_is_no_p_value_is_refused() -> None:
    with pytest.raises(ValueError, match="0, 1"):
        holm([1.2])
