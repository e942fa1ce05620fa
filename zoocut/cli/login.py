"""`zoocut login`, `logout` and `whoami`."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from zoocut.api.server import credentials_for, endpoint_of
from zoocut.cli.console import notes, print_json, results
from zoocut.cli.options import EndpointOption, JsonOption

__all__ = ["login", "logout", "whoami"]


def login(
    username: Annotated[
        str | None,
        typer.Option("--username", "-u", help="The account; asked for when not given.", show_default=False),
    ] = None,
    endpoint: EndpointOption = None,
) -> None:
    """Check an account and keep it in the system's key ring.

    The password is asked for, or read from the first line of the standard input, never from the command line.

    Example: zoocut login --username astro-lab
    """
    from zoocut.zooniverse.connect import connect_set_admin
    from zoocut.zooniverse.credential_store import PrivateFile, best_store
    from zoocut.zooniverse.credentials import Credentials

    server = endpoint_of(endpoint)
    credentials = Credentials(username or _asked("Zooniverse account: "), _password())
    account = connect_set_admin(server, credentials).panoptes.account()
    place = best_store(Path.home())
    place.keep(server, credentials)
    if isinstance(place, PrivateFile):
        notes.print(
            f"warning: this system has no key ring that Python can use, so the password lies in "
            f"{place.name}, which only you may read",
            markup=False,
        )
    results.print(f"signed in to {server} as {account.login}, kept in {place.name}", markup=False)
    if os.environ.get("PANOPTES_USERNAME") or os.environ.get("PANOPTES_CLIENT_ID"):
        notes.print("warning: the account in the environment (PANOPTES_...) goes before this one")


def _asked(question: str) -> str:
    from zoocut.errors import Interrupted

    try:
        notes.print(question, end="")
        return input().strip()
    except (KeyboardInterrupt, EOFError):
        raise Interrupted("stopped; nothing was saved") from None


def _password() -> str:
    from zoocut.errors import Interrupted

    try:
        return getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    except (KeyboardInterrupt, EOFError):
        raise Interrupted("stopped; nothing was saved") from None


def logout(endpoint: EndpointOption = None) -> None:
    """Forget the account that `zoocut login` kept.

    Example: zoocut logout
    """
    from zoocut.zooniverse.credential_store import best_store

    server, place = endpoint_of(endpoint), best_store(Path.home())
    gone = place.forget(server)
    results.print(
        f"forgot the account for {server}" if gone else f"no account was kept for {server}", markup=False
    )


def whoami(endpoint: EndpointOption = None, as_json: JsonOption = False) -> None:
    """Tell which account is used, where it was found, and how many subjects it may still upload.

    Example: zoocut whoami
    """
    from zoocut.zooniverse.connect import connect_set_admin

    server = endpoint_of(endpoint)
    credentials = credentials_for(server)
    admin = connect_set_admin(server, credentials)
    account = admin.panoptes.account()
    if as_json:
        who = {"id": account.user_id, "login": account.login, "banned": account.banned}
        print_json(
            {
                "version": 1,
                "endpoint": admin.panoptes.endpoint,
                **who,
                "source": credentials.source,
                "limit": account.limit,
                "uploaded": account.uploaded,
            }
        )
        return
    limit = "without limit" if account.limit is None else f"of {account.limit}"
    banned = "; this account is banned" if account.banned else ""
    results.print(
        f"{account.login} (id {account.user_id}) at {admin.panoptes.endpoint}: {account.uploaded} {limit} subjects "
        f"uploaded{banned}; the account is that of {credentials.source}",
        markup=False,
    )
