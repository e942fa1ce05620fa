"""Publishing a run: to a folder that Python's server serves, and to S3 as moto has it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import boto3
import pytest
from buckets import make_public, refusing
from hosts import Host, address_rows, answer, serving
from uploads import make_run

Zoocut = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with serving(tmp_path / "www") as served:
        yield served


@pytest.fixture
def run(tmp_path: Path, host: Host) -> Path:
    return address_rows(make_run(tmp_path / "run", 5, 2), f"{host.endpoint}/night")


def test_published_to_a_folder_once(zoocut: Zoocut, run: Path, host: Host) -> None:
    to = host.root / "night"
    done = zoocut("publish", run, "--to", to, "--check", "all")
    assert done.returncode == 0, done.stderr
    assert f"{to}: 11 of 11 files put" in done.stdout
    assert "10 addresses, 10 as they should be" in done.stdout
    for name in (run / "images").iterdir():
        assert (to / "images" / name.name).read_bytes() == name.read_bytes()
    assert (to / "manifest-urls.csv").read_bytes() == (run / "manifest-urls.csv").read_bytes()
    before = {path: path.stat().st_mtime_ns for path in to.rglob("*.png")}
    again = json.loads(zoocut("publish", run, "--to", to, "--json").stdout)
    assert (again["sent"], again["kept"], again["failed"]) == (0, 11, [])
    assert {path: path.stat().st_mtime_ns for path in to.rglob("*.png")} == before


def test_only_what_is_missing_or_differs(zoocut: Zoocut, run: Path, host: Host) -> None:
    to = host.root / "night"
    zoocut("publish", run, "--to", f"file://{to}")
    right = (to / "images/1-0.png").read_bytes()
    (to / "images/0-0.png").unlink()
    (to / "images/1-0.png").write_bytes(right[:-1] + bytes([right[-1] ^ 1]))  # the same size
    (to / "images/2-1.png").write_bytes(right[:10])
    planned = json.loads(zoocut("publish", run, "--to", to, "--dry-run", "--json").stdout)
    assert (planned["sent"], planned["kept"]) == (3, 8)
    assert not (to / "images/0-0.png").exists()
    done = json.loads(zoocut("publish", run, "--to", to, "--json").stdout)
    assert (done["sent"], done["kept"]) == (3, 8)
    assert (to / "images/1-0.png").read_bytes() == right


def test_an_image_that_two_rows_name_is_one_file(zoocut: Zoocut, run: Path, host: Host) -> None:
    for name in ("manifest.csv", "manifest-urls.csv"):
        (run / name).write_text((run / name).read_text().replace("3-0.png", "0-0.png"))
    done = json.loads(zoocut("publish", run, "--to", host.root / "night", "--json").stdout)
    assert (done["files"], done["sent"], done["kept"], done["unserved"]) == (10, 10, 0, [])


def test_an_image_that_is_missing_stops_nothing(zoocut: Zoocut, run: Path, host: Host) -> None:
    (run / "images/3-0.png").unlink()
    done = zoocut("publish", run, "--to", host.root / "night")
    assert done.returncode == 3
    assert "images/3-0.png cannot be read (No such file or directory): restore it" in done.stdout
    assert len(list(host.root.rglob("*.png"))) == 9


@pytest.mark.parametrize("name", ["../secret.png", "images/../../secret.png", "ABSOLUTE", "images/link.png"])
def test_what_leads_out_of_the_run_is_not_published(
    zoocut: Zoocut, run: Path, host: Host, tmp_path: Path, name: str
) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"not for everybody")
    (run / "images/link.png").symlink_to(secret)
    name = str(secret) if name == "ABSOLUTE" else name
    manifest = run / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("images/0-0.png", name))
    for more in ([], ["--dry-run"]):
        done = zoocut("publish", run, "--to", host.root / "night", *more)
        assert done.returncode == 3
        assert f"{name} leads out of the run folder: only files inside it are published" in done.stdout
    assert all(path.read_bytes() != secret.read_bytes() for path in host.root.rglob("*") if path.is_file())
    assert len(list(host.root.rglob("*.png"))) == 9


@pytest.mark.parametrize(
    ("instead", "told"),
    [
        (lambda h: answer(h, 302, Location="https://login.example/"), "redirects to login.example: serve the images"),
        (lambda h: answer(h, 401), "answers 401: make the images readable for everybody, without a log-in"),
        (lambda h: answer(h, 403), "answers 403: make the images readable"),
        (lambda h: answer(h, 405), "answers 405 to a GET"),
        (lambda h: answer(h, 404), "answers 404: it is not where manifest.url_root says"),
        (lambda h: answer(h, 200, b"<html>x</html>", Content_Type="text/html"), "answers a page, perhaps"),
        (lambda h: answer(h, 200, b"  <!DOCTYPE html>", Content_Type="image/png"), "answers a page, perhaps a log-in"),
        (lambda h: answer(h, 200, b"\x89PNG other", Content_Type="image/png"), "serves other bytes than the run has"),
    ],
)  # fmt: skip
def test_what_an_outsider_sees(
    zoocut: Zoocut, run: Path, host: Host, instead: Callable[[BaseHTTPRequestHandler], bool], told: str
) -> None:
    host.instead = instead
    done = zoocut("publish", run, "--to", host.root / "night", "--check", "all")
    assert done.returncode == 6
    assert "10 of 10 addresses that were read do not serve" in done.stderr
    assert told in done.stderr


def test_a_type_that_is_none_is_told(zoocut: Zoocut, run: Path, host: Host) -> None:
    def untyped(handler: BaseHTTPRequestHandler) -> bool:
        body = (host.root / handler.path.lstrip("/")).read_bytes()
        return answer(handler, 200, body, Content_Type="application/octet-stream")

    host.instead = untyped
    done = zoocut("publish", run, "--to", host.root / "night")
    assert done.returncode == 6
    assert (
        "is served as application/octet-stream, not as image/png: set the host's content types" in done.stderr
    )


@pytest.mark.parametrize(
    ("ending", "told"),
    [
        (".png?x=1", "has a query string"),
        (".PNG", "ends in .PNG"),
        (".webp", "ends in .webp"),
        ("", "no extension"),
    ],
)
def test_addresses_that_zooniverse_does_not_take(
    zoocut: Zoocut, run: Path, host: Host, ending: str, told: str
) -> None:
    manifest = run / "manifest-urls.csv"
    manifest.write_text(manifest.read_text().replace("0-0.png", f"0-0{ending}"))
    done = zoocut("publish", run, "--to", host.root / "night")
    assert done.returncode == 3
    assert told in done.stderr
    assert not (host.root / "night").exists()


@pytest.mark.parametrize("change", ["reversed", "shorter", "longer", "fewer images"])
def test_manifests_of_different_rows_are_refused(zoocut: Zoocut, run: Path, host: Host, change: str) -> None:
    """Else a file would be checked, and said to be served, under the address of another row."""
    manifest = run / "manifest-urls.csv"
    header, *rows = manifest.read_text().splitlines()
    cells = rows[0].split(",")
    rows = {
        "reversed": rows[::-1],
        "shorter": rows[:-1],
        "longer": [*rows, rows[-1].replace("1704", "1705")],
        "fewer images": [",".join([*cells[:2], "", *cells[3:]]), *rows[1:]],
    }[change]
    manifest.write_text("\n".join([header, *rows, ""]))
    done = zoocut("publish", run, "--to", host.root / "night")
    assert done.returncode == 3
    assert "do not have the same rows: generate the run again" in done.stderr
    assert not (host.root / "night").exists()


def test_without_addresses_it_says_what_to_set(zoocut: Zoocut, tmp_path: Path) -> None:
    done = zoocut("publish", make_run(tmp_path / "run"), "--to", tmp_path / "www")
    assert done.returncode == 3
    assert "set manifest.url_root and generate the run again" in done.stderr


def test_rights_are_asked_for(zoocut: Zoocut, tmp_path: Path, host: Host) -> None:
    path = address_rows(make_run(tmp_path / "lsst", instrument="LSSTCam"), host.endpoint)
    done = zoocut("publish", path, "--to", host.root)
    assert done.returncode == 2
    assert "say why they may be public with --rights TEXT" in done.stderr
    assert zoocut("publish", path, "--to", host.root, "--rights", "DP1 is public").returncode == 0


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("nothing://x/y", "is no place to publish to"),
        ("zip://x.zip", "is no place to publish to"),
        ("", "--to is empty"),
        (" ", "--to is empty"),
        ("https://images.example.org/night", "is a web address, which is read and not written"),
        ("http://127.0.0.1:9/night", "is a web address"),
        ("memory://x/y", "is gone when the command ends"),
        ("s3:", "is neither a folder nor an address"),
        ("s3:/images/night", "is neither a folder nor an address"),
        ("s3://", "names no bucket"),
        ("s3://images?x=1", "is no name that a bucket can have: correct --to"),
    ],
)
def test_what_is_no_place_to_publish_to(zoocut: Zoocut, run: Path, to: str, told: str, s3: str) -> None:
    before = sorted(run.parent.rglob("*"))
    done = zoocut("publish", run, "--to", to)
    assert done.returncode == 2, done.stderr
    assert told in done.stderr
    assert "give s3://BUCKET/FOLDER" in done.stderr or "correct --to" in done.stderr
    left = {path for path in run.parent.rglob("*") if not path.name.startswith(("ledger.", ".zoocut"))}
    assert left <= set(before)


@pytest.fixture
def bucket_run(tmp_path: Path, s3: str) -> Path:
    return address_rows(make_run(tmp_path / "run", 5, 2), f"{s3}/images/night")


def test_published_to_s3_with_types(zoocut: Zoocut, bucket_run: Path, s3: str) -> None:
    make_public(s3)
    done = zoocut("publish", bucket_run, "--to", "s3://images/night", "--check", "all")
    assert done.returncode == 0, done.stderr
    client = boto3.client("s3", endpoint_url=s3)
    held = {one["Key"]: one for one in client.list_objects_v2(Bucket="images")["Contents"]}
    assert len(held) == 11
    assert client.head_object(Bucket="images", Key="night/images/0-0.png")["ContentType"] == "image/png"
    assert client.head_object(Bucket="images", Key="night/manifest-urls.csv")["ContentType"] == "text/csv"
    client.put_object(Bucket="images", Key="night/images/0-1.png", Body=b"other")
    client.delete_object(Bucket="images", Key="night/images/4-1.png")
    again = json.loads(zoocut("publish", bucket_run, "--to", "s3://images/night", "--json").stdout)
    assert (again["sent"], again["kept"], again["unserved"]) == (2, 9, [])


def test_no_such_bucket(zoocut: Zoocut, bucket_run: Path) -> None:
    done = zoocut("publish", bucket_run, "--to", "s3://elsewhere/night")
    assert done.returncode == 3
    assert "there is no bucket elsewhere" in done.stderr


def test_without_credentials(zoocut: Zoocut, bucket_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    done = zoocut("publish", bucket_run, "--to", "s3://images/night")
    assert done.returncode == 7
    assert "there are no credentials for images" in done.stderr
    assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in done.stderr


@pytest.mark.parametrize(
    ("code", "exit_code", "told"),
    [
        ("RequestTimeTooSkewed", 3, "set the clock, then run again"),
        ("AccessDenied", 7, "it may be somebody else's; correct --to"),
        ("InvalidAccessKeyId", 7, "correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ("SignatureDoesNotMatch", 7, "correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ("ExpiredToken", 7, "sign in to the store again"),
        ("NoSuchBucket", 3, "there is no bucket images"),
        ("AuthorizationHeaderMalformed", 2, "set AWS_DEFAULT_REGION to that"),
    ],
)
def test_what_s3_refuses(
    zoocut: Zoocut, bucket_run: Path, monkeypatch: pytest.MonkeyPatch, code: str, exit_code: int, told: str
) -> None:
    with refusing(code) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL", front)
        done = zoocut("publish", bucket_run, "--to", "s3://images/night")
    assert done.returncode == exit_code, done.stderr
    assert told in done.stderr
