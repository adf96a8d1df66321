"""PNG, JPEG, TIFF and BMP images: grey values in [0, 1] of the file's own bit range, or refused with a reason.

Pillow is never put into its lenient mode: a file cut short is refused, not filled with black.
"""
from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, TiffTags, UnidentifiedImageError
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from medtl.io.reasons import Reason, verdict_of
from medtl.io.series import Scanner, Series
from medtl.io.volume import Volume, lps_to_ras

MAX_PIXELS = 1 << 26
"""67 million: four times the largest mammogram; 0.3 GB as float32."""

GREY_SPREAD = 8
"""An RGB pixel is grey when its channels lie within so many of 255 levels: JPEG moves equal channels by less."""

GREY_SHARE = 0.999
"""An RGB image is grey when at least this share of its pixels is."""

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "DIB")
_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_WIDE = ("I;16", "I;16L", "I;16B", "I;16N")
_ORIENTATION = 0x0112
_TIFF_TAGS = {tag.name: number for number, tag in TiffTags.TAGS_V2.items()}
_REDUCED_PAGE = 1


class _Refused(Exception):
    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def read_raster(path: Path, *, pixels: bool = True) -> list[Series]:
    """Reads an image file.

    Args:
        path: PNG, JPEG, TIFF or BMP, by content; the name's ending does not matter.
        pixels: whether to decode; without, the verdict stands on the header alone.

    Returns:
        One series. Its volume has ``array`` float32, (columns, rows, 1), in [0, 1] (``unit`` optical): 0 is black and 1
        the greatest value of the file's 1, 8 or 16 bits. Colour becomes ITU-R BT.601 luminance with the reason
        ``colour_to_grey``, unless 99.9 % of the pixels have channels within 8 of 255 levels.
    """
    found: list[Reason] = []
    details: list[str] = []
    shape: tuple[int, int, int] | None = None
    volume: Volume | None = None
    try:
        with _opened(path) as image:
            _check(image)
            turned = _turns(image)
            shape = (image.height if turned >= 5 else image.width, image.width if turned >= 5 else image.height, 1)
            if image.format in ("JPEG", "MPO") or image.info.get("compression") == "jpeg":
                found.append(Reason.LOSSY)
            found.append(Reason.NO_PLACE)
            if pixels:
                array = _decode(path, image, found, details)
                volume = Volume(array, lps_to_ras(np.eye(4)), (1.0, 1.0, None), "optical")
                shape = (array.shape[0], array.shape[1], 1)
    except _Refused as refused:
        found, details = [refused.reason], [refused.detail]
    reasons = tuple(dict.fromkeys(found))
    return [Series(
        verdict=verdict_of(reasons), reasons=reasons, volume=volume, scanner=Scanner(), spacing_mm=None, files=(path,),
        details=tuple(details), shape=shape, instances=1,
        repairs=tuple(reason.meaning for reason in reasons if reason.effect == "repair"),
    )]


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Opens and closes an image, with whatever Pillow or a hostile file raises turned into a reason."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the limit on pixels is checked here, and stray metadata is not our concern
        try:
            with Image.open(path, formats=_FORMATS) as image:
                yield image
        except _Refused:
            raise
        except UnidentifiedImageError:
            if _begins_as_image(path):
                raise _Refused(
                    Reason.UNSUPPORTED_PIXELS, "the header is damaged, or its pixel layout is not supported") from None
            raise _Refused(Reason.UNKNOWN_FORMAT, "the content is no PNG, JPEG, TIFF or BMP image") from None
        except (Image.DecompressionBombError, MemoryError):
            raise _Refused(Reason.TOO_LARGE, f"the header promises more than {MAX_PIXELS} pixels") from None
        except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
            raise _Refused(Reason.UNREADABLE_FILE, f"the file cannot be read ({type(error).__name__})") from None
        except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error ...
            raise _Refused(Reason.CORRUPT_PIXELS, f"the image cannot be decoded ({type(error).__name__})") from None


def is_raster(head: bytes) -> bool:
    """Whether the first bytes of a file (16 suffice) begin a PNG, JPEG, TIFF or BMP."""
    return head.startswith(_MAGIC) or (head[:2] == b"BM" and head[6:10] == b"\0\0\0\0")


def _begins_as_image(path: Path) -> bool:
    with path.open("rb") as file:
        return is_raster(file.read(16))


