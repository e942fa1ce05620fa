"""The medium `lightcurve`: a source's history as JSON for Zooniverse's viewer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated

from pydantic import Field

from zoocut.catalogs.history import Histories, History, open_histories
from zoocut.error_kinds import NoHistory
from zoocut.errors import InputError
from zoocut.media.curve import Curve, CurveSettings, plot_curve
from zoocut.media.lightcurve_json import curve_json
from zoocut.media.medium import Cut, MediaContext, Shown
from zoocut.model import Rejection

__all__ = ["CurveMedium", "LightcurveSettings", "open_lightcurve"]

MOST_BANDS = 50
"""More are no bands, but another column of the table: a visit or a time."""

TOO_MANY_BANDS = (
    f"without a light curve: it has more than {MOST_BANDS} bands; check which column tells the band"
)


class LightcurveSettings(CurveSettings):
    """What the curve shows, and how large its file may be."""

    max_bytes: Annotated[
        int,
        Field(ge=10_000, description="largest file; larger ones are thinned further; Zooniverse takes 1 MB"),
    ] = 1_000_000


class CurveMedium:
    """Draws the histories of sources, whatever the form.

    Parameters
    ----------
    histories : Histories
        Where they come from.
    settings : CurveSettings
        What is shown.
    quantity : str
        `difference` or `total`.
    ending : str
        What the names of its files end in.
    write : callable
        Makes a curve a file.
    before : str
        What notes begin with, so that two media of the same histories are told apart.
    """

    def __init__(
        self,
        histories: Histories,
        settings: CurveSettings,
        quantity: str,
        ending: str,
        write: Callable[[Curve], bytes],
        before: str = "",
    ) -> None:
        self._histories = histories
        self._settings = settings
        self._quantity = quantity
        self._ending = ending
        self._write = write
        self._before = before

    @property
    def endings(self) -> tuple[str, ...]:
        """One file a source."""
        return (self._ending,)

    def draw(self, batch: Sequence[Cut]) -> Iterator[Shown | Rejection]:
        """Draw the curves of some sources; a source without a measurement has none, unless one is required."""
        sources = [source for source, _ in batch]
        for source, found in zip(sources, self._histories.of(sources), strict=True):
            shown = self._shown(found)
            shown = Shown(shown.files, tuple(self._before + note for note in shown.notes))
            if self._settings.required and shown.files == (None,):
                yield Rejection.of(source, shown.notes[0], NoHistory.code)
            else:
                yield shown

    def _shown(self, found: History | Rejection) -> Shown:
        if isinstance(found, Rejection):
            return Shown((None,), (f"without a light curve: {found.reason}",))
        if len({point.band for point in found.points}) > MOST_BANDS:
            return Shown((None,), (TOO_MANY_BANDS,))
        curve = plot_curve(found, self._settings, self._quantity)
        left_out = tuple(
            f"measurements left out: {reason}"
            for reason, count in curve.left_out.items()
            for _ in range(count)
        )
        if curve.is_empty:
            return Shown(
                (None,), ("without a light curve: nothing was measured that can be shown", *left_out)
            )
        try:
            return Shown((self._write(curve),), left_out)
        except InputError as error:
            return Shown((None,), (f"without a light curve: {error}", *left_out))


def open_lightcurve(context: MediaContext) -> CurveMedium:
    """Open the medium.

    Raises
    ------
    ConfigError
        When a setting is wrong.
    InputError
        When the histories are not there.
    """
    settings = context.section(LightcurveSettings)
    histories = open_histories(context.settings, context.folder)
    quantity = context.settings.history.quantity

    def write(curve: Curve) -> bytes:
        return curve_json(curve, settings.max_bytes)

    return CurveMedium(histories, settings, quantity, "-lightcurve.json", write)
