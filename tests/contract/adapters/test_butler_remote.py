"""Repositories whose files are in S3, opened directly and through a Butler server; all of it on loopback."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

PACKAGES = ("boto3", "fastapi", "httpx2", "moto.server", "safir")
try:
    MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
except ModuleNotFoundError as error:
    MISSING = [str(error.name)]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {MISSING}: pip install 'zoocut[test]'")

KINDS = {
    "template": "template_detector",
    "science": "preliminary_visit_image",
    "difference": "difference_image",
    "table": "goodSeeingDiff_diaSrcTable",
}
NOBODY = {
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
TOKEN = {"BUTLER_RUBIN_ACCESS_TOKEN": "a-token-of-nobody"}
SIZE = 21


@contextmanager
def serving(command: list[str], path: str, log: Path, env: dict[str, str]) -> Iterator[str]:
    """Run a server with a free port as its last argument until it answers, then until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, *command, str(port)], env=os.environ | env, stdout=file, stderr=file
        )
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 240
    try:
        while True:
            try:
                requests.get(f"{address}{path}", timeout=240).raise_for_status()
                break
            except requests.RequestException:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                threading.Event().wait(0.05)
        yield address
    finally:
        process.terminate()
        process.wait(240)


@dataclass
class Places:
    """The same datasets in a folder, in S3, and behind a Butler server; what S3 needs in the environment."""

    folder: str
    bucket: str
    server: str
    s3: dict[str, str]


@pytest.fixture(scope="module")
def places(
    night: Any, new_repository: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Places]:
    import boto3

    root = tmp_path_factory.mktemp("remote")
    moto = ["-m", "moto.server", "-H", "127.0.0.1", "-p"]
    with serving(moto, "/moto-api/", root / "s3.log", {}) as s3, pytest.MonkeyPatch.context() as patch:
        elsewhere = NOBODY | {"S3_ENDPOINT_URL": s3}
        for name, value in elsewhere.items():
            patch.setenv(name, value)
        with closing(boto3.client("s3", endpoint_url=s3)) as client:
            client.create_bucket(Bucket="night")
        local = new_repository(root / "local")
        remote = new_repository(root / "bucket", files="s3://night/files/")
        for repository in (local, remote):
            for kind, dataset_type in KINDS.items():
                exposure = night.exposures[0]
                repository.put(dataset_type, *exposure, night.file(kind, exposure))
        served = {"night": {"config_uri": str(remote.root / "butler.yaml"), "authorized_groups": ["*"]}}
        settings = {
            "DAF_BUTLER_SERVER_REPOSITORIES": json.dumps(served),
            "DAF_BUTLER_SERVER_GAFAELFAWR_URL": "DISABLED",
            "DAF_BUTLER_SERVER_AUTHENTICATION": "rubin_science_platform",
        }
        program = [str(Path(__file__).parent / "butler_server.py")]
        config = "/api/butler/repo/night/butler.yaml"
        with serving(program, config, root / "butler.log", settings) as server:
            yield Places(str(local.root), str(remote.root), f"{server}{config}", elsewhere)


