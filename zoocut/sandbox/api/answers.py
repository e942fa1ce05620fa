"""The forms an answer can take: JSON documents, JSON errors, empty bodies and the web server's HTML pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

__all__ = ["JSON_API", "Refusal", "document", "empty", "error", "html", "not_json", "plain_json", "to_json"]

JSON_API = "application/vnd.api+json; charset=utf-8"

PAGES = {
    404: "The page you were looking for doesn't exist (404)",
    413: "413 Request Entity Too Large",
    500: "We're sorry, but something went wrong (500)",
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
}


class Refusal(Exception):
    """Ends the handling of a request with an answer that is ready to send."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def to_json(content: Any) -> bytes:
    """Encode as compact UTF-8 JSON."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def document(
    content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with a JSON API document."""
    return Response(to_json(content), status, headers, media_type=JSON_API)


def error(status: int, message: str) -> Refusal:
    """Refuse with the API's JSON error."""
    return Refusal(document({"errors": [{"message": message}]}, status))


def plain_json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with ordinary JSON, as the sign-in and token pages do."""
    return Response(to_json(content), status, headers, media_type="application/json; charset=utf-8")


def empty(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """Answer without a body."""
    return Response(b"", status, headers, media_type=None if status == 204 else "text/html")


def html(status: int) -> Response:
    """Answer with the static page of the web server or the proxy before it."""
    title = PAGES.get(status) or f"{status} {HTTPStatus(status).phrase}"
    head = f"<!DOCTYPE html>\n<html>\n<head>\n  <title>{title}</title>\n</head>\n"
    page = f"{head}<body><h1>{title}</h1></body>\n</html>\n"
    return Response(page.encode(), status, media_type="text/html; charset=UTF-8")


def not_json(status: int, text: str) -> Response:
    """Answer with text that claims to be JSON API and is not, as the server's early filters do."""
    return Response(text.encode("utf-8", "replace"), status, media_type="application/vnd.api+json")