def _check(image: Image.Image) -> None:
    """Refuses, from the header alone, what no rule here turns into grey values."""
    if image.width * image.height > MAX_PIXELS:
        raise _Refused(Reason.TOO_LARGE, f"{image.width} x {image.height} pixels; at most {MAX_PIXELS}")
    if image.format != "MPO" and _second_page(image):  # a telephone's MPO carries previews behind the image
        raise _Refused(Reason.MULTI_PAGE, "the file holds more than one image")
    if image.mode in ("F", "I", "I;16S", "I;16BS", "I;32S"):
        raise _Refused(Reason.NO_STATED_RANGE, "pixels are floating-point, signed or 32 bits wide")
    if image.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "YCbCr", *_WIDE):
        raise _Refused(Reason.UNSUPPORTED_PIXELS, f"colour model {image.mode} has no stated way to grey")


def _second_page(image: Image.Image) -> bool:
    if not hasattr(image, "seek"):
        return False
    try:
        image.seek(1)
    except EOFError:
        return False
    finally:
        image.seek(0)
    if isinstance(image, TiffImageFile):
        image.seek(1)
        reduced = bool(int(image.tag_v2.get(_TIFF_TAGS["NewSubfileType"], 0)) & _REDUCED_PAGE)
        image.seek(0)
        return not reduced  # a preview of the first page is no second image
    return True


def _turns(image: Image.Image) -> int:
    try:
        turned = int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF asks for nothing
        return 1
    return turned if 1 <= turned <= 8 else 1


def _decode(path: Path, image: Image.Image, found: list[Reason], details: list[str]) -> NDArray[np.float32]:
    """Grey values in [0, 1], float32, (columns, rows, 1)."""
    if isinstance(image, PngImageFile):
        with Image.open(path, formats=("PNG",)) as twin:
            twin.verify()  # loading skips the checksums of the pixel chunks
        if _png_bits(path) == 16 and image.mode not in _WIDE:
            found.append(Reason.DEPTH_REDUCED)
    inverted = False
    if isinstance(image, TiffImageFile) and image.mode in _WIDE:
        inverted = int(image.tag_v2.get(_TIFF_TAGS["PhotometricInterpretation"], 1)) == 0
    if isinstance(image, TiffImageFile) and max(image.tag_v2.get(_TIFF_TAGS["BitsPerSample"], (8,))) > 8 and (
        image.mode not in _WIDE
    ):
        found.append(Reason.DEPTH_REDUCED)
    image.load()
    turned: Image.Image = image
    if _turns(image) != 1:
        turned = ImageOps.exif_transpose(image)
        found.append(Reason.ORIENTATION_APPLIED)
    if turned.mode in _WIDE:
        grey = np.asarray(turned).astype(np.float32)  # (rows, columns)
        grey /= np.float32(65535)
    elif turned.mode in ("1", "L") and "transparency" not in turned.info:
        grey = np.asarray(turned.convert("L")).astype(np.float32)
        grey /= np.float32(255)
    else:
        grey = _luminance(turned, found, details)
    if inverted:
        grey = np.float32(1) - grey  # WhiteIsZero with 16 bits, which Pillow leaves as it is stored
        found.append(Reason.INVERTED)
    return grey.T[:, :, None]


def _luminance(image: Image.Image, found: list[Reason], details: list[str]) -> NDArray[np.float32]:
    """ITU-R BT.601 luminance of a colour, palette or transparent image, float32, (rows, columns)."""
    if image.mode in ("LA", "PA", "RGBA", "P") or "transparency" in image.info:
        whole = image.convert("RGBA")
        alpha = np.asarray(whole.getchannel("A"))
        if alpha.min() < 255:
            found.append(Reason.ALPHA_FLATTENED)
            details.append(f"{float(np.mean(alpha < 255)):.1%} of the pixels are transparent")
            black = Image.new("RGBA", whole.size, (0, 0, 0, 255))
            whole = Image.alpha_composite(black, whole)
        image = whole
    rgb = np.asarray(image.convert("RGB"))  # (rows, columns, 3)
    spread = rgb.max(axis=2) - rgb.min(axis=2)
    share = float(np.mean(spread <= GREY_SPREAD))
    if share < GREY_SHARE:
        found.append(Reason.COLOUR_TO_GREY)
        details.append(f"{1 - share:.1%} of the pixels are coloured")
    red, green, blue = (rgb[:, :, c].astype(np.float32) for c in range(3))
    grey: NDArray[np.float32] = (299 * red + 587 * green + 114 * blue) / np.float32(255_000)
    return grey


def _png_bits(path: Path) -> int:
    with path.open("rb") as file:
        return file.read(25)[-1]  # signature 8, chunk head 8, width 4, height 4, bit depth 1: PNG, section 11.2.1
