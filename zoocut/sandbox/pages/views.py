"""Pages for people: projects, sets, subjects and the last requests; none changes anything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from zoocut.sandbox.api import blobs
from zoocut.sandbox.api.call import instance_of
from zoocut.sandbox.pages import gallery
from zoocut.sandbox.state.instance import Instance
from zoocut.sandbox.state.store import Row
from zoocut.sandbox.state.values import as_id, iso

__all__ = ["routes"]

SUBJECTS_A_PAGE = 48
SETS_A_PAGE = 24

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; "
    "script-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Asked:
    """What a page is asked for: the id in its address, where its list begins, which requests it shows."""

    id: int
    start: int
    show: str


@dataclass(frozen=True)
class Page:
    """A template and what it shows."""

    template: str
    content: dict[str, Any] = field(default_factory=dict)
    status: int = 200


View = Callable[[Instance, Asked], Page]
Endpoint = Callable[[Request], Awaitable[Response]]

MISSING = Page("missing.html", status=404)


def routes() -> list[BaseRoute]:
    """Return the routes of the pages."""
    views = {
        "/": home,
        "/sandbox/projects/{id:digits}": project,
        "/sandbox/projects/{id:digits}/subjects": project_subjects,
        "/sandbox/sets/{id:digits}": subject_set,
        "/sandbox/subjects/{id:digits}": subject,
        "/sandbox/log": log,
    }
    templates = _templates()
    pages = [Route(path, _endpoint(templates, view), methods=["GET"]) for path, view in views.items()]
    scripts = [
        Route(f"/sandbox/{name}", _script(name), methods=["GET"]) for name in ("viewer.js", "subject.js")
    ]
    return [*pages, *scripts, Route("/sandbox/media/{path:path}", media, methods=["GET"])]


def _script(name: str) -> Endpoint:
    content = files("zoocut.sandbox.pages").joinpath("templates", name).read_bytes()

    async def endpoint(_: Request) -> Response:
        return Response(content, media_type="text/javascript", headers=HEADERS)

    return endpoint


def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("zoocut.sandbox.pages"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    templates.filters.update(moment=_moment, count="{:,}".format)
    return templates


def _moment(time_us: int) -> str:
    return str(iso(time_us)).replace("T", " ").rstrip("Z")


def _endpoint(templates: Environment, view: View) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        asked = Asked(
            id=as_id(request.path_params.get("id")) or 0,
            start=as_id(request.query_params.get("from")) or 0,
            show=request.query_params.get("show", ""),
        )
        page = view(instance_of(request), asked)
        text = templates.get_template(page.template).render(page.content, path=request.url.path)
        return HTMLResponse(text.encode("utf-8", "replace"), page.status, HEADERS)

    return endpoint


async def media(request: Request) -> Response:
    """Answer with the bytes of one medium, apart from the store's own address, which faults may meet."""
    answer = await blobs.get(request)
    answer.headers.update(HEADERS)
    return answer


def _row(instance: Instance, table: str, row_id: int) -> Row | None:
    return instance.store.one(f"SELECT * FROM {table} WHERE id = ?", row_id)


def home(instance: Instance, asked: Asked) -> Page:
    """Show the project, or all of them when there are several."""
    span = gallery.span(instance.store, gallery.PROJECTS, True, asked.start, SETS_A_PAGE)
    if span.total == 1 and span.ids:
        return project(instance, Asked(span.ids[0], 0, asked.show))
    return Page("projects.html", {"projects": gallery.project_cards(instance.store, span.ids), "span": span})


def project(instance: Instance, asked: Asked) -> Page:
    """Show a project's sets."""
    row = _row(instance, "projects", asked.id)
    if row is None:
        return MISSING
    span = gallery.span(instance.store, gallery.SETS, asked.id, asked.start, SETS_A_PAGE)
    sets = [gallery.set_card(instance.store, one) for one in span.ids]
    subjects = instance.store.value("SELECT count(*) FROM subjects WHERE project_id = ?", asked.id)
    return Page("project.html", {"project": row, "sets": sets, "subjects": subjects, "span": span})


def project_subjects(instance: Instance, asked: Asked) -> Page:
    """Show all subjects of a project, those in no set too."""
    row = _row(instance, "projects", asked.id)
    if row is None:
        return MISSING
    return Page("subjects.html", {"project": row, "set": None, **_cards(instance, gallery.SUBJECTS, asked)})


def subject_set(instance: Instance, asked: Asked) -> Page:
    """Show a set's subjects."""
    row = _row(instance, "subject_sets", asked.id)
    if row is None:
        return MISSING
    owner = _row(instance, "projects", row["project_id"])
    metadata = gallery.entries(row["metadata"])
    shown = {"project": owner, "set": row, "metadata": metadata, **_cards(instance, gallery.MEMBERS, asked)}
    return Page("subjects.html", shown)


def _cards(instance: Instance, source: str, asked: Asked) -> dict[str, Any]:
    span = gallery.span(instance.store, source, asked.id, asked.start, SUBJECTS_A_PAGE)
    return {"span": span, "cards": gallery.subject_cards(instance.store, span.ids)}


def subject(instance: Instance, asked: Asked) -> Page:
    """Show a subject: its media, metadata and sets."""
    row = _row(instance, "subjects", asked.id)
    if row is None:
        return MISSING
    media_of = list(gallery.pictures(instance.store, row))
    sets = instance.store.rows(
        "SELECT s.id, s.display_name, m.priority FROM set_member_subjects m "
        "JOIN subject_sets s ON s.id = m.subject_set_id WHERE m.subject_id = ? ORDER BY s.id",
        asked.id,
    )
    shown = {
        "subject": row,
        "project": _row(instance, "projects", row["project_id"]),
        "uploader": instance.store.value("SELECT login FROM users WHERE id = ?", row["upload_user_id"]),
        "pictures": [one for one in media_of if not one.is_plot],
        "plots": gallery.plots(instance, media_of),
        "attached": gallery.attached(instance.store, asked.id),
        "metadata": gallery.entries(row["metadata"]),
        "sets": sets,
    }
    return Page("subject.html", shown)


def log(instance: Instance, asked: Asked) -> Page:
    """Show the last requests, newest first, with the faults that met them."""
    requests = [entry for entry in reversed(instance.log) if entry.injected or asked.show != "injected"]
    return Page(
        "log.html",
        {
            "requests": requests,
            "only_injected": asked.show == "injected",
            "kept": instance.log.maxlen,
            "faults": instance.faults.watches(),
        },
    )
