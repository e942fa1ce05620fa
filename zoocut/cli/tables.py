"""Lists for people, for programs and for spreadsheets."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.cli.console import print_json, results
from zoocut.delimited import as_text_cell
from zoocut.files import typed
from zoocut.printing import printable

if TYPE_CHECKING:
    from zoocut.reasons import Reason

__all__ = ["MOST_REASONS", "for_run", "reason_lines", "show"]

MOST_REASONS = 8
"""Reasons of a summary: enough to see what is wrong, few enough to see all."""


def for_run(text: str, run: Path) -> str:
    """Put the run that is spoken of into the commands of a message."""
    return re.sub(r"(`zoocut [^`]*)\bRUN\b", lambda found: f"{found[1]}{typed(run)}", text)


def reason_lines(reasons: Sequence[Reason], run: Path) -> Iterator[str]:
    """Yield a line for each of the most frequent reasons, with the first rows that it is told of."""
    yield from (for_run(line, run) for line in _reason_lines(reasons))


def _reason_lines(reasons: Sequence[Reason]) -> Iterator[str]:
    for reason in reasons[:MOST_REASONS]:
        names = ", ".join(name or "a row without an id" for name in reason.named)
        more = ", ..." if reason.count > len(reason.named) else ""
        yield f"  {names}: {reason}" if reason.count == 1 else f"  {reason.count} x {reason} ({names}{more})"
    if len(reasons) > MOST_REASONS:
        yield f"  and {len(reasons) - MOST_REASONS} further reasons (--json names the first rows)"


def _cell(value: Any) -> str:
    return "" if value is None else printable(str(value))


def show(name: str, rows: Sequence[Mapping[str, Any]], as_json: bool, as_csv: bool) -> None:
    """Print rows of the same keys.

    Parameters
    ----------
    name : str
        What the rows are, the key of the JSON document.
    rows : sequence of mapping
        The rows.
    as_json, as_csv : bool
        The form; a table for people when neither.
    """
    if as_json:
        print_json({"version": 1, name: rows})
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([list(rows[0])] if rows else [])
        writer.writerows([as_text_cell(_cell(value)) for value in row.values()] for row in rows)
    else:
        _print_table(name, rows)


def _print_table(name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    if not rows:
        results.print(f"no {name}")
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for key in rows[0]:
        table.add_column(key, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row.values()))
    results.print(table)
