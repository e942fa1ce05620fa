"""`zoocut verify` of many rows where each request takes 100 ms, beside the same pages read one after the other.

    python tests/bench/verify_pages.py --rows 100000 --latency 0.1 --page 100

The server is a process of its own that holds all subjects in memory and answers what verify asks: a database would be
what is measured. Prints wall and processor time, the most memory, requests, load, and the ratio to one request at a
time for each page of the two lists, of which some are read for that.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import uvicorn
from PIL import Image as Picture
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from zoocut.ledger import Image, Ledger, PlannedRow, State
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest
from zoocut.uploading.steps.measure import measured
from zoocut.zooniverse.connect import connect
from zoocut.zooniverse.credentials import Credentials

FIRST_ID, FIRST_NAME = 1_000_000, 170_000_000_000_000_000
SERIAL_PAGES = 30


def subject(number: int, run_id: str, endpoint: str) -> bytes:
    """Write a subject's document, as long as those of real runs."""
    name = str(FIRST_NAME + number)
    place = f"{endpoint}/subject_location/{number:032x}.png"
    document = {
        "id": str(FIRST_ID + number),
        "metadata": {"!diaSourceId": name, "band": "r", "#zoocut": f"{run_id}/7/{name}/0123456789ab"},
        "locations": [{"image/png": place}],
        "zooniverse_id": None,
        "external_id": name,
        "created_at": "2026-01-01T00:00:00.000Z",
        "updated_at": "2026-01-01T00:00:00.000Z",
        "href": f"/subjects/{FIRST_ID + number}",
        "links": {"project": "3", "collections": [], "subject_sets": ["7"], "set_member_subjects": ["1"]},
    }
    return json.dumps(document).encode()


def application(
    rows: int, run_id: str, endpoint: str, latency_s: float, cap: int, picture: bytes
) -> Starlette:
    documents = [subject(number, run_id, endpoint) for number in range(rows)]
    asked = {"requests": 0}

    async def answer(request: Request) -> Response:
        asked["requests"] += 1
        await asyncio.sleep(latency_s)
        path, given = request.url.path, request.query_params
        if path == "/users/sign_in":
            return JSONResponse({"users": [{"id": "1"}]}, headers={"X-CSRF-Token": "x"})
        if path == "/oauth/token":
            return JSONResponse({"access_token": "t", "refresh_token": "r", "expires_in": 7200})
        if path.startswith("/subject_location/"):
            return Response(picture, media_type="image/png")
        if "ids" in given:
            return listed([documents[int(one) - FIRST_ID] for one in given["ids"].split(",")], rows, cap)
        size, page = min(int(given["page_size"]), cap), int(given["page"])
        at = range((page - 1) * size, min(page * size, rows))
        numbers = [rows - 1 - one for one in at] if given["sort"] == "-id" else at
        return listed([documents[one] for one in numbers], rows, size)

    async def count(request: Request) -> Response:
        return JSONResponse(asked)

    methods = ["GET", "POST"]
    return Starlette(routes=[Route("/count", count), Route("/{rest:path}", answer, methods=methods)])


def listed(documents: list[bytes], count: int, size: int) -> Response:
    meta = json.dumps({"subjects": {"count": count, "page_size": size}}).encode()
    body = b'{"subjects":[' + b",".join(documents) + b'],"meta":' + meta + b"}"
    return Response(body, media_type="application/json", headers={"Date": "Thu, 26 Nov 2026 12:00:00 GMT"})


