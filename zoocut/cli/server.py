"""Which server a command talks to, and as whom."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from zoocut.zooniverse.account import Credentials
    from zoocut.zooniverse.keeper import Keeper

__all__ = ["EndpointOption", "ProjectOption", "credentials_for", "endpoint_of", "sign_in"]

EndpointOption = Annotated[
    str | None,
    typer.Option(
        "--endpoint", help="The server; PANOPTES_ENDPOINT, else the real Zooniverse.", show_default=False
    ),
]
ProjectOption = Annotated[
    str | None,
    typer.Option(
        "--project",
        "-p",
        envvar="ZOOCUT_PROJECT",
        help="The project as owner/name, or its id.",
        show_default=False,
    ),
]


def endpoint_of(given: str | None) -> str:
    """Give the server's address in its one form.

    Raises
    ------
    ConfigError
        When it is not one.
    """
    from zoocut.zooniverse.account import PRODUCTION, normalise_endpoint

    return normalise_endpoint(given or os.environ.get("PANOPTES_ENDPOINT") or PRODUCTION)


def sign_in(endpoint: str | None) -> Keeper:
    """Sign in with the credentials that are found.

    Raises
    ------
    SignInError
        When there are none, or they are refused.
    """
    from zoocut.zooniverse.keeper import open_keeper

    server = endpoint_of(endpoint)
    return open_keeper(server, credentials_for(server))


def credentials_for(server: str) -> Credentials:
    """Find the credentials for a server: in the environment, as saved by `zoocut login`, or panoptes-cli's.

    Raises
    ------
    SignInError
        When there are none, or the key ring is locked.
    """
    from zoocut.zooniverse.account import find_credentials
    from zoocut.zooniverse.saved import best_place

    home = Path.home()
    return find_credentials(os.environ, home, lambda: best_place(home).find(server))
