"""Drawing from and into an object store, as moto has it: the same bytes as from folders, and what is refused."""

from __future__ import annotations

import gzip
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from astropy.io import fits
from astropy.wcs import WCS
from moto.server import ThreadedMotoServer

Zoocut = Callable[..., subprocess.CompletedProcess[str]]
PLANES = ("template", "science", "difference")
ENDINGS = ("fits", "fits.gz", "fits.fz", "int.fits")
SIDE_PIX, SOURCES = 1200, 12
OWN = ("run.toml", ".generate.lock", ".manifests.json")
"""Files that hold an id, a time or nothing: they differ from run to run."""
AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_MAX_ATTEMPTS": "1",
}


@dataclass
class Store:
    """A front of moto's server that counts what is read, and refuses as S3 does when it is told to."""

    behind: str
    endpoint: str = ""
    read: Counter[str] = field(default_factory=Counter)
    refusing: str = ""
    below: str = ""

    def objects(self, folder: str) -> dict[str, bytes]:
        """Return what is below a folder of the bucket."""
        import boto3

        with closing(boto3.client("s3", endpoint_url=self.behind)) as client:
            found = client.list_objects_v2(Bucket="data", Prefix=f"{folder}/").get("Contents", ())
            return {
                one["Key"].removeprefix(f"{folder}/"): client.get_object(Bucket="data", Key=one["Key"])[
                    "Body"
                ].read()
                for one in found
            }


class Front(BaseHTTPRequestHandler):
    """Passes requests on."""

    protocol_version = "HTTP/1.1"
    store: Store

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        store = self.store
        if store.refusing and self.path.startswith(store.below):
            text = f"<?xml version='1.0'?><Error><Code>{store.refusing}</Code><Message>as S3 says it</Message></Error>"
            self._answer(403, {"Content-Type": "application/xml"}, text.encode())
            return
        kept = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        answer = requests.request(
            self.command, store.behind + self.path, headers=kept, data=body, timeout=240, stream=True
        )
        content = answer.raw.read()
        if self.command == "GET":
            store.read[self.path.partition("?")[0]] += len(content)
        self._answer(answer.status_code, dict(answer.headers), content)

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        own = {"transfer-encoding", "connection", "server", "date"}
        own |= set() if self.command == "HEAD" else {"content-length"}
        for name, value in headers.items():
            if name.lower() not in own:
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    server.stop()


@pytest.fixture(scope="module")
def field_folder(tmp_path_factory: pytest.TempPathFactory, moto: str) -> Path:
    """Frames of four kinds, a table, and the same in the bucket; a configuration for each."""
    import boto3

    folder = tmp_path_factory.mktemp("field")
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = [150.0, -30.0], [600, 600], [-1e-4, 1e-4]
    random = np.random.default_rng(7)
    lines = ["diaSourceId,ra,dec,visit,ending"]
    for visit, ending in enumerate(ENDINGS):
        for plane in PLANES:
            write_frame(
                folder / f"{visit}_{plane}.{ending}", random.normal(100, 10, (SIDE_PIX, SIDE_PIX)), wcs
            )
        sky = wcs.pixel_to_world_values(random.uniform(30, 1170, SOURCES), random.uniform(700, 800, SOURCES))
        lines += [
            f"{2**60 + 1000 * visit + n},{a},{b},{visit},{ending}"
            for n, (a, b) in enumerate(zip(*sky, strict=True))
        ]
    (folder / "sources.csv").write_text("\n".join(lines) + "\n")
    os.environ.update({name: value for name, value in AWS.items() if name not in os.environ})
    with closing(boto3.client("s3", endpoint_url=moto)) as client:
        client.create_bucket(Bucket="data")
        for path in folder.iterdir():
            client.upload_file(str(path), "data", f"field/{path.name}")
    for name, base in (("here", ""), ("there", "s3://data/field/")):
        frames = "\n".join(f'{plane} = "{base}{{visit}}_{plane}.{{ending}}"' for plane in PLANES)
        (folder / f"{name}.toml").write_text(
            f'[catalog]\nkind = "table"\npath = "{base}sources.csv"\n[images]\nkind = "frames"\n{frames}\n'
        )
    return folder


def write_frame(path: Path, pixels: Any, wcs: WCS) -> None:
    values = pixels.astype(np.float32)
    if path.name.endswith("int.fits"):
        scaled = fits.PrimaryHDU((pixels * 10).astype(np.int16), wcs.to_header())
        scaled.header["BSCALE"], scaled.header["BZERO"] = 0.1, 0.0
        scaled.writeto(path)
    elif path.suffix == ".fz":
        hdu = fits.CompImageHDU(values, wcs.to_header(), compression_type="RICE_1", quantize_level=16)
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    else:
        plain = path.with_suffix("") if path.suffix == ".gz" else path
        fits.writeto(plain, values, wcs.to_header())
        if path.suffix == ".gz":
            path.write_bytes(gzip.compress(plain.read_bytes(), 1, mtime=0))
            plain.unlink()


