"""Have a process meet a proxy without knowing: the system's `connect` is led from the server's port to the proxy's.

A program that is told of a proxy sends its requests otherwise than one that is not, which is what most users run.
"""

from __future__ import annotations

import functools
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

REDIRECT = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

int connect(int file, const struct sockaddr *to, socklen_t length) {
    int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
    char *from = getenv("CONNECT_FROM"), *instead = getenv("CONNECT_TO");
    if (from && instead && to->sa_family == AF_INET) {
        struct sockaddr_in other = *(const struct sockaddr_in *)to;
        if (ntohs(other.sin_port) == atoi(from)) {
            other.sin_port = htons(atoi(instead));
            return real(file, (struct sockaddr *)&other, sizeof other);
        }
    }
    return real(file, to, length);
}
"""


@functools.cache
def _library() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="redirect-"))
    source, made = folder / "redirect.c", folder / "redirect.so"
    source.write_text(REDIRECT)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", made, source, "-ldl"], check=True)
    return made


def redirected(server: str, proxy: str) -> dict[str, str]:
    """Give the environment in which what goes to a server here comes to a proxy here; needs a C compiler."""
    ports = (str(urlsplit(address).port) for address in (server, proxy))
    return {"LD_PRELOAD": str(_library()), **dict(zip(("CONNECT_FROM", "CONNECT_TO"), ports, strict=True))}
