"""A session that prepares once what is the same for every request of a client.

requests reads the proxies and the certificates that the environment names again for each request, copies its cookies
and looks through them twice: half of the time that an upload computes. None of that changes while a client lives but
the cookies, and those only where an answer brings one. What is asked in the ordinary way, with `get` and `post`, is
left to requests, as are redirects: what is prepared here follows none.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from functools import lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import extract_cookies_to_jar, get_cookie_header
from requests.structures import CaseInsensitiveDict
from requests.utils import check_header_validity

from zoocut.zooniverse.exchange import PLAIN_TARGET

__all__ = ["PreparedSession"]

COOKIES_S = 60.0
"""A cookie that ends is sent for a minute more at most; servers end theirs after hours."""

PLAIN_ADDRESS = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]+)?" + PLAIN_TARGET.pattern)
"""An address that stays as it is, a signed one to the letter."""


class PreparedSession(requests.Session):
    """A session of one server or of its store; any thread may use it, and it sends nothing out of ~/.netrc.

    Parameters
    ----------
    transport : HTTPAdapter
        What all requests go through.
    """

    def __init__(self, transport: HTTPAdapter) -> None:
        super().__init__()
        self.auth = _no_password
        self._transport = transport
        self._headers_of_all = {name: str(value) for name, value in self.headers.items()}
        self._settings: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._cookies_sent: dict[str, tuple[float, str | None]] = {}
        self.mount("https://", transport)
        self.mount("http://", transport)

    def request(  # type: ignore[override]  # what is not named here is passed on
        self,
        method: str,
        url: str,
        params: Mapping[str, str] | None = None,
        data: bytes | BytesIO | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        **options: Any,
    ) -> requests.Response:
        """Send a request as `requests.Session` does; one without further options is prepared quickly."""
        if options or isinstance(data, Mapping):
            return super().request(method, url, params, data, headers, json=json, **options)
        prepared = self._prepared(method, url, params, data, headers, json)
        settings = self._settings_for(str(prepared.url))
        response = self._transport.send(prepared, **settings)
        if "Set-Cookie" in response.headers:
            self._cookies_sent.clear()
            extract_cookies_to_jar(self.cookies, prepared, response.raw)  # type: ignore[no-untyped-call]
        return response

    def _prepared(
        self,
        method: str,
        url: str,
        params: Mapping[str, str] | None,
        data: bytes | BytesIO | None,
        headers: Mapping[str, str] | None,
        json: Any,
    ) -> requests.PreparedRequest:
        prepared = requests.PreparedRequest()
        prepared.prepare_method(method)
        if params or not PLAIN_ADDRESS.fullmatch(url):
            prepared.prepare_url(url, params or None)
        else:
            prepared.url = url
        prepared.headers = CaseInsensitiveDict()
        for name, value in {**self._headers_of_all, **(headers or {})}.items():
            prepared.headers[name] = _valid(name, value)
        cookie = self._cookie_for(prepared)
        if cookie is not None:
            prepared.headers["Cookie"] = cookie
        prepared.prepare_body(data, None, json)
        return prepared

    def _cookie_for(self, prepared: requests.PreparedRequest) -> str | None:
        if not len(self.cookies):
            return None
        address, now = str(prepared.url).partition("?")[0], time.monotonic()
        known = self._cookies_sent.get(address)
        if known is None or known[0] < now:
            cookie = get_cookie_header(self.cookies, prepared)  # type: ignore[no-untyped-call]
            known = self._cookies_sent[address] = now + COOKIES_S, cookie
        return known[1]

    def merge_environment_settings(self, url: Any, *given: Any) -> Any:
        """Return what the environment says of a server, read once for each; what is given is put over it."""
        if any(given):
            return super().merge_environment_settings(url, *given)
        return dict(self._settings_for(url))

    def _settings_for(self, url: str) -> Mapping[str, Any]:
        parts = urlsplit(url)
        server = parts.scheme, parts.netloc
        known = self._settings.get(server)
        if known is None:
            found = super().merge_environment_settings(url, {}, None, None, None)
            known = self._settings[server] = dict(found)
        return known


@lru_cache(maxsize=256)  # most headers are the same in every request
def _valid(name: str, value: str) -> str:
    check_header_validity((name, value))
    return value


def _no_password(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep a session from sending what it finds in ~/.netrc, be it in the place of a token or beside a signature."""
    return request
