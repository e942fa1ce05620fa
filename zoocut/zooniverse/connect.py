"""Sign in and get what an upload talks to."""

from __future__ import annotations

import time
from collections.abc import Callable

from zoocut.zooniverse.api import Api
from zoocut.zooniverse.clock import Clock
from zoocut.zooniverse.credentials import Credentials
from zoocut.zooniverse.download import Downloader
from zoocut.zooniverse.exports import ExportAdmin
from zoocut.zooniverse.panoptes import Panoptes
from zoocut.zooniverse.retrying import signed_in
from zoocut.zooniverse.session import Session
from zoocut.zooniverse.set_admin import SetAdmin
from zoocut.zooniverse.store import Store
from zoocut.zooniverse.transport import READ_S, ApiTransport, Transport

__all__ = ["connect", "connect_export_admin", "connect_set_admin"]


def connect(
    endpoint: str,
    credentials: Credentials,
    read_s: float = READ_S,
    patience_s: float = 0.0,
    tell: Callable[[str], object] = lambda words: None,
) -> tuple[Panoptes, Store]:
    """Sign in to a server.

    Parameters
    ----------
    endpoint : str
        Normalised.
    credentials : Credentials
        What to sign in with.
    read_s : float
        Longest wait for an answer, in seconds.
    patience_s : float
        For how long signing in is tried again while the server, or what stands before it, is busy.
    tell : callable
        Told why it is tried again.

    Raises
    ------
    SignInError
        When the credentials are refused.
    ZooniverseError
        When the server cannot be reached or is no Panoptes.
    """
    clock, transport = Clock(), ApiTransport(read_s)
    session = signed_in(lambda: Session(endpoint, credentials, clock, transport), patience_s, tell)
    panoptes = Panoptes(Api(session))
    return panoptes, Store(Transport(read_s))


def connect_set_admin(endpoint: str, credentials: Credentials) -> SetAdmin:
    """Sign in to a server to look after its sets.

    Raises
    ------
    SignInError
        When the credentials are refused.
    ZooniverseError
        When the server cannot be reached or is no Panoptes.
    """
    panoptes, _ = connect(endpoint, credentials)
    return SetAdmin(panoptes.retrying())


def connect_export_admin(
    endpoint: str, credentials: Credentials, read_s: float = READ_S
) -> tuple[ExportAdmin, Downloader]:
    """Sign in to a server to have its exports.

    Raises
    ------
    SignInError
        When the credentials are refused.
    ZooniverseError
        When the server cannot be reached or is no Panoptes.
    """
    panoptes, _ = connect(endpoint, credentials, read_s)
    return ExportAdmin(SetAdmin(panoptes.retrying())), Downloader(Transport(read_s), time.sleep)
