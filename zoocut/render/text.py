"""Text as strips of coverage, each drawn once and kept."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from zoocut.error_kinds import WrongLook

__all__ = ["Strip", "Type", "font_file", "missing_letters", "require_letters"]

Strip = npt.NDArray[np.uint8]
"""Coverage 0..255 of shape (height, width); all strips of a type have the same height and base line."""

DEFAULT_FAMILY = "DejaVu Sans"
SMALLEST_PIX = 6
"""Type that can just be read."""


class Type:
    """A font at one size.

    Parameters
    ----------
    file : str
        Path of the font.
    height_pix : float
        Type size.
    """

    def __init__(self, file: str, height_pix: float) -> None:
        self._file, self._height_pix = file, height_pix
        self._font = ImageFont.truetype(file, height_pix, layout_engine=ImageFont.Layout.BASIC)
        self.ascent, descent = self._font.getmetrics()
        self.height = self.ascent + descent
        self._strips: dict[str, Strip] = {}

    def strip(self, text: str) -> Strip:
        """Draw a word, or a character, once; later give the same strip again."""
        strip = self._strips.get(text)
        if strip is None:
            strip = self._strips[text] = self._drawn(text)
        return strip

    def fitting(self, text: str, width_pix: int) -> Type:
        """Return the font at the largest size, up to this one, at which a text is no wider.

        Raises
        ------
        ConfigError
            When it would be too small to be read.
        """
        found = self
        while (length := found._font.getlength(text)) > width_pix:
            smaller = found._height_pix * min(0.98, width_pix / length)
            if smaller < SMALLEST_PIX:
                raise WrongLook(f"{text!r} does not fit above its panel: shorten the title in [draw]")
            found = Type(self._file, smaller)
        return found

    def _drawn(self, text: str) -> Strip:
        width = max(1, round(self._font.getlength(text)))
        image = Image.new("L", (width, self.height), 0)
        ImageDraw.Draw(image).text((0, self.ascent), text, font=self._font, fill=255, anchor="ls")
        return np.asarray(image)


def font_file(font: str, weight: str = "normal") -> str:
    """Find the file of a font.

    Parameters
    ----------
    font : str
        A family that matplotlib finds, or the path of a font file.
    weight : str
        `normal` or `bold`; a path has only the weight it has.

    Raises
    ------
    ConfigError
        When there is no such font.
    """
    if Path(font).suffix.lower() in {".ttf", ".otf", ".ttc"}:
        return _readable(font)
    import matplotlib

    if font == DEFAULT_FAMILY:
        name = "DejaVuSans-Bold.ttf" if weight == "bold" else "DejaVuSans.ttf"
        return str(Path(matplotlib.get_data_path(), "fonts", "ttf", name))
    from matplotlib.font_manager import FontProperties, findfont

    try:
        return str(findfont(FontProperties(family=font, weight=weight), fallback_to_default=False))
    except ValueError:
        raise WrongLook(
            f"draw.font = {font!r} is not installed: name another family or the path of a .ttf file"
        ) from None


def require_letters(font: str, text: str, what: str) -> None:
    """Refuse words of the settings with letters that would be drawn as empty boxes.

    Parameters
    ----------
    font : str
        As `font_file` takes it.
    text : str
        The words.
    what : str
        What they are, for the message, such as `the title`.

    Raises
    ------
    ConfigError
        When the font lacks one of their letters.
    """
    missing = missing_letters(font, text)
    if missing:
        named = ", ".join(f"{letter!r} (U+{ord(letter):04X})" for letter in missing)
        raise WrongLook(
            f"{what} {text!r} has {named}, which the font {font!r} cannot draw: name another font in draw.font, or"
            " use other words"
        )


def missing_letters(font: str, text: str) -> str:
    """Return the letters of a text that a font has no picture of, each once."""
    return "".join(dict.fromkeys(letter for letter in text if ord(letter) not in _drawable(font)))


@lru_cache(maxsize=8)
def _drawable(font: str) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(font_file(font)).get_charmap())


def _readable(path: str) -> str:
    try:
        ImageFont.truetype(path, 12)
    except OSError as error:
        raise WrongLook(f"draw.font = {path!r} cannot be read ({error}): give a TrueType file") from None
    return path
