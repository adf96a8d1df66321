"""From a volume to what a model sees: orientation, values, size, and the contract."""
from __future__ import annotations

import itertools
import json
import subprocess
import sys

import nibabel
import numpy as np
import pytest

from medtl.config.sections import InputSection
from medtl.data.transforms import Preprocess
from medtl.data.windows import UnitError
from medtl.errors import IntegrityError
from medtl.io.volume import Volume


def patient(affine: np.ndarray, shape: tuple[int, int, int], coefficients: tuple[float, float, float]) -> Volume:
    """A volume whose Hounsfield values are a linear function of place in the patient (RAS mm)."""
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    values = (index @ affine[:3, :3].T + affine[:3, 3]) @ np.array(coefficients) - 600
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    return Volume(values.astype(np.float32), affine, tuple(map(float, spacing)), "HU")


LPS = np.array([[-1.0, 0, 0, 20], [0, -1.0, 0, 20], [0, 0, 1.0, -20], [0, 0, 0, 1]])


@pytest.mark.parametrize(("coefficients", "axis", "rises"), [
    ((-5, 0, 0), 3, True),  # brighter to the patient's left: brighter to the right of the picture
    ((0, -5, 0), 2, True),  # brighter to the back: brighter downward
    ((0, 0, 5), 0, True),  # brighter to the head: brighter in later slices
])
def test_the_picture_is_as_a_radiologist_sees_it(coefficients, axis: int, rises: bool) -> None:
    seen = Preprocess(InputSection(window="lung", size=40, slices=8))(patient(LPS, (40, 40, 40), coefficients))
    steps = np.diff(seen, axis=axis)
    assert ((steps > 0) if rises else (steps < 0)).all()


def test_every_storage_order_gives_the_same_picture() -> None:
    shape = (20, 18, 16)
    base = np.random.default_rng(0).normal(-600, 300, size=shape).astype(np.float32)
    affine = np.diag([-1.0, -1.0, 1.5, 1.0])
    image = nibabel.Nifti1Image(base, affine)
    preprocess = Preprocess(InputSection(window="lung", size=24, slices=5))
    expected = preprocess(Volume(base, affine, (1.0, 1.0, 1.5), "HU"))
    for order, signs in itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3)):
        other = image.as_reoriented(np.array(list(zip(order, signs, strict=True))))
        spacing = tuple(map(float, np.linalg.norm(other.affine[:3, :3], axis=0)))
        np.testing.assert_array_equal(
            preprocess(Volume(np.asarray(other.dataobj), other.affine, spacing, "HU")), expected)


def test_window_ends_become_0_and_1_and_beyond_is_clipped() -> None:
    array = np.array([-3000, -1350, -600, 150, 3000], np.float32).reshape(5, 1, 1).repeat(5, 1)
    seen = Preprocess(InputSection(window="lung", size=16))(Volume(array, LPS, (1.0, 1.0, None), "HU"))
    assert seen.min() == 0
    assert seen.max() == 1
    assert seen[0, 0, 8].min() < 0.5 < seen[0, 0, 8].max()
    middle = Volume(np.full((16, 16, 1), -600, np.float32), LPS, (1.0, 1.0, None), "HU")
    np.testing.assert_allclose(Preprocess(InputSection(window="lung", size=16))(middle), 0.5, atol=1e-6)


def test_optical_values_pass_unchanged_at_native_size() -> None:
    picture = np.random.default_rng(1).random((32, 32, 1)).astype(np.float32)
    seen = Preprocess(InputSection(window="none", size=32))(Volume(picture, LPS, (1.0, 1.0, None), "optical"))
    np.testing.assert_allclose(seen[0, 0], picture[:, :, 0].T, atol=1e-6)  # rows are the second index of a volume


def test_aspect_is_kept_by_padding_also_with_oblong_pixels() -> None:
    wide = Volume(np.ones((64, 32, 1), np.float32), LPS, (1.0, 1.0, None), "optical")
    seen = Preprocess(InputSection(window="none", size=32))(wide)[0, 0]
    assert (seen[8:24] == 1).all()
    assert (seen[:8] == 0).all()
    assert (seen[24:] == 0).all()
    oblong = Volume(np.ones((64, 32, 1), np.float32), LPS @ np.diag([1, 2.0, 1, 1]), (1.0, 2.0, None), "optical")
    assert (Preprocess(InputSection(window="none", size=32))(oblong) == 1).all()


def test_spacing_fixes_the_scale_whatever_the_field_of_view() -> None:
    def disk(pixels: int, pixel_mm: float) -> Volume:
        place = (np.arange(pixels) - (pixels - 1) / 2) * pixel_mm
        inside = place[:, None] ** 2 + place[None, :] ** 2 < 30.0**2
        return Volume(inside[:, :, None].astype(np.float32), LPS @ np.diag([pixel_mm, pixel_mm, 1, 1]),
                      (pixel_mm, pixel_mm, None), "optical")

    preprocess = Preprocess(InputSection(window="none", size=64, spacing_mm=2.0))
    areas = [float(preprocess(disk(n, mm)).sum()) for n, mm in ((160, 0.5), (100, 1.0), (40, 4.0))]
    assert areas == pytest.approx([np.pi * 15**2] * 3, rel=0.03)


def test_downscaling_does_not_alias() -> None:
    stripes = (np.indices((128, 128)).sum(0) % 2).astype(np.float32)[:, :, None]
    seen = Preprocess(InputSection(window="none", size=32))(Volume(stripes, LPS, (1.0, 1.0, None), "optical"))
    assert seen[0, 0, 2:-2, 2:-2].std() < 0.02


def test_a_hounsfield_window_on_a_photograph_is_refused_with_its_unit() -> None:
    photograph = Volume(np.ones((4, 4, 1), np.float32), LPS, (1.0, 1.0, None), "optical")
    with pytest.raises(UnitError, match="'optical'"):
        Preprocess(InputSection(window="lung"))(photograph)


def test_a_constant_image_and_strided_views_are_taken() -> None:
    constant = Volume(np.full((8, 8, 3), 7.0, np.float32), LPS, (1.0, 1.0, 1.0), "stored")
    assert (Preprocess(InputSection(size=16, slices=2))(constant) == 0).all()
    base = np.random.default_rng(2).normal(size=(6, 20, 22)).astype(np.float32)
    view = base.transpose(2, 1, 0)[:, ::-1]
    preprocess = Preprocess(InputSection(size=16, slices=3))
    np.testing.assert_array_equal(preprocess(Volume(view, LPS, (1.0, 1.0, 1.0), "stored")),
                                  preprocess(Volume(view.copy(), LPS, (1.0, 1.0, 1.0), "stored")))


def test_a_contract_rebuilds_the_same_preparation() -> None:
    preprocess = Preprocess(InputSection(window="bone", size=48, slices=4, spacing_mm=1.5))
    contract = json.loads(json.dumps(preprocess.contract()))
    assert Preprocess.from_contract(contract) == preprocess
    with pytest.raises(IntegrityError, match=r"differs .* in version"):
        Preprocess.from_contract({**contract, "version": 999})
    with pytest.raises(IntegrityError, match="cannot be read"):
        Preprocess.from_contract({"window": "lung"})


def test_a_clinic_needs_no_training_code() -> None:
    code = ("import sys, medtl.data.transforms; "
            "print([m for m in sys.modules if m.startswith(('medtl.training', 'medtl.methods', 'medtl.evaluation'))])")
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
