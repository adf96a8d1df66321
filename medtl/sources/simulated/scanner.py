"""Scanners, protocols and the three simulated hospitals.

Settings are typical published ones:

- Dose and voltage: diagnostic chest CT 120 kVp at 70 to 150 effective mAs, slender patients 100 kVp (ACR-SPR-STR
  practice parameter for thoracic CT; AAPM adult routine chest protocols, 2016). CT angiography of the pulmonary
  arteries 100 kVp, 150 to 200 mAs, 1.0 to 1.25 mm.
- Contrast: 300 to 400 HU in the pulmonary arteries of angiography, which is about 12 mg of iodine per ml at 100 kVp,
  and a good half of it in the arteries of a staging scan; the bolus differs by a quarter among patients. Who gets it
  is a matter of the indication: staging of a known cancer with contrast, screening and follow-up mostly without, a
  suspected embolism with, a suspected pneumonia without. So it goes with nodules where cancer is looked after, and not
  in an emergency department. The shares are our own.
- Thickness: 5 mm on older routine protocols, 2 to 3 mm today, 1.0 to 1.25 mm for angiography and high resolution.
- Kernels: soft (B30f, GE Standard) and lung (B60f to B70f, GE Lung and Bone), which lift middle frequencies above 1.
- Field of view: 320 to 400 mm for the whole chest of adults; for high resolution the smallest that shows the whole
  lung (European Guidelines on Quality Criteria for Computed Tomography, 2000), 260 mm and more.
- Pneumonia: ground-glass opacities in most patients of an emergency department, as in the spring of 2020.
- Padding: -2000 HU outside the reconstruction circle (GE), or no padding and -1024 (Siemens).

A clinical matrix is 512 wide, this one 128. Kernels are therefore stated as fractions of the detector's Nyquist
frequency: relations among scanners are kept, absolute line pairs per cm are about a quarter.
"""
from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from medtl.sources.simulated.thorax import NoduleDistribution


@dataclass(frozen=True)
class Kernel:
    """Apodisation of the ramp filter: a smooth roll-off and a lift of the middle frequencies.

    Args:
        name: as in ConvolutionKernel.
        cutoff: frequency of the half height of the roll-off, as a fraction of Nyquist; above 1 leaves it open.
        steepness: exponent of the roll-off; 2 is Gaussian-like.
        lift: relative gain at `lift_at`, 0 for none.
        lift_at: frequency of the greatest gain, as a fraction of Nyquist.
    """

    name: str
    cutoff: float
    steepness: float = 2.0
    lift: float = 0.0
    lift_at: float = 0.55


SOFT_KERNEL = Kernel("SIM-SOFT", cutoff=0.50)
MEDIUM_KERNEL = Kernel("SIM-STANDARD", cutoff=0.70)
LUNG_KERNEL = Kernel("SIM-LUNG", cutoff=1.0, steepness=6.0, lift=0.6)


@dataclass(frozen=True)
class Protocol:
    """How a chest is scanned and reconstructed.

    Args:
        kvp: tube voltage in kV.
        mas: effective tube current times time in mAs.
        kernel: reconstruction kernel.
        thickness_mm: slice thickness.
        spacing_mm: distance between slices.
        fov_mm: reconstructed field of view.
        slices: number of slices.
        iodine_mg_ml: mean contrast medium in the blood of those who get it, in mg of iodine per ml.
        iodine_spread: standard deviation of its logarithm over patients.
    """

    kvp: int
    mas: float
    kernel: Kernel
    thickness_mm: float
    spacing_mm: float
    fov_mm: float
    slices: int
    iodine_mg_ml: float = 0.0
    iodine_spread: float = 0.25

    def slice_centres_mm(self) -> NDArray[np.float64]:
        """z of the slices' centres, from the feet to the head, around 0."""
        return np.asarray((np.arange(self.slices) - (self.slices - 1) / 2) * self.spacing_mm, dtype=np.float64)


@dataclass(frozen=True)
class Scanner:
    """A CT scanner model with its calibration.

    Args:
        manufacturer: as in the DICOM header.
        model: as in the DICOM header.
        padding: stored value outside the reconstruction circle.
        efficiency: share of the photons that the detector counts, 0 to 1.
        electronic: standard deviation of the read-out noise, as photons of the mean energy.
        table_mm: gap between back and table top.
    """

    manufacturer: str
    model: str
    padding: int
    efficiency: float = 0.8
    electronic: float = 40.0
    table_mm: float = 2.0


@dataclass(frozen=True)
class Hospital:
    """A hospital: its scanner, its protocol and the patients who come.

    Args:
        scanner: the device.
        protocol: its chest protocol.
        prevalence: share of patients with a nodule.
        pneumonia: share of patients with ground-glass opacities, whether or not they have a nodule.
        contrast: shares that are scanned with contrast medium, of patients without and of patients with a nodule.
        nodules: distribution of nodules among them.
    """

    scanner: Scanner
    protocol: Protocol
    prevalence: float
    pneumonia: float = 0.0
    contrast: tuple[float, float] = (0.0, 0.0)
    nodules: NoduleDistribution = field(default_factory=NoduleDistribution)


HOSPITALS: dict[str, Hospital] = {
    "north": Hospital(
        Scanner("Simulated A", "SimCT A-64", padding=-2000),
        Protocol(
            120, 110.0, SOFT_KERNEL, thickness_mm=5.0, spacing_mm=5.0, fov_mm=360.0, slices=12, iodine_mg_ml=8.0
        ),
        prevalence=0.50,
        contrast=(0.25, 0.75),
    ),
    "east": Hospital(
        Scanner("Simulated B", "SimCT B-16", padding=-1024, efficiency=0.75),
        Protocol(
            100, 90.0, MEDIUM_KERNEL, thickness_mm=3.0, spacing_mm=4.5, fov_mm=340.0, slices=12, iodine_mg_ml=8.0
        ),
        prevalence=0.40,
        contrast=(0.25, 0.75),
    ),
    "south": Hospital(
        Scanner("Simulated C", "SimCT C-4", padding=-2000, efficiency=0.7),
        Protocol(
            100, 180.0, LUNG_KERNEL, thickness_mm=1.25, spacing_mm=4.5, fov_mm=270.0, slices=12, iodine_mg_ml=12.0
        ),
        prevalence=0.40,
        pneumonia=0.8,
        contrast=(0.5, 0.5),
    ),
}
