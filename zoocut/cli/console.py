"""How the commands speak: results on stdout, everything else on stderr.

This is the one place that prints. What is printed may come from servers, manifests and files, so it is made printable
here, and is never read as markup.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console

from zoocut.printing import printable

__all__ = ["PrintableConsole", "notes", "print_json", "results"]


class PrintableConsole(Console):
    """A console on which no text can move the cursor, rename the window or hide other text."""

    holds_document = False
    """Whether a JSON document was printed: a second one behind it would be read by no program."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does, with every text made printable."""
        super().print(*(printable(one) if isinstance(one, str) else one for one in objects), **options)


results = PrintableConsole(highlight=False, soft_wrap=True, markup=False, emoji=False)
notes = PrintableConsole(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


def print_json(document: Any) -> None:
    """Print `document` as JSON on stdout, for programs; what is not printable is escaped, so that it reads the same."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    escaped = (one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text)
    sys.stdout.write("".join(escaped) + "\n")
    results.holds_document = True
