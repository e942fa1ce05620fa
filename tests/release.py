"""A release: what has to agree is checked, what is built is checked, installed and tried, and only then sent.

`python tests/release.py VERSION --to URL` releases the commit that is checked out: changelog, version and citation have
to name VERSION, the tree has to be clean, the tag `vVERSION` new. `python tests/release.py --rehearse` does the same
in a clone, with the changelog's section written for it, to an index on loopback, and installs from there.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[1]


def run(*words: object, cwd: Path) -> str:
    """Run a program and return what it said; its failure is this one's."""
    print("+", *words, flush=True)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(list(map(str, words)), cwd=cwd, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{words[0]} failed with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def version_in(root: Path) -> str:
    """Return the version that the program says."""
    text = (root / "zoocut" / "version.py").read_text(encoding="utf-8")
    (found,) = re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    return str(found)


def problems(root: Path, version: str) -> list[str]:
    """List what does not agree with a release of this version."""
    told = []
    if (found := version_in(root)) != version:
        told.append(f"zoocut/version.py says {found}")
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if f"\n## [{version}] - {date.today().isoformat()}\n" not in changelog:
        told.append(f"CHANGELOG.md has no line '## [{version}] - {date.today().isoformat()}'")
    if changelog.partition("## [Unreleased]\n")[2].partition("\n## [")[0].strip():
        told.append("CHANGELOG.md has something under [Unreleased]")
    for path in ("docs/CITATION.cff", "docs/packaging/recipe.yaml"):
        if not re.search(
            rf'^\s*version: "?{re.escape(version)}"?$', (root / path).read_text(encoding="utf-8"), re.M
        ):
            told.append(f"{path} is of another version")
    if run("git", "status", "--porcelain", cwd=root):
        told.append("the tree has changes that are not committed")
    if run("git", "tag", "--list", f"v{version}", cwd=root):
        told.append(f"there is a tag v{version} already")
    return told


def built(root: Path, version: str) -> list[Path]:
    """Build sdist and wheel, and check both as an index would."""
    shutil.rmtree(root / "dist", ignore_errors=True)
    run(sys.executable, "-m", "build", cwd=root)
    paths = sorted((root / "dist").iterdir())
    names = [f"zoocut-{version}-py3-none-any.whl", f"zoocut-{version}.tar.gz"]
    if [path.name for path in paths] != names:
        sys.exit(f"built {', '.join(path.name for path in paths)} where {' and '.join(names)} were expected")
    run(sys.executable, "-m", "twine", "check", "--strict", *paths, cwd=root)
    run(Path(sys.executable).with_name("check-wheel-contents"), paths[0], cwd=root)
    return paths


def tried(version: str, folder: Path, *what: object) -> None:
    """Install into a fresh environment and run what is installed, away from the checkout."""
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    run(folder / "venv" / "bin" / "pip", "install", "--no-cache-dir", *what, cwd=folder)
    told = run(folder / "venv" / "bin" / "zoocut", "--version", cwd=folder)
    if told != f"zoocut {version}":
        sys.exit(f"what was installed says {told}")
    run(folder / "venv" / "bin" / "zoocut", "init", "--source", "frames", cwd=folder)
    print(f"installed and tried: {told}", flush=True)


def release(root: Path, version: str, to: str, credentials: Sequence[str] = ()) -> None:
    """Check, build, try, tag and send."""
    if told := problems(root, version):
        sys.exit(f"no release of {version}: {'; '.join(told)}")
    paths = built(root, version)
    with tempfile.TemporaryDirectory() as scratch:
        tried(version, Path(scratch), paths[0])
    run("git", "tag", "-a", f"v{version}", "-m", f"zoocut {version}", cwd=root)
    run(sys.executable, "-m", "twine", "upload", "--repository-url", to, *credentials, *paths, cwd=root)
    print(f"{version} is at {to}; next: git push origin v{version}", flush=True)


@contextmanager
def index(folder: Path) -> Iterator[str]:
    """Serve an index of packages on loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "index").mkdir()
    options = ["-p", str(port), "-i", "127.0.0.1", "-a", ".", "-P", ".", "--disable-fallback"]
    server = subprocess.Popen(
        [Path(sys.executable).with_name("pypi-server"), "run", *options, folder / "index"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}/"
    try:
        _await_answer(server, address)
        yield address
    finally:
        server.terminate()
        server.wait(30)


def _await_answer(server: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urlopen(address, timeout=5).close()
            return
        except (URLError, OSError):
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit("the index on loopback did not start")
            time.sleep(0.1)


def rehearse() -> None:
    """Release a clone to an index on loopback, with tomorrow's changelog, and install from there."""
    version = version_in(ROOT)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        root = folder / "clone"
        run("git", "clone", "--quiet", ROOT, root, cwd=folder)
        changelog = root / "CHANGELOG.md"
        head = f"## [Unreleased]\n\n## [{version}] - {date.today().isoformat()}\n"
        changelog.write_text(
            changelog.read_text(encoding="utf-8").replace("## [Unreleased]\n", head), encoding="utf-8"
        )
        who = ("-c", "user.name=rehearsal", "-c", "user.email=rehearsal@localhost")
        run("git", *who, "commit", "--quiet", "-am", f"Release {version}", cwd=root)
        os.environ.setdefault("GIT_COMMITTER_NAME", "rehearsal")
        os.environ.setdefault("GIT_COMMITTER_EMAIL", "rehearsal@localhost")
        with index(folder) as address:
            release(root, version, address, ("-u", "none", "-p", "none"))
            (folder / "user").mkdir()
            options = (
                "--no-deps",
                "--no-cache-dir",
                "--index-url",
                f"{address}simple/",
                "-d",
                folder / "user",
            )
            run(sys.executable, "-m", "pip", "download", *options, f"zoocut=={version}", cwd=folder)
        (wheel,) = (folder / "user").glob("*.whl")
        if wheel.read_bytes() != (root / "dist" / wheel.name).read_bytes():
            sys.exit("what the index gives is not what was built")
        tried(version, folder / "user", wheel)


def main(words: Sequence[str]) -> None:
    """Release or rehearse."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("version", nargs="?", help="what is released; zoocut/version.py has to say the same")
    parser.add_argument("--to", metavar="URL", help="where an index takes packages")
    parser.add_argument("--rehearse", action="store_true", help="release a clone to an index on loopback")
    given = parser.parse_args(words)
    if given.rehearse == bool(given.version and given.to):
        parser.error("give VERSION and --to URL, or --rehearse")
    rehearse() if given.rehearse else release(ROOT, given.version, given.to)


if __name__ == "__main__":
    main(sys.argv[1:])
