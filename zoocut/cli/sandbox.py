"""`zoocut sandbox`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["sandbox"]


def sandbox(
    port: Annotated[
        int, typer.Option(help="Port on 127.0.0.1; 0 takes any free one.", min=0, max=65535)
    ] = 8642,
    data: Annotated[
        Path | None, typer.Option(help="Folder that keeps everything; a temporary one when left out.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; only loopback is allowed.")] = "127.0.0.1",
) -> None:
    """Run a Panoptes for rehearsal on this machine, until Ctrl-C.

    Accounts owner, collab, stranger and banned, password sandbox-password; project owner/rehearsal.

    Example: zoocut sandbox --port 8642 --data rehearsal/
    """
    from zoocut.cli.console import results
    from zoocut.sandbox.options import Options
    from zoocut.sandbox.serve import serve

    with tempfile.TemporaryDirectory(prefix="zoocut-sandbox-") as temporary:
        serve(Options(data=data or Path(temporary)), host, port, results.print)