def draw(repository: str, folder: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    config = folder / "zoocut.toml"
    config.write_text(
        f"""
        [catalog]
        kind = "butler"
        repository = "{repository}"
        collections = ["night"]
        dataset_type = "{KINDS["table"]}"
        [images]
        kind = "butler"
        repository = "{repository}"
        collections = ["night"]
        [draw]
        sizes = [{SIZE}]
        save_as_numpy = true
        """
    )
    command = [sys.executable, "-m", "zoocut", "generate", str(config), "-o", str(folder / "run"), *options]
    clean = {name: value for name, value in os.environ.items() if name not in {*NOBODY, "S3_ENDPOINT_URL"}}
    return subprocess.run(command, env=clean | env, capture_output=True, text=True, timeout=240)


def files_of(run: Path) -> dict[str, bytes]:
    drawn = [path for name in ("images", "numpy") for path in (run / name).rglob("*") if path.is_file()]
    return {str(path.relative_to(run)): path.read_bytes() for path in drawn}


@pytest.fixture(scope="module")
def truth(places: Places, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What is drawn from the folder."""
    folder = tmp_path_factory.mktemp("truth")
    done = draw(places.folder, folder, "--limit", "20")
    assert done.returncode == 0, done.stderr
    found = files_of(folder / "run")
    assert len(found) >= 40
    return found


def test_files_in_s3(places: Places, truth: dict[str, bytes], tmp_path: Path) -> None:
    done = draw(places.bucket, tmp_path, "--limit", "20", "-j", "2", **places.s3)
    assert done.returncode == 0, done.stderr
    assert files_of(tmp_path / "run") == truth


def test_a_butler_server(places: Places, truth: dict[str, bytes], tmp_path: Path) -> None:
    """Its files come by signed links: the program itself needs no keys of S3."""
    done = draw(places.server, tmp_path, "--limit", "20", **TOKEN)
    assert done.returncode == 0, done.stderr
    assert files_of(tmp_path / "run") == truth


def test_a_file_that_is_gone(places: Places, tmp_path: Path) -> None:
    import boto3

    with closing(boto3.client("s3", endpoint_url=places.s3["S3_ENDPOINT_URL"])) as client:
        listed = [found["Key"] for found in client.list_objects_v2(Bucket="night")["Contents"]]
        (key,) = [name for name in listed if "/template_detector/" in name]
        content = client.get_object(Bucket="night", Key=key)["Body"].read()
        client.delete_object(Bucket="night", Key=key)
        try:
            done = draw(places.bucket, tmp_path, "--limit", "3", **places.s3)
        finally:
            client.put_object(Bucket="night", Key=key, Body=content)
    assert done.returncode == 3, done.stderr
    reasons = (tmp_path / "run" / "rejected.csv").read_text()
    assert reasons.count("is the file there") == 3
    assert f"s3://night/{key}" in reasons


SECTION = {"kind": "butler", "collections": ["night"], "dataset_type": KINDS["table"], "columns": {}}
MISTAKES = [
    ({"repository": "/day/"}, "cannot be .*check `repository`"),
    ({"collections": ["day"]}, "cannot be opened .*day.*check `repository` and `collections`"),
    ({"where": "visit = 1"}, "that meets 'visit = 1' in night: check catalog.where"),
    ({"where": "visit = "}, "catalog.where = 'visit = ' cannot be used .*mend it"),
    ({"dataset_type": "no"}, "no dataset type no: set catalog.dataset_type to one"),
]


def messages(sections: list[dict[str, Any]], missing: str = "nothing", **env: str) -> list[str]:
    """Open catalogs in a Python without the package `missing` and read their rows; what each is told."""
    program = (
        f"import json, sys\nsys.modules[{missing!r}] = None\nfrom pathlib import Path\n"
        "from zoocut.catalogs import open_catalog\nfrom zoocut.config.catalog import ButlerTableSettings\n"
        "from zoocut.errors import ZoocutError\n"
        "for section in json.loads(sys.argv[1]):\n"
        "    try:\n"
        "        list(open_catalog(ButlerTableSettings(**section), Path()).sources())\n"
        "    except ZoocutError as error:\n"
        "        print(error.exit_code, str(error).replace(chr(10), ' '))\n"
    )
    command = [sys.executable, "-c", program, json.dumps(sections)]
    done = subprocess.run(command, env=os.environ | env, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_mistakes_at_a_server(places: Places) -> None:
    sections = [SECTION | {"repository": places.server} | changed for changed, _ in MISTAKES]
    sections[0]["repository"] = places.server.replace("/night/", "/day/")
    told = messages(sections, **TOKEN)
    for message, (_, says) in zip(told, MISTAKES, strict=True):
        assert re.search(f"^3 .*{says}", message), message
        assert TOKEN["BUTLER_RUBIN_ACCESS_TOKEN"] not in message


def test_a_server_without_a_token(places: Places) -> None:
    (told,) = messages([SECTION | {"repository": places.server}])
    assert "set BUTLER_RUBIN_ACCESS_TOKEN to an access token of that server" in told


@pytest.mark.parametrize(("package", "kind"), [("httpx2", "server"), ("boto3", "bucket")])
def test_packages_are_asked_for_by_name(places: Places, package: str, kind: str) -> None:
    (told,) = messages(
        [SECTION | {"repository": getattr(places, kind)}], missing=package, **TOKEN, **places.s3
    )
    assert told.startswith("2 ")
    assert f"'zoocut[butler-{'s3' if package == 'boto3' else 'remote'}]'" in told
