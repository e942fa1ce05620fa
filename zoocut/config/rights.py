"""`[rights]`: on what grounds a run's pictures and numbers may be shown to the public."""

import difflib
import re
from typing import Annotated

from pydantic import AfterValidator, Field

from zoocut.config.section import Section
from zoocut.error_kinds import RightsUnclear
from zoocut.errors import ConfigError

__all__ = ["BASES", "RightsSettings", "covers_partners", "read_basis"]

BASES = {
    "alert-packet": "alert packets are public: pictures, numbers and positions out of them",
    "derived-image": "pictures drawn from data that are not public, without numbers or light curves beside them",
    "public-release": "the survey has released these data to everybody",
    "anonymized": "pictures that do not tell which source they show",
}
"""The grounds that have a name, after Rubin's data policy (RDO-013); anything else is the user's own words."""

NEAR = 0.84
"""Words as like a name as this are that name misspelt: `anonymised` has 0.9, `approved by the team` 0.4."""


def read_basis(text: str) -> str:
    """Return a basis as it is kept: a name in small letters with hyphens, or the user's own words.

    Raises
    ------
    ConfigError
        When it is empty, or looks like a misspelt name: own words let everything out, a name does not.
    """
    words = text.strip()
    if not words:
        raise RightsUnclear(
            f"a basis of rights is empty: name one of {', '.join(BASES)}, or say it in your words"
        )
    name = re.sub(r"[\s_-]+", "-", words.casefold())
    if name in BASES:
        return name
    near = difflib.get_close_matches(name, BASES, n=1, cutoff=NEAR)
    if near:
        raise RightsUnclear(
            f"the basis of rights {words!r} is none of {', '.join(BASES)}: did you mean {near[0]}? An approval in "
            "your words must not resemble these"
        )
    return words


def covers_partners(basis: str | None) -> bool:
    """Whether a basis lets out what belongs to a survey's partners, which alert streams hold beside public packets."""
    return basis is not None and (basis == "public-release" or basis not in BASES)


def _checked(text: str) -> str:
    try:
        return read_basis(text)
    except ConfigError as error:
        raise ValueError(str(error)) from None


Basis = Annotated[str, AfterValidator(_checked)]


class RightsSettings(Section):
    """Why the pixels may leave."""

    basis: Annotated[
        Basis | None,
        Field(
            description=f"on what grounds the pictures may be public: {', '.join(BASES)}, or an approval in your words;"
            " needed for Rubin's data that are no alert packets"
        ),
    ] = None
