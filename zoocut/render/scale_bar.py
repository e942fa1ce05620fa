"""The scale bar: a yellow line on blue in a panel's lower left corner."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import floor, isfinite, log10

__all__ = ["Bar", "bar_for"]

SHORTEST_PIX = 3
SHORTEST_PART = 1 / 20
"""Of the panel: a shorter bar is a dot on a phone, where a picture of 630 pixels is some 390 wide."""

ROUND = (5, 2, 1)


@dataclass(frozen=True, slots=True)
class Bar:
    """How long a bar is.

    Parameters
    ----------
    length_pix : int
        In the picture.
    label : str
        What to write beside it: empty for the length that was asked for.
    """

    length_pix: int
    label: str


@lru_cache(maxsize=1024)
def bar_for(asked_arcsec: float, picture_pixels_per_arcsec: float, panel_pix: int) -> Bar | None:
    """Choose the length of a bar.

    Parameters
    ----------
    asked_arcsec : float
        The usual length.
    picture_pixels_per_arcsec : float
        Scale of the drawn panel.
    panel_pix : int
        Width of the drawn panel.

    Returns
    -------
    Bar or None
        The usual length where that is a twentieth of the panel to half of it; otherwise the longest of 1, 2, 5,
        10 ... that fits a quarter of the panel; None where no length is to be seen.
    """
    if not isfinite(picture_pixels_per_arcsec) or picture_pixels_per_arcsec <= 0:
        return None
    length = asked_arcsec * picture_pixels_per_arcsec
    if max(SHORTEST_PIX, panel_pix * SHORTEST_PART) <= length <= panel_pix / 2:
        return Bar(round(length), "")
    longest = panel_pix / 4 / picture_pixels_per_arcsec
    power = 10.0 ** floor(log10(longest))
    chosen = next((step * power for step in ROUND if step * power <= longest), power)
    length = chosen * picture_pixels_per_arcsec
    return Bar(round(length), f"{chosen:g}″") if length >= SHORTEST_PIX else None
