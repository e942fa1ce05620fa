"""A Butler server of lsst-daf-butler on loopback, without sign-in: `python butler_server.py PORT`."""

from __future__ import annotations

import sys

import safir.dependencies.gafaelfawr as sign_in
import uvicorn


async def _unused() -> str:
    raise NotImplementedError


if __name__ == "__main__":
    # safir's releases for Python 3.11 lack a name that the server imports and, without sign-in, never calls
    if not hasattr(sign_in, "auth_delegated_token_dependency"):
        sign_in.auth_delegated_token_dependency = _unused

    from lsst.daf.butler.remote_butler.server import create_app

    uvicorn.run(create_app(), host="127.0.0.1", port=int(sys.argv[1]))
