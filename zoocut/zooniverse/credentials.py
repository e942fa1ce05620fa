"""Which server, and as whom: the endpoint and the credentials, as the other Zooniverse tools read them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from zoocut.errors import ConfigError, SignInError

__all__ = ["PRODUCTION", "Credentials", "find_credentials", "normalise_endpoint"]

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
    """

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    client_id: str | None = field(default=None, repr=False)
    client_secret: str | None = field(default=None, repr=False)


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
    parts = urlsplit(endpoint.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise ConfigError(f"{endpoint!r} is not an endpoint: give an address such as {PRODUCTION}")
    host = parts.hostname.lower()
    if parts.scheme == "http" and not _is_loopback(host):
        raise ConfigError(f"{endpoint} would send your password in clear: use https://{host}")
    default = {"http": 80, "https": 443}[parts.scheme]
    bracketed = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{bracketed}{port}{parts.path.rstrip('/')}"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def find_credentials(
    environment: Mapping[str, str], home: Path, saved: Callable[[], Credentials | None] = lambda: None
) -> Credentials:
    """Find the credentials: in the environment, else as saved, else in the file of panoptes-cli.

    Parameters
    ----------
    environment : mapping of str to str
        `PANOPTES_USERNAME` and `PANOPTES_PASSWORD`, or `PANOPTES_CLIENT_ID` and `PANOPTES_CLIENT_SECRET`.
    home : Path
        The folder that `.panoptes/config.yml` lies in.
    saved : callable
        Asked for what `zoocut login` has saved, when the environment has nothing.

    Raises
    ------
    SignInError
        When there are none.
    """
    found = Credentials(
        environment.get("PANOPTES_USERNAME"),
        environment.get("PANOPTES_PASSWORD"),
        environment.get("PANOPTES_CLIENT_ID"),
        environment.get("PANOPTES_CLIENT_SECRET"),
    )
    if (found.username and found.password) or (found.client_id and found.client_secret):
        return found
    kept = saved()
    if kept is not None:
        return kept
    known = _panoptes_cli_settings(home / PANOPTES_CLI_FILE)
    if known.get("username") and known.get("password"):
        return Credentials(known["username"], known["password"])
    raise SignInError(
        "no Zooniverse account to sign in with: run `zoocut login`, or set PANOPTES_USERNAME and "
        "PANOPTES_PASSWORD"
    )


def _panoptes_cli_settings(path: Path) -> dict[str, str]:
    import yaml  # type: ignore[import-untyped]

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, yaml.YAMLError):
        raise SignInError(f"{path} cannot be read: mend it with `panoptes configure`") from None
    return {key: str(value) for key, value in content.items()} if isinstance(content, dict) else {}
