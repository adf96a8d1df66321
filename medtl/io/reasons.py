"""Why a series is used, repaired or refused: one closed enumeration for DICOM, NIfTI and raster images.

Each member has a ``code`` (its value, written to tables), an ``effect``, a ``meaning`` and an ``action``:

- ``note``: the file's own headers were followed, nothing was assumed; the series stays ``use``.
- ``repair``: something was assumed, dropped or altered that changes the samples or their place; ``repaired``.
- ``refusal``: no volume can be given without a guess; ``refused``.
"""
from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Literal

Effect = Literal["note", "repair", "refusal"]
Verdict = Literal["use", "repaired", "refused"]


class Reason(Enum):
    """A reason code.

    Attributes:
        code: the stable name that tables carry, equal to ``value``.
        effect: ``note``, ``repair`` or ``refusal``.
        meaning: what was found.
        action: what the user can do.
    """

    def __new__(cls, code: str, effect: Effect, meaning: str, action: str) -> Reason:
        member = object.__new__(cls)
        member._value_ = code
        return member

    def __init__(self, code: str, effect: Effect, meaning: str, action: str) -> None:
        self.code = code
        self.effect: Effect = effect
        self.meaning = meaning
        self.action = action

    # --- any format: the file itself -------------------------------------------------------------------------------
    UNREADABLE_FILE = (
        "unreadable_file", "refusal", "The file cannot be opened or read.", "Check permissions and the disk.")
    EMPTY = ("empty", "refusal", "The path holds no file.", "Check the path.")
    UNSAFE_NAME = (
        "unsafe_name", "note", "A file or folder name holds control characters; it was read but is never printed.",
        "Rename it.")
    SYMLINK_LOOP = (
        "symlink_loop", "note", "A link leads back to a folder already walked, or nowhere; it was skipped.",
        "Remove the link.")
    TOO_LARGE = (
        "too_large", "refusal", "The voxels, the header or the file count exceed the reader's limit.",
        "Raise the limit if the object is genuine.")
    SIZE_MISMATCH = (
        "size_mismatch", "refusal", "The header promises more pixels than the file can hold.",
        "Copy the file again from its source; it is cut short or its header is wrong.")
    CORRUPT_PIXELS = (
        "corrupt_pixels", "refusal", "The compressed pixel data cannot be decoded or decode to another size.",
        "Copy the file again from its source.")
    NON_FINITE = (
        "non_finite", "refusal", "Values or coordinates are not finite numbers.", "Correct or exclude the file.")
    NOT_AN_IMAGE = (
        "not_an_image", "refusal", "The object holds no image (report, presentation state, plan, note, directory).",
        "Nothing; it is skipped where images lie beside it.")
    UNKNOWN_FORMAT = (
        "unknown_format", "refusal", "The file is not in a format that the reader knows.",
        "Nothing if it is a stray file; else convert it.")
    TIME_SERIES = (
        "time_series", "refusal", "Frames follow each other in time, not in space (4D, cine).",
        "Choose one frame or phase and store it as its own series.")
    COLOUR_TO_GREY = (
        "colour_to_grey", "repair", "Colour pixels were turned into luminance (ITU-R BT.601), in [0, 1].",
        "Check that colour carries no finding.")

    # --- DICOM: objects and members --------------------------------------------------------------------------------
    BAD_HEADER = (
        "bad_header", "refusal",
        "The DICOM header is cut short, malformed, nested too deeply or lacks what a reader needs.",
        "Export the object again from its source.")
    UNREADABLE_NEIGHBOUR = (
        "unreadable_neighbour", "note",
        "A file beside this series could not be read; if it was an end slice, its absence cannot be seen.",
        "Copy the folder again and compare the number of files.")
    UNDECODABLE_SYNTAX = (
        "undecodable_syntax", "refusal", "No decoder is installed for the pixel data's transfer syntax.",
        "Install medtl[dicom]; else convert the files to Explicit VR Little Endian.")
    UNSUPPORTED_PIXELS = (
        "unsupported_pixels", "refusal",
        "The pixel layout (samples, bits, photometric interpretation) is not supported.",
        "Convert the object to 8- or 16-bit grey values.")
    LOCALIZER = (
        "localizer", "refusal", "The image is a localizer or scout.", "Nothing; choose the diagnostic series.")
    DOSE_REPORT = ("dose_report", "refusal", "The image is a dose report.", "Nothing; choose the diagnostic series.")
    SCREEN_CAPTURE = (
        "screen_capture", "refusal", "The image is a screen capture, not a measurement.",
        "Nothing; choose the diagnostic series.")
    NO_POSITION = (
        "no_position", "refusal", "A cross-sectional slice has no ImagePositionPatient.",
        "Export the original series; a position cannot be guessed.")
    NO_ORIENTATION = (
        "no_orientation", "refusal", "A cross-sectional slice has no ImageOrientationPatient.",
        "Export the original series; an orientation cannot be guessed.")
    BAD_ORIENTATION = (
        "bad_orientation", "refusal", "The direction cosines are not two orthogonal unit vectors.",
        "Export the original series.")
    OTHER_MATRIX = (
        "other_matrix", "note", "Slices of another matrix than the series' own were dropped.",
        "Check that they do not belong to the stack.")
    OTHER_PHOTOMETRIC = (
        "other_photometric", "note", "Slices of another photometric interpretation were dropped.",
        "Check that they do not belong to the stack.")
    NON_MEMBERS_DROPPED = (
        "non_members_dropped", "note", "Localizers, reports or slices without a place were dropped from the stack.",
        "Nothing; the dropped files are listed with their reasons.")
    DUPLICATE_DROPPED = (
        "duplicate_dropped", "repair", "Copies of a slice (same position, same pixels) were dropped.",
        "Nothing; remove the copies to save room.")
    AMBIGUOUS_POSITION = (
        "ambiguous_position", "refusal",
        "Slices share a position but not their pixels, and no header field separates them.",
        "Split the series by hand; the headers do not say which slices belong together.")
    SPLIT = (
        "split", "note", "The series held several stacks, told apart by a header field, and was split.",
        "Choose the stack that you mean.")

    # --- DICOM: geometry -------------------------------------------------------------------------------------------
    NO_PIXEL_SPACING = (
        "no_pixel_spacing", "refusal", "PixelSpacing is missing or not two positive numbers.",
        "Export the original series; a pixel size cannot be guessed.")
    DETECTOR_SPACING = (
        "detector_spacing", "repair",
        "PixelSpacing is missing; ImagerPixelSpacing over the magnification factor (1 if unknown) was used.",
        "Do not measure lengths on it without a calibration.")
    UNKNOWN_SPACING = (
        "unknown_spacing", "repair", "A projection image states no pixel size; 1 mm was put in its place.",
        "Do not measure lengths on it.")
    NO_PATIENT_FRAME = (
        "no_patient_frame", "note", "A projection image has no place in the patient; its affine is in its own frame.",
        "Nothing; do not overlay it on other series.")
    SINGLE_SLICE = (
        "single_slice", "note", "The series is one slice; its spacing along z is unknown.", "Nothing.")
    MISSING_SLICE = (
        "missing_slice", "refusal", "A gap between slices is a multiple of the step: slices are missing.",
        "Fetch the missing slices, or ask for interpolation.")
    SLICES_INTERPOLATED = (
        "slices_interpolated", "repair", "Missing slices were filled by linear interpolation, as asked.",
        "Do not read findings from the filled slices.")
    VARIABLE_SPACING = (
        "variable_spacing", "refusal", "The steps between slices are unequal.",
        "Fetch the original series, or ask for resampling.")
    SPACING_RESAMPLED = (
        "spacing_resampled", "repair", "Slices of unequal steps were resampled from their true positions, as asked.",
        "Prefer the original series.")
    IRREGULAR_POSITIONS = (
        "irregular_positions", "refusal", "The slice positions do not lie on one straight line.",
        "Export the original series.")
    GANTRY_TILT = (
        "gantry_tilt", "note", "The stack is sheared against its normal; the shear is kept in the affine.",
        "Resample to an orthogonal grid before a model sees it.")
    ROUNDED_POSITIONS = (
        "rounded_positions", "note", "Positions are rounded; the step comes from a line through all of them.",
        "Nothing.")

    # --- DICOM: values ---------------------------------------------------------------------------------------------
    NO_RESCALE = (
        "no_rescale", "refusal", "A CT or PET does not say how stored values become what it measures.",
        "Export the original series.")
    NOT_HOUNSFIELD = (
        "not_hounsfield", "refusal", "A CT's rescale type is not Hounsfield units.",
        "Choose the series in Hounsfield units.")
    BAD_RESCALE = (
        "bad_rescale", "refusal", "Rescale slope, intercept or modality LUT is malformed.",
        "Export the original series.")
    INVERTED = (
        "inverted", "note",
        "MONOCHROME1 or an inverse presentation was inverted about the stored bit range.", "Nothing.")
    PADDING_SET_TO_AIR = (
        "padding_set_to_air", "note", "Padding outside the field of view was set to air (-1000 HU).", "Nothing.")
    PADDING_FOUND = (
        "padding_found", "note", "Padding pixels were set to the lowest value of the image.", "Nothing.")
    LOSSY = (
        "lossy", "note", "The pixels went through lossy compression.", "Prefer the lossless original.")
    BURNED_IN_TEXT = (
        "burned_in_text", "note", "Text with identifiers may be burned into the pixels.",
        "Mask it before pixels are shown or shared.")

    # === NIfTI: members owned by medtl.io.nifti ====================================================================
    FORM_CONFLICT = (
        "form_conflict", "refusal",
        "qform and sform claim the same space and place the voxels differently.",
        "Correct one of the two from the source images; nothing says which is right.")
    FORM_CHOSEN = (
        "form_chosen", "note",
        "qform and sform lead to different spaces; the one of the scanner was used, else the sform.",
        "Check that the image was not resampled to a template.")
    NO_FORM = (
        "no_form", "refusal", "Neither qform nor sform is set: left and right are not stated.",
        "Convert again from DICOM, or set the sform if you know it.")
    DEGENERATE_AFFINE = (
        "degenerate_affine", "refusal", "The affine maps the voxels onto a plane, a line or nothing.",
        "Convert again from DICOM.")
    UNITS_ASSUMED = (
        "units_assumed", "repair", "The header states no unit of length; millimetres were assumed.",
        "Set xyzt_units if you know it.")
    UNITS_CONVERTED = (
        "units_converted", "note", "The header states metres or micrometres, turned into millimetres.", "Nothing.")
    UNSTATED_VALUES = (
        "unstated_values", "note", "The format does not say what its values measure; they are kept as stored.",
        "State the modality in the data card.")

    # === Raster images: members owned by medtl.io.raster ===========================================================
    NO_PLACE = (
        "no_place", "note", "A raster image has no pixel size and no place in the patient; its affine counts pixels.",
        "Nothing; do not measure lengths on it.")
    ORIENTATION_APPLIED = (
        "orientation_applied", "note", "The image was turned as its orientation field asks.", "Nothing.")
    ALPHA_FLATTENED = (
        "alpha_flattened", "repair", "Transparent pixels were laid over black.", "Save the image without transparency.")
    DEPTH_REDUCED = (
        "depth_reduced", "repair", "16-bit colour or transparent pixels were read with 8 bits.",
        "Save the image as 16-bit grey.")
    MULTI_PAGE = (
        "multi_page", "refusal", "The file holds several images and does not say how they relate.",
        "Save each image as a file of its own.")
    NO_STATED_RANGE = (
        "no_stated_range", "refusal",
        "Floating-point, signed or 32-bit pixels have no stated range, so black and white are unknown.",
        "Save the image with 8 or 16 bits, or as NIfTI.")


def verdict_of(reasons: Iterable[Reason]) -> Verdict:
    """Judges a series by the strongest effect among its reasons.

    Args:
        reasons: any number of reasons.

    Returns:
        ``refused`` if one refuses, else ``repaired`` if one repairs, else ``use``.
    """
    effects = {reason.effect for reason in reasons}
    if "refusal" in effects:
        return "refused"
    return "repaired" if "repair" in effects else "use"
