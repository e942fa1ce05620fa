"""How the commands speak: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console

__all__ = ["notes", "print_json", "results"]

results = Console(highlight=False, soft_wrap=True)
notes = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(document: Any) -> None:
    """Print `document` as JSON on stdout, for programs."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
