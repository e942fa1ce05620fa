"""Tasks of developers: `nox -f tests/noxfile.py -l` lists them; each installs the extras that it needs."""

from __future__ import annotations

import shutil
from pathlib import Path

import nox

ROOT = Path(__file__).resolve().parents[1]
FAST = ("tests/unit", "tests/property/test_manifest.py", "--ignore=tests/unit/test_docs_site.py")
"""What needs no server and makes no page: the rules and the drawing."""

RENDER = "import rattler_build; rattler_build.Stage0Recipe.from_file('docs/packaging/recipe.yaml').render()"
"""What fails when the conda recipe cannot be rendered."""

nox.options.sessions = ["fast"]
nox.options.reuse_existing_virtualenvs = True
nox.options.default_venv_backend = "uv|virtualenv"


def in_root(session: nox.Session, *extras: str) -> None:
    session.chdir(ROOT)
    session.install("-e", f".[{','.join(extras)}]")


@nox.session
def fast(session: nox.Session) -> None:
    """Run the tests of rules and drawing."""
    in_root(session, "test")
    session.run("pytest", "-q", *FAST, *session.posargs)


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """Run all tests; interpreters that are not on this machine are passed over."""
    in_root(session, "test")
    session.run("pytest", *session.posargs)


@nox.session(python="3.11", venv_backend="uv")
def lowest(session: nox.Session) -> None:
    """Run the fast tests with the lowest versions that pyproject.toml allows; these warn of newer neighbours."""
    session.chdir(ROOT)
    session.install("--resolution", "lowest-direct", "-e", ".[test]")
    session.run("pytest", "-q", "-W", "ignore::DeprecationWarning", *FAST, *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site; a warning is an error."""
    in_root(session, "docs")
    session.run("python", "-m", "sphinx", "-W", "--keep-going", "-q", "docs", "docs/_build/html")


@nox.session
def package(session: nox.Session) -> None:
    """Build what an index is given, and check it."""
    in_root(session, "package")
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    session.run("python", "-m", "build")
    built = sorted(map(str, (ROOT / "dist").iterdir()))
    session.run("twine", "check", "--strict", *built)
    session.run("check-wheel-contents", *(path for path in built if path.endswith(".whl")))
    session.run("hadolint", "docs/packaging/Containerfile")
    session.run("python", "-c", RENDER)


@nox.session
def release(session: nox.Session) -> None:
    """Release what is checked out, `-- VERSION --to URL`; without options rehearse it to an index on loopback."""
    in_root(session, "package")
    session.run("python", "tests/release.py", *(session.posargs or ["--rehearse"]))


@nox.session
def extras(session: nox.Session) -> None:
    """Install each extra alone and try it; `-- butler dask` for some."""
    session.chdir(ROOT)
    session.install("uv")
    session.run("python", "tests/extras.py", *session.posargs)


@nox.session
def campaign(session: nox.Session) -> None:
    """Kill uploads at random for a while and audit what is left."""
    in_root(session, "test")
    session.run("python", "tests/crash/campaign.py", *(session.posargs or ["--minutes", "10"]))


@nox.session
def bench(session: nox.Session) -> None:
    """Measure: `-- cutouts.py` names a file of tests/bench."""
    in_root(session, "test")
    name, *options = session.posargs or ["cutouts.py"]
    session.run("python", f"tests/bench/{name}", *options)
