"""The sandbox as a web application: its routes, in one list that others may add to, behind its middleware."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from zoocut.sandbox.api import (
    blobs,
    classifications,
    exports,
    imports,
    media,
    memberships,
    projects,
    roles,
    sets,
    sign_in,
    subjects,
    workflows,
)
from zoocut.sandbox.api.answers import html
from zoocut.sandbox.api.call import unrouted
from zoocut.sandbox.middleware import Entry, Injector
from zoocut.sandbox.state.instance import Instance
from zoocut.sandbox.state.jobs import work

__all__ = ["application"]


class Digits(Convertor[str]):
    """Ids in paths: digits only, kept as they were written."""

    regex = "[0-9]+"

    def convert(self, value: str) -> str:
        """Keep the text."""
        return value

    def to_string(self, value: str) -> str:
        """Keep the text."""
        return value


register_url_convertor("digits", Digits())


def api_routes() -> list[BaseRoute]:
    """Return the routes that a Panoptes and its store have."""
    rooms = (
        classifications,
        subjects,
        blobs,
        sets,
        memberships,
        sign_in,
        projects,
        roles,
        workflows,
        media,
        exports,
        imports,
    )
    return [route for room in rooms for route in room.routes()]


async def _unrouted(request: Request, error: Exception) -> Response:
    return unrouted(request)


async def _gone(request: Request, error: Exception) -> Response:
    """Make an answer for nobody: the client left before its request was read."""
    return Response(status_code=400)


async def _failed(request: Request, error: Exception) -> Response:
    return html(500)


def application(instance: Instance, more: Sequence[BaseRoute] = ()) -> Starlette:
    """Make the application of one sandbox.

    Parameters
    ----------
    instance : Instance
        Its state; every endpoint finds it at ``request.app.state.instance``.
    more : sequence of BaseRoute
        Routes besides those of the API, as controls and pages.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        worker = asyncio.create_task(work(instance))
        yield
        worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker

    app = Starlette(
        routes=[*api_routes(), *more],
        lifespan=lifespan,
        exception_handlers={404: _unrouted, 405: _unrouted, 500: _failed, ClientDisconnect: _gone},
        middleware=[Middleware(Entry, instance=instance), Middleware(Injector, instance=instance)],
    )
    app.state.instance = instance
    return app
