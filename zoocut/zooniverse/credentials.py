"""Which server, and as whom: the endpoint and the credentials, as the other Zooniverse tools read them."""

from __future__ import annotations

import ipaddress
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from zoocut.error_kinds import CredentialsMissing, CredentialsUnsafe, WrongEndpoint
from zoocut.files import typed

__all__ = ["PRODUCTION", "Credentials", "find_credentials", "is_loopback_host", "normalise_endpoint"]

PRODUCTION = "https://www.zooniverse.org"
PANOPTES_CLI_FILE = Path(".panoptes") / "config.yml"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What to sign in with; the secrets stay out of every representation.

    Parameters
    ----------
    username, password : str or None
        A person's account.
    client_id, client_secret : str or None
        An application's, which acts as its owner.
    source : str
        Where they were found, in words that a remedy can name.
    """

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    client_id: str | None = field(default=None, repr=False)
    client_secret: str | None = field(default=None, repr=False)
    source: str = field(default="", compare=False)


def normalise_endpoint(endpoint: str) -> str:
    """Write an endpoint in the one form that targets are told apart by.

    Parameters
    ----------
    endpoint : str
        An address such as `https://www.zooniverse.org`.

    Raises
    ------
    ConfigError
        When it is not an http(s) address, or not HTTPS although it is not on this machine.
    """
    shown = _without_password(endpoint)
    try:
        parts = urlsplit(endpoint.strip())
        given = parts.hostname, parts.port
    except ValueError as error:
        raise WrongEndpoint(
            f"{shown!r} is not an endpoint ({error}): give an address such as {PRODUCTION}"
        ) from None
    if parts.scheme not in ("http", "https") or not given[0] or "@" in parts.netloc or parts.query:
        raise WrongEndpoint(
            f"{shown!r} is not an endpoint: give an address such as {PRODUCTION}, without a name or a password in it"
        )
    host = given[0].lower()
    if parts.scheme == "http" and not is_loopback_host(host):
        raise WrongEndpoint(f"{shown} would send your password in clear: use https://{host}")
    default = {"http": 80, "https": 443}[parts.scheme]
    bracketed = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, default) else f":{parts.port}"
    path = parts.path.rstrip("/").removesuffix("/api")  # where the API begins, which zoocut adds itself
    return f"{parts.scheme}://{bracketed}{port}{path}"


def _without_password(endpoint: str) -> str:
    """Take what stands before the last @ out of an address: it may be a password, and messages are kept in logs."""
    scheme, separator, rest = endpoint.partition("://")
    return f"{scheme}{separator}...@{rest.rpartition('@')[2]}" if "@" in rest else endpoint


def is_loopback_host(host: str) -> bool:
    """Whether a host is this machine: a name that merely begins like one, such as 127.example.org, is not."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def find_credentials(
    environment: Mapping[str, str],
    home: Path,
    server: str,
    saved: Callable[[], Credentials | None] = lambda: None,
) -> Credentials:
    """Find the credentials: in the environment, else as saved, else in the file of panoptes-cli.

    Parameters
    ----------
    environment : mapping of str to str
        `PANOPTES_USERNAME` and `PANOPTES_PASSWORD`, or `PANOPTES_CLIENT_ID` and `PANOPTES_CLIENT_SECRET`.
    home : Path
        The folder that `.panoptes/config.yml` lies in.
    server : str
        The endpoint that they are for.
    saved : callable
        Asked for what `zoocut login` has saved, when the environment has nothing.

    Raises
    ------
    SignInError
        When there are none, half of a pair is in the environment, or the file of panoptes-cli cannot be read.
    """
    kept = _of_environment(environment) or saved()
    if kept is not None:
        return kept
    path = home / PANOPTES_CLI_FILE
    known = _panoptes_cli_settings(path)
    elsewhere = known.get("endpoint") and normalise_endpoint(known["endpoint"]) != server
    if known.get("username") and known.get("password") and not elsewhere:
        _warn_of_readers(path)
        return Credentials(known["username"], known["password"], source=str(path))
    theirs = f" ({path} has one for {known['endpoint']})" if elsewhere and known.get("username") else ""
    login = "zoocut login" if server == PRODUCTION else f"zoocut login --endpoint {server}"
    raise CredentialsMissing(
        f"no Zooniverse account to sign in with at {server}{theirs}: run `{login}`, or set PANOPTES_USERNAME and "
        "PANOPTES_PASSWORD"
    )


def _of_environment(environment: Mapping[str, str]) -> Credentials | None:
    for first, second in (("USERNAME", "PASSWORD"), ("CLIENT_ID", "CLIENT_SECRET")):
        names = f"PANOPTES_{first}", f"PANOPTES_{second}"
        given = [name for name in names if environment.get(name)]
        if len(given) == 1:
            missing = next(name for name in names if name not in given)
            raise CredentialsMissing(
                f"{given[0]} is set and {missing} is not: set both, or unset {given[0]} to use the account that "
                "`zoocut login` keeps"
            )
        if given:
            pair = {first.lower(): environment[names[0]], second.lower(): environment[names[1]]}
            return Credentials(**pair, source=f"{names[0]} and {names[1]} in the environment")
    return None


def _warn_of_readers(path: Path) -> None:
    """Say so when others may read the password in panoptes-cli's file; that tool makes it so, and reads it so."""
    if path.stat().st_mode & 0o077:
        warnings.warn(
            f"others may read the password in {path}: run `chmod 600 {typed(path)}`, or `zoocut login`",
            stacklevel=2,
        )


def _panoptes_cli_settings(path: Path) -> dict[str, str]:
    import yaml  # type: ignore[import-untyped]

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, yaml.YAMLError):
        raise CredentialsUnsafe(f"{path} cannot be read: mend it with `panoptes configure`") from None
    return {key: str(value) for key, value in content.items()} if isinstance(content, dict) else {}
