"""What every request passes before it reaches a route: loopback check, early refusals, faults, log."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import formatdate
from functools import partial

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zoocut.sandbox.api.answers import not_json
from zoocut.sandbox.faults.effects import Context
from zoocut.sandbox.faults.registry import FAULTS
from zoocut.sandbox.faults.rules import Injected
from zoocut.sandbox.state.instance import Instance, Logged
from zoocut.sandbox.state.store import now_us

__all__ = ["Entry", "Injector", "is_own"]

LOOPBACK = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?")


SAFE = ("GET", "HEAD", "OPTIONS")
VERBS = (*SAFE, "POST", "PUT", "DELETE", "PATCH")


def is_foreign(headers: Mapping[bytes, str], host: str) -> bool:
    """Tell whether a browser says that a page of another origin sends a request; other programs say nothing."""
    origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site", "none")
    return (origin is not None and origin != f"http://{host}") or site not in ("none", "same-origin")


def is_own(path: str) -> bool:
    """Tell whether a path is the sandbox's own: pages and controls, neither logged nor met by faults."""
    return path == "/" or path.startswith("/sandbox")


class Entry:
    """Refuses hosts that are not loopback and verbs the server refuses, and logs what was answered."""

    def __init__(self, app: ASGIApp, instance: Instance) -> None:
        self.app, self.instance = app, instance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0

        async def note_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            if message["type"] == "http.response.start" and b"date" not in dict(message["headers"]):
                message["headers"] = [*message["headers"], (b"date", formatdate(usegmt=True).encode())]
            await send(message)

        try:
            await self._through(scope, receive, note_status)
        finally:
            self._log(scope, status, time.perf_counter() - begun)

    def _log(self, scope: Scope, status: int, seconds: float) -> None:
        if not is_own(scope["path"]):
            injected = ",".join(scope.get("zoocut.faults", ()))
            self.instance.log.append(
                Logged(now_us(), scope["method"], scope["path"], status, seconds, injected)
            )

    async def _through(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        if scope["method"] == "POST":
            given = headers.get(b"x-http-method-override", "").upper()
            scope["method"] = given if given in VERBS else "POST"
        if not LOOPBACK.fullmatch(host):
            text = f"This sandbox answers for loopback addresses only, not for {host[:100]!r}.\n"
            await PlainTextResponse(text, 421)(scope, receive, send)
        elif scope["method"] not in SAFE and is_foreign(headers, host):
            text = "A page of another origin may read this sandbox's pages and change nothing.\n"
            await PlainTextResponse(text, 403)(scope, receive, send)
        elif scope["method"] == "PATCH" and "api" in scope["path"]:
            await not_json(501, "PATCH requests are not supported")(scope, receive, send)
        else:
            await self.app(scope, receive, send)


class Injector:
    """Lets faults meet calls."""

    def __init__(self, app: ASGIApp, instance: Instance) -> None:
        self.app, self.instance = app, instance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, through the faults that meet it."""
        faults = self.instance.faults
        own = scope["type"] != "http" or is_own(scope["path"])
        met = [] if own or not faults else faults.matching(scope["method"], scope["path"])
        app = self.app
        for watch in met:
            call = Injected(
                now_us(), watch.rule.name, watch.number, watch.calls, scope["method"], scope["path"]
            )
            faults.injected.append(call)
            scope.setdefault("zoocut.faults", {})[watch.rule.name] = watch.rule.settings
            app = partial(FAULTS[watch.rule.name].effect, Context(app, watch.rule.settings, self.instance))
        await app(scope, receive, send)
