"""Which server a command talks to, and as whom."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoocut.ledger import Target
    from zoocut.run.folder import Run
    from zoocut.zooniverse.credentials import Credentials
    from zoocut.zooniverse.set_admin import SetAdmin


__all__ = ["credentials_for", "endpoint_of", "sign_in", "target_of"]


def endpoint_of(given: str | None) -> str:
    """Return the server's address in its one form.

    Raises
    ------
    ConfigError
        When it is not one.
    """
    from zoocut.zooniverse.credentials import PRODUCTION, normalise_endpoint

    return normalise_endpoint(given or os.environ.get("PANOPTES_ENDPOINT") or PRODUCTION)


def sign_in(endpoint: str | None) -> SetAdmin:
    """Sign in with the credentials that are found.

    Raises
    ------
    SignInError
        When there are none, or they are refused.
    """
    from zoocut.zooniverse.connect import connect_set_admin

    server = endpoint_of(endpoint)
    return connect_set_admin(server, credentials_for(server))


def credentials_for(server: str) -> Credentials:
    """Find the credentials for a server: in the environment, as saved by `zoocut login`, or panoptes-cli's.

    Raises
    ------
    SignInError
        When there are none, or the key ring is locked.
    """
    from zoocut.zooniverse.credential_store import best_store
    from zoocut.zooniverse.credentials import find_credentials

    home = Path.home()
    return find_credentials(os.environ, home, server, lambda: best_store(home).find(server))


def target_of(run: Run, endpoint: str | None, project: str | None, subject_set: str | None) -> Target:
    """Return the one target of a run that is meant.

    Raises
    ------
    InputError
        When nothing was uploaded.
    ConfigError
        When several targets, or none, fit.
    """
    from zoocut.uploading.goals import Goal, uploaded_target

    return uploaded_target(run, Goal(endpoint_of(endpoint) if endpoint else "", project, subject_set))