def make_run(folder: Path, rows: int, endpoint: str, run: Run) -> None:
    """Write a run and its ledger as after an upload; all rows share one picture."""
    (folder / "images").mkdir()
    Picture.new("L", (8, 8), 7).save(folder / "images" / "one.png")
    names = [str(FIRST_NAME + number) for number in range(rows)]
    one = ("images/one.png",)
    write_manifest(run.manifest, (ManifestRow(name, one, {"band": "r"}) for name in names), ["band"])
    image = measured(Image(one[0], "image/png"), (folder / one[0]).read_bytes())
    with Ledger.open(run.ledger, run.run_id) as ledger:
        target = ledger.add_target(endpoint, "3", "owner/bench", "7", "Bench")
        ledger.plan(target, (PlannedRow(name, {"band": "r"}, (image,), None) for name in names), "0" * 64)
        proved = replace(image, proved=True)
        entries = ledger.every(target)
        while batch := list(islice(entries, 500)):
            ledger.save(
                [
                    replace(
                        entry,
                        state=State.LINKED,
                        subject_id=str(FIRST_ID + int(entry.external_id) - FIRST_NAME),
                        sent_as="1",
                        images=(proved,),
                    )
                    for entry in batch
                ]
            )


def serial_s(endpoint: str) -> float:
    """Return the seconds that a page takes when pages are read one after the other."""
    panoptes, _ = connect(endpoint, Credentials("owner", "x"))
    began = time.monotonic()
    for page in range(1, SERIAL_PAGES + 1):
        params = {"subject_set_id": "7", "sort": "id", "page_size": "100", "page": str(page)}
        panoptes.api.page("/subjects", "subjects", params)
    return (time.monotonic() - began) / SERIAL_PAGES


def serve(asked: argparse.Namespace) -> None:
    endpoint = f"http://127.0.0.1:{asked.serve}"
    picture = (Path(asked.folder) / "images" / "one.png").read_bytes()
    app = application(
        asked.rows, Run.open(Path(asked.folder)).run_id, endpoint, asked.latency, asked.page, picture
    )
    uvicorn.run(app, port=asked.serve, log_level="error", backlog=512, date_header=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--latency", type=float, default=0.1)
    parser.add_argument("--page", type=int, default=100, help="documents a page at most")
    parser.add_argument("--check", default="sample")
    parser.add_argument("--port", type=int, default=8653)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked)
        return
    with tempfile.TemporaryDirectory() as home:
        measure(asked, Path(home) / "run")


def measure(asked: argparse.Namespace, folder: Path) -> None:
    endpoint = f"http://127.0.0.1:{asked.port}"
    make_run(folder, asked.rows, endpoint, Run.create(folder))
    given = ["--rows", asked.rows, "--latency", asked.latency, "--page", asked.page, "--folder", folder]
    command = [sys.executable, __file__, "--serve", asked.port, *given]
    server = subprocess.Popen([str(word) for word in command])
    try:
        wait_for(endpoint)
        one_s, before = serial_s(endpoint), count(endpoint)
        began = time.monotonic()
        verify = [
            sys.executable,
            *os.environ.get("PROF", "").split(),
            "-m",
            "zoocut",
            "verify",
            str(folder),
            "--check",
            asked.check,
        ]
        env = os.environ | {"PANOPTES_USERNAME": "owner", "PANOPTES_PASSWORD": "x"}
        process = subprocess.Popen(verify, env=env)
        _, status, used = os.wait4(process.pid, 0)
        took_s = time.monotonic() - began
        serial = 2 * -(-asked.rows // 100) * one_s
        print(
            f"exit {os.waitstatus_to_exitcode(status)}; {took_s:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of a "
            f"processor, {used.ru_maxrss / 1024:.0f} MiB, {count(endpoint) - before} requests; one after the other two "
            f"lists of pages of 100 take {serial:.0f} s ({one_s * 1000:.0f} ms each): {serial / took_s:.1f} times as "
            f"long; load {os.getloadavg()[0]:.1f}"
        )
    finally:
        server.terminate()
        server.wait(10)


def count(endpoint: str) -> int:
    return int(asked_of(endpoint)["requests"])


def asked_of(endpoint: str) -> Any:
    import requests

    return requests.get(f"{endpoint}/count", timeout=60).json()


def wait_for(endpoint: str) -> None:
    import requests

    for _ in range(600):
        try:
            asked_of(endpoint)
            return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise RuntimeError("the server does not answer")


if __name__ == "__main__":
    main()