@pytest.fixture
def store(moto: str, field_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    made = Store(moto)
    handler = type("OwnFront", (Front,), {"store": made})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        made.endpoint = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", made.endpoint)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield made
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def whole(field_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of the run as one process draws it from folders into a folder."""
    run = tmp_path_factory.mktemp("whole") / "run"
    command = [sys.executable, "-m", "zoocut", "generate", field_folder / "here.toml", "-o", run]
    subprocess.run(command, check=True, capture_output=True)
    return contents(run)


def contents(run: Path) -> dict[str, bytes]:
    files = [path for path in run.rglob("*") if path.is_file() and path.name not in OWN]
    return {str(path.relative_to(run)): path.read_bytes() for path in files}


def of_run(store: Store, folder: str) -> dict[str, bytes]:
    return {name: content for name, content in store.objects(folder).items() if name not in OWN}


def test_frames_and_table_in_the_store_are_read_by_ranges(
    zoocut: Zoocut, store: Store, field_folder: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    done = zoocut("generate", field_folder / "there.toml", "-o", "run")
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "run") == whole
    sizes = {f"/data/field/{path.name}": path.stat().st_size for path in field_folder.glob("?_*")}
    shares = {name: store.read[name] / size for name, size in sizes.items()}
    # a tenth of the rows was asked for, and a block more is read than that
    assert max(share for name, share in shares.items() if name.endswith(".fits")) < 0.8, shares


def test_a_run_in_the_store_goes_on_and_is_copied(
    zoocut: Zoocut, store: Store, field_folder: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    import boto3

    command = ("generate", field_folder / "there.toml", "-o", "s3://data/run")
    for part in ("1/2", "2/2"):
        assert zoocut(*command, "--part", part).returncode == 0
    done = zoocut(*command)
    assert (done.returncode, f"0 drawn, {len(ENDINGS) * SOURCES} already there" in done.stdout) == (
        0,
        True,
    ), done.stderr
    assert of_run(store, "run") == whole
    pictures = [name for name in whole if name.startswith("images/")]
    with closing(boto3.client("s3", endpoint_url=store.behind)) as client:
        client.delete_object(Bucket="data", Key=f"run/{pictures[0]}")
        client.put_object(Bucket="data", Key=f"run/{pictures[1]}", Body=b"somebody's")
    again = zoocut(*command)
    assert f"2 drawn, {len(ENDINGS) * SOURCES - 2} already there" in again.stdout, again.stderr
    assert of_run(store, "run") == whole
    copying = again.stdout.split("next: ")[1].split(" copies the run")[0]
    assert copying in zoocut("upload", "s3://data/run", "--project", "a/b", "--set", "x").stderr
    words = [sys.executable, *shlex.split(copying)[1:]]
    subprocess.run(words, check=True, cwd=tmp_path)
    assert contents(tmp_path / "run") == whole
    assert zoocut("preview", "run").returncode == 0


def test_killed_while_it_draws_into_the_store(
    zoocut: Zoocut, store: Store, field_folder: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    words = ["generate", str(field_folder / "here.toml"), "-o", "s3://data/killed"]
    process = subprocess.Popen([sys.executable, "-m", "zoocut", *words], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 240
    while process.poll() is None and len(store.objects("killed")) < 5:
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGKILL)
    _, said = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), said
    assert process.returncode == 0 or "manifest.csv" not in store.objects("killed")
    done = zoocut(*words)
    assert done.returncode == 0, done.stderr
    assert of_run(store, "killed") == whole


@pytest.mark.parametrize("options", [(), ("--part", "1/1")])
def test_another_call_on_the_same_run_is_told(
    zoocut: Zoocut, store: Store, field_folder: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """A store has no locks: a note there tells of a call that draws, and of one of another host that was killed."""
    import boto3

    client = boto3.client("s3", endpoint_url=store.behind)
    run, key = f"notes{len(options)}", f"notes{len(options)}/.generate.lock"
    command = ("generate", field_folder / "there.toml", "-o", f"s3://data/{run}", *options)
    assert zoocut(*command).returncode == 0
    process = subprocess.Popen(["true"])
    process.wait()
    for content, told in (
        (
            b"node17 4711 2026-01-31T02:03:04Z",
            "another call (process 4711 of node17, since 2026-01-31T02:03:04Z)",
        ),
        (f"{socket.gethostname()} {os.getppid()} then".encode(), f"process {os.getppid()} of"),
        (f"{socket.gethostname()} {process.pid} then".encode(), ""),
    ):
        client.put_object(Bucket="data", Key=key, Body=content)
        done = zoocut(*command)
        assert (done.returncode, told in done.stderr, "another call" in done.stderr) == (0, True, bool(told))
    client.close()
    if not options:
        assert ".generate.lock" not in store.objects(run), "that of a process which has ended is taken over"


@pytest.mark.parametrize("where", ["frames", "table", "run"])
@pytest.mark.parametrize(
    ("code", "exit_code", "told"),
    [
        ("RequestTimeTooSkewed", 3, "data refuses requests by this machine's clock"),
        ("AccessDenied", 7, "it may be somebody else's; correct the address"),
        ("InvalidAccessKeyId", 7, "data does not take these credentials"),
    ],
)
def test_what_s3_refuses(
    zoocut: Zoocut, store: Store, field_folder: Path, where: str, code: str, exit_code: int, told: str
) -> None:
    store.refusing = code
    store.below = "/data/field/" if code == "AccessDenied" and where != "run" else "/data"
    config = field_folder / ("here.toml" if where == "run" else "there.toml")
    words = ["-o", "s3://data/refused" if where == "run" else "out", "--limit", 3]
    words += ["--input", field_folder / "sources.csv"] if where == "frames" else []
    done = zoocut("generate", config, *words)
    assert told in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    # what is refused of one exposure's files costs that exposure: it is a row's fault
    assert done.returncode == (3 if where == "frames" and code == "AccessDenied" else exit_code)


def test_what_is_not_there(
    zoocut: Zoocut, store: Store, field_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = field_folder / "there.toml"
    for words, told in (
        (("-o", "s3://elsewhere/run"), "there is no bucket elsewhere"),
        (("-o", "a", "--input", "s3://elsewhere/sources.csv"), "there is no bucket elsewhere"),
        (
            ("-o", "b", "--input", "s3://data/field/none.csv"),
            "s3://data/field/none.csv does not exist: check catalog.path",
        ),
        (
            ("-o", "c", "--set", "images.science=s3://data/none/{visit}.fits"),
            "s3://data/none/0.fits does not exist",
        ),
        (("-o", "d", "--set", "images.science=s3://elsewhere/{visit}.fits"), "there is no bucket elsewhere"),
    ):
        done = zoocut("generate", config, *words)
        assert (done.returncode, told in done.stderr) == (3, True), done.stderr
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for words in (("-o", "e"), ("-o", "s3://data/e", "--input", field_folder / "sources.csv")):
        done = zoocut("generate", config, *words)
        assert (done.returncode, "there are no credentials for data" in done.stderr) == (7, True), done.stderr


def test_a_store_that_is_gone_ends_the_call_and_rejects_no_row(
    zoocut: Zoocut, store: Store, field_folder: Path, tmp_path: Path
) -> None:
    table = field_folder / "sources.csv"
    nothing = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    done = zoocut(
        "generate", field_folder / "there.toml", "-o", "run", "--input", table, "--limit", 3, **nothing
    )
    assert (done.returncode, "cannot be used now" in done.stderr) == (5, True), done.stderr
    assert not (tmp_path / "run" / "rejected.csv").exists()


def test_what_must_be_on_this_machine(zoocut: Zoocut, field_folder: Path, tmp_path: Path) -> None:
    shutil.copy(field_folder / "here.toml", tmp_path)
    shutil.copy(field_folder / "sources.csv", tmp_path)
    for kind in ("alerts", "apdb"):
        (tmp_path / f"{kind}.toml").write_text(
            f'[catalog]\nkind = "{kind}"\npath = "s3://data/{kind}"\n[images]\nkind = "butler"\n'
            'repository = "x"\ncollections = ["y"]\n'
        )
    nights = (
        '\n[night]\nroot = "s3://data/nights"\n[upload]\nproject = "a/b"\nsubject_set = "Night {night}"\n'
    )
    (tmp_path / "night.toml").write_text((tmp_path / "here.toml").read_text() + nights)
    for words, key in (
        (
            ("generate", "here.toml", "-o", "run", "--set", 'select.exclude=["s3://data/old.csv"]'),
            "select.exclude",
        ),
        (("generate", "alerts.toml", "-o", "run"), "catalog.path"),
        (("generate", "apdb.toml", "-o", "run"), "catalog.path"),
        (("night", "night.toml", "--until", "generate"), "night.root"),
    ):
        done = zoocut(*words)
        assert (done.returncode, f"{key} = 's3://data/" in done.stderr) == (2, True), done.stderr
    for command in ("status", "preview", "verify", "export", "upload"):
        done = zoocut(command, "s3://data/run")
        assert (done.returncode, "copy the run to this machine with `python -c" in done.stderr) == (
            3,
            True,
        ), done.stderr
