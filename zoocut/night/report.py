"""What a night tells: a page for people, and a JSON report for whoever is to be woken."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from dataclasses import asdict
from typing import Any

from zoocut.errors import ZoocutError
from zoocut.files import write_whole
from zoocut.night.record import STEPS, NightRecord
from zoocut.preview import make_preview
from zoocut.preview.pictures import LinkedPictures
from zoocut.run.folder import Run
from zoocut.status_report import status

__all__ = ["notify", "one_line", "write_page", "write_report"]

NOTIFY_S = 60.0
"""A command that hangs must not keep the next night from its turn."""

MOST_SAID = 2000
"""Bytes of a command's complaint that are told."""

PAGE = """\
<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{ night.night }}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}
th,td{text-align:left;padding:.25rem 1rem .25rem 0;border-bottom:1px solid #ddd}
th{overflow-wrap:anywhere}td{white-space:nowrap}</style>
<h1>Night {{ night.night }}</h1>
<table>{% for name, count in night.counts.items() %}<tr><th>{{ name.replace("_", " ") }}</th><td>{{ count }}</td></tr>
{% endfor %}<tr><th>passed over</th><td>{{ night.passed_over | length }}</td></tr></table>
<h2>Sets</h2><table>{% for target in targets %}<tr><th>{{ target.target.set_name }}</th>
<td>{% for state, count in target.states.items() if count %}{{ count }} {{ state.value }} {% endfor %}</td></tr>
{% endfor %}</table>
<h2>Steps</h2><table>{% for step, moment in steps %}<tr><th>{{ step }}</th><td>{{ moment }}</td></tr>
{% endfor %}</table>
{% if votes %}<p>{{ votes }}</p>{% endif %}
<p><a href="preview.html">The pictures</a></p></html>
"""


def write_report(run: Run, night: NightRecord, votes: str) -> None:
    """Write `report.html` and the page of pictures beside it.

    Parameters
    ----------
    run, night : Run, NightRecord
        Of what.
    votes : str
        What is told of the votes so far; empty where they are not counted.

    Raises
    ------
    ZoocutError
        When the run cannot be read or a page not written.
    """
    preview = run.path / "preview.html"
    make_preview(run, preview, LinkedPictures(run, preview))
    write_page(run, night, votes)


def write_page(run: Run, night: NightRecord, votes: str) -> None:
    """Write `report.html` alone.

    Raises
    ------
    ZoocutError
        When the run cannot be read or the page not written.
    """
    from jinja2 import Environment

    template = Environment(autoescape=True).from_string(PAGE)
    steps = [one for one in night.steps.items() if one[0] != "published" or night.counts.get("published")]
    page = template.render(night=night, targets=list(status(run)), steps=steps, votes=votes)
    write_whole(run.path / "report.html", page.encode())


def one_line(night: NightRecord) -> str:
    """Say in a line, for a log, what became of a night."""
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in night.counts.items())
    left = f", {len(night.passed_over)} passed over" if night.passed_over else ""
    state = "done" if night.done else f"stopped after {[*night.steps][-1] if night.steps else 'nothing'}"
    return f"{night.night}: {counts or 'nothing drawn'}{left}; {state}" + (
        f": {night.error}" if night.error else ""
    )


def notify(
    command: str, error: ZoocutError, nights: list[NightRecord], *, longest_s: float = NOTIFY_S
) -> str | None:
    """Give a JSON report to a command; return why that failed, None when it did not.

    Parameters
    ----------
    command : str
        As a shell takes it.
    error : ZoocutError
        What needs a person.
    nights : list of NightRecord
        The nights of this call.
    longest_s : float
        After so many seconds the command is stopped.
    """
    report: dict[str, Any] = {
        "version": 1,
        "says": str(error),
        "exit_code": error.exit_code,
        "nights": [
            {
                **asdict(one),
                "path": str(one.path),
                "missing": [s for s in STEPS if s not in one.steps and not one.done],
            }
            for one in nights
        ],
    }
    try:
        code, says = _run(command, json.dumps(report).encode(), longest_s)
    except (OSError, ValueError) as failed:
        return f"night.notify could not be run: {failed}"
    except subprocess.TimeoutExpired:
        return f"night.notify had not ended after {longest_s:.0f} s, and was stopped"
    return None if code == 0 else f"night.notify ended with {code}: {says}"


def _run(command: str, content: bytes, longest_s: float) -> tuple[int, str]:
    """Run a command of the user's own file by a shell; what it started ends with it when it takes too long.

    Raises
    ------
    OSError, ValueError
        When it cannot be started.
    TimeoutExpired
        When it has not ended in time.
    """
    pipe = subprocess.PIPE
    # a pipe in its place would be read for as long as anything that the command started lives
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, shell=True, stdin=pipe, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True
        )
        try:
            process.communicate(content, longest_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        said.seek(0)
        return process.returncode, said.read(MOST_SAID).decode("utf-8", "replace").strip()
