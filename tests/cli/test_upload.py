"""`zoocut upload`: what it does, says and exits with, on good days and bad ones."""

from __future__ import annotations

import csv
import json
import signal
from pathlib import Path
from typing import Any

import pytest
import requests
from uploads import WHERE, Control, Zoocut, account, await_states, make_run, picture, start, states, subjects

from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest
from zoocut.sandbox import Running


def test_a_run_arrives_and_a_second_upload_has_nothing_to_do(
    zoocut: Zoocut, server: Running, tmp_path: Path
) -> None:
    run, name = make_run(tmp_path / "run", images=2), "arrives"
    done = zoocut("upload", run, *WHERE, name, **account(server))
    assert done.returncode == 0, done.stderr
    assert "4 linked" in done.stdout
    assert [len(subject["locations"]) for subject in subjects(server, name)] == [2] * 4
    before = len(requests.get(f"{server.endpoint}/sandbox/truth", timeout=240).json()["events"])
    again = zoocut("upload", run, "--json", **account(server))
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["targets"][0]["complete"] is True
    assert len(requests.get(f"{server.endpoint}/sandbox/truth", timeout=240).json()["events"]) == before


def test_a_dry_run_tells_and_writes_nothing(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    before = requests.get(f"{server.endpoint}/sandbox/truth", timeout=240).json()
    done = zoocut("upload", run, *WHERE, "dry", "--dry-run", "--json", **account(server))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    (target,) = told["targets"]
    assert target["subject_set"] == {"id": None, "display_name": "dry"}
    assert (target["rows"], target["to_upload"], told["account"]) == (4, 4, "owner")
    assert requests.get(f"{server.endpoint}/sandbox/truth", timeout=240).json() == before
    assert sorted(path.name for path in run.iterdir()) == ["images", "manifest.csv", "run.toml"]


def shape(document: Any) -> Any:
    """Give a document with the kinds of its values in their place."""
    if isinstance(document, dict):
        return {key: shape(value) for key, value in document.items()}
    return [shape(document[0])] if isinstance(document, list) and document else type(document)


def test_scripts_get_what_the_docs_promise(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "uploading.md").read_text()
    promised = json.loads(page.split("```json\n")[1].split("```")[0])
    run = make_run(tmp_path / "run")
    dry = zoocut("upload", run, *WHERE, "scripts", "--dry-run", "--json", **account(server))
    done = zoocut("upload", run, *WHERE, "scripts", "--json", **account(server))
    told = zoocut("status", run, "--json")
    audit = zoocut("verify", run, "--json", **account(server))
    assert shape(json.loads(told.stdout)) == shape(promised)
    (target,) = json.loads(dry.stdout)["targets"]
    assert {"may_upload_at_most", "notes"} <= json.loads(dry.stdout).keys()
    assert {"to_upload", "begun", "held_from_elsewhere", "faulty"} <= target.keys()
    assert {"rejected", "complete", "states"} <= json.loads(done.stdout)["targets"][0].keys()
    assert {"version", "sent_bytes", "took_s"} <= json.loads(done.stdout).keys()
    kinds = {"missing", "unlinked", "wrong_bytes", "duplicates", "strays", "others"}
    assert kinds <= json.loads(audit.stdout)["targets"][0].keys()


@pytest.mark.parametrize(
    ("options", "environment", "code", "words"),
    [
        ((*WHERE, "x"), {"PANOPTES_USERNAME": ""}, 7, "PANOPTES_USERNAME"),
        ((*WHERE, "x"), {"PANOPTES_PASSWORD": "wrong"}, 7, "refuses the account owner"),
        (("--project", "owner/nothing", "--set", "x"), {}, 7, "knows no project owner/nothing"),
        ((*WHERE, "x"), {"PANOPTES_USERNAME": "stranger"}, 7, "role of collaborator"),
        ((*WHERE, "x"), {"PANOPTES_USERNAME": "banned"}, 7, "banned"),
        ((*WHERE, "x"), {"PANOPTES_ENDPOINT": "http://127.0.0.1:9"}, 5, "cannot be reached"),
        ((*WHERE, "x"), {"PANOPTES_ENDPOINT": "http://example.org"}, 2, "use https://example.org"),
        ((), {}, 2, "--project"),
        ((*WHERE, " padded"), {}, 2, "without blanks at the ends"),
        ((*WHERE, "x", "--check", "some"), {}, 2, "check"),
    ],
)
def test_what_cannot_begin_says_why(
    zoocut: Zoocut,
    server: Running,
    tmp_path: Path,
    options: tuple[str, ...],
    environment: dict[str, str],
    code: int,
    words: str,
) -> None:
    done = zoocut("upload", make_run(tmp_path / "run"), *options, **(account(server) | environment))
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "sandbox-password" not in done.stderr + done.stdout


def test_a_folder_without_a_manifest_is_refused(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    Run.create(tmp_path / "run")
    done = zoocut("upload", tmp_path / "run", *WHERE, "x", **account(server))
    assert (done.returncode, "finish `zoocut generate CONFIG -o RUN`" in done.stderr) == (3, True)


def test_bad_rows_are_told_and_the_others_arrive(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    run, name = make_run(tmp_path / "run", 8), "bad rows"
    (tmp_path / "secret.png").write_bytes(picture("secret"))
    (run / "images" / "link.png").symlink_to(tmp_path / "secret.png")
    (run / "images" / "2-0.png").unlink()
    (run / "images" / "3-0.png").write_bytes(b"")
    (run / "images" / "6-0.png").write_bytes(picture("mistaken", "JPEG"))
    (run / "images" / "7-0.png").write_bytes(picture("cut")[:-20])
    (run / "images" / "page.html").write_bytes(b"<html>")
    with (run / "manifest.csv").open("a", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["out", "../secret.png", "g"])
        writer.writerow(["absolute", str(tmp_path / "secret.png"), "g"])
        writer.writerow(["link", "images/link.png", "g"])
        writer.writerow(["1700", "images/0-0.png", "g"])
        writer.writerow(["bell", "images/0-0.png", "\a"])
        writer.writerow(["absent", "images/0.webp", "g"])
        writer.writerow(["page", "images/page.html", "g"])
        writer.writerow(["folder", "images", "g"])
    done = zoocut("upload", run, *WHERE, name, "--json", **account(server))
    assert done.returncode == 3, done.stderr
    reasons = {one["external_id"]: one["reason"] for one in json.loads(done.stdout)["targets"][0]["rejected"]}
    for row, words in {
        "1702": "is missing",
        "1703": "is empty",
        "out": "leads out of the run folder",
        "absolute": "leads out of the run folder",
        "link": "leads out of the run folder",
        "1700": "more than once",
        "bell": "control characters",
        "absent": "is missing",
        "page": "of a type that Zooniverse does not take",
        "folder": "is not a file",
        "1706": "holds a JPEG, not a PNG",
        "1707": "is no whole PNG",
    }.items():
        assert words in reasons[row]
    assert sorted(s["external_id"] for s in subjects(server, name)) == ["1700", "1701", "1704", "1705"]
    (run / "images" / "2-0.png").write_bytes(picture("2"))
    retried = zoocut("upload", run, "--retry-rejected", **account(server))
    assert retried.returncode == 3
    assert states(zoocut, run) == {"linked": 5, "rejected": 11}


def test_metadata_that_zooniverse_would_misread_is_rejected(
    zoocut: Zoocut, server: Running, tmp_path: Path
) -> None:
    for column, value, words in [
        ("#priority", "soon", "not a number"),
        ("#training_subject", "true", "#feedback_1_id, #feedback_1_answer"),
        ("#zoocut", "mine", "kept for zoocut"),
    ]:
        run = make_run(tmp_path / column.strip("#"), 1, **{column: value})
        done = zoocut("upload", run, *WHERE, f"metadata {column}", **account(server))
        assert done.returncode == 3
        assert words in done.stdout


def test_quota_stops_cleanly_and_goes_on_later(
    zoocut: Zoocut, server: Running, tmp_path: Path, control: Control
) -> None:
    run, name = make_run(tmp_path / "run", 8), "quota"
    control("/users/collab", subject_limit=5)
    done = zoocut("upload", run, *WHERE, name, **account(server, "collab"))
    assert done.returncode == 8, done.stderr
    assert "of 5 maximum): 3 rows are left" in done.stderr
    assert states(zoocut, run) == {"linked": 5, "planned": 3}
    control("/users/collab", subject_limit=100)
    assert zoocut("upload", run, **account(server, "collab")).returncode == 0
    assert len(subjects(server, name)) == 8


def test_another_collaborator_resumes(
    zoocut: Zoocut, server: Running, tmp_path: Path, control: Control
) -> None:
    name = "handed over"
    more = make_run(tmp_path / "run", 5)
    control("/faults", name="commit-then-close", nth=[2, 3, 4])
    process = start(more, server, "--set", name, "--requests", "3")
    await_states(zoocut, more, "in_doubt", process)
    process.kill()
    process.communicate()
    done = zoocut("upload", more, "--settle", "2", **account(server, "collab"))
    assert done.returncode == 0, done.stderr
    assert len(subjects(server, name)) == 5


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_finishes_what_is_under_way_and_says_how_to_go_on(
    zoocut: Zoocut,
    server: Running,
    tmp_path: Path,
    control: Control,
    number: signal.Signals,
    code: int,
) -> None:
    run, name = make_run(tmp_path / "run", 60), f"stopped {code}"
    control("/faults", name="latency", delay_s=0.2)
    process = start(run, server, "--set", name, "--requests", "2")
    await_states(zoocut, run, "created", process)
    process.send_signal(number)
    _, said = process.communicate(timeout=240)
    assert process.returncode == code
    assert f"zoocut upload {run}" in said
    assert not {"intent", "in_doubt"} & states(zoocut, run).keys()
    requests.delete(f"{server.endpoint}/sandbox/faults", json={}, timeout=240)
    assert zoocut("upload", run, **account(server)).returncode == 0
    assert len(subjects(server, name)) == 60


def test_a_live_upload_keeps_others_out_but_status_reads(
    zoocut: Zoocut, server: Running, tmp_path: Path, control: Control
) -> None:
    run = make_run(tmp_path / "run", 30)
    control("/faults", name="latency", delay_s=0.5)
    process = start(run, server, "--set", "locked", "--requests", "1")
    await_states(zoocut, run, "intent", process)
    second = zoocut("upload", run, **account(server))
    pruning = zoocut("verify", run, "--prune", "--settle", "0", "--yes", **account(server))
    process.kill()
    process.communicate()
    for refused in (second, pruning):
        assert (refused.returncode, "another zoocut is uploading" in refused.stderr) == (4, True)


def test_an_image_that_changed_after_its_upload_began_is_caught(
    zoocut: Zoocut, server: Running, tmp_path: Path, control: Control
) -> None:
    run, name = make_run(tmp_path / "run", 3), "edited"
    control("/faults", name="blob-busy", route="PUT /public/*")
    zoocut("upload", run, *WHERE, name, "--give-up-after", "3", "--settle", "0", **account(server))
    original = (run / "images" / "1-0.png").read_bytes()
    (run / "images" / "1-0.png").write_bytes(original + b"edited")
    (run / "images" / "2-0.png").unlink()
    requests.delete(f"{server.endpoint}/sandbox/faults", json={}, timeout=240)
    done = zoocut("upload", run, **account(server))
    assert done.returncode == 3
    assert "was changed after its upload began" in done.stdout
    assert [s["external_id"] for s in subjects(server, name)] == ["1700"]
    (run / "images" / "1-0.png").write_bytes(original)
    assert zoocut("upload", run, "--retry-rejected", **account(server)).returncode == 3
    assert states(zoocut, run) == {"linked": 2, "rejected": 1}


def test_a_begun_row_cannot_leave_the_manifest(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 3)
    zoocut("upload", run, *WHERE, "shrunk", **account(server))
    lines = (run / "manifest.csv").read_text().splitlines()
    (run / "manifest.csv").write_text("\n".join(lines[:-1]) + "\n")
    done = zoocut("upload", run, **account(server))
    assert (done.returncode, "is missing from" in done.stderr) == (4, True)


def test_a_set_deleted_in_mid_run_is_said(
    zoocut: Zoocut, server: Running, tmp_path: Path, control: Control
) -> None:
    run, name = make_run(tmp_path / "run", 3), "to be deleted"
    zoocut("upload", run, *WHERE, name, "--sample", "1", **account(server))
    target = json.loads(zoocut("status", run, "--json").stdout)["targets"][0]["subject_set"]["id"]
    delete_set(server, target)
    done = zoocut("upload", run, **account(server))
    assert (done.returncode, "is gone from" in done.stderr) == (7, True)


def delete_set(server: Running, set_id: str) -> None:
    from zoocut.zooniverse.clock import Clock
    from zoocut.zooniverse.credentials import Credentials
    from zoocut.zooniverse.session import Session
    from zoocut.zooniverse.transport import Transport

    credentials = Credentials("owner", "sandbox-password")
    session = Session(server.endpoint, credentials, Clock(), Transport())
    etag = session.request("GET", f"/subject_sets/{set_id}").etag
    session.request("DELETE", f"/subject_sets/{set_id}", etag=etag)


def test_rows_that_another_run_has_put_there_are_skipped(
    zoocut: Zoocut, server: Running, tmp_path: Path
) -> None:
    name = "overlap"
    zoocut("upload", make_run(tmp_path / "first", 3), *WHERE, name, **account(server))
    run = make_run(tmp_path / "second", 5)
    done = zoocut("upload", run, *WHERE, name, **account(server))
    assert done.returncode == 0, done.stderr
    assert states(zoocut, run) == {"linked": 2, "skipped": 3}
    assert len(subjects(server, name)) == 5
    zoocut("upload", run, "--again", **account(server))
    assert states(zoocut, run) == {"linked": 5}
    assert len(subjects(server, name)) == 8


def test_each_value_has_a_set_of_its_own(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 5)
    command = ("upload", run, *WHERE, "Night 12 {band}", "--set-by", "band")
    assert zoocut(*command, **account(server)).returncode == 0
    held = {band: sorted(s["external_id"] for s in subjects(server, f"Night 12 {band}")) for band in "gr"}
    assert held == {"g": ["1700", "1702", "1704"], "r": ["1701", "1703"]}
    assert zoocut(*command, **account(server)).returncode == 0


def test_lsst_pixels_need_grounds(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 1, instrument="LSSTCam")
    done = zoocut("upload", run, *WHERE, "rights", **account(server))
    assert (done.returncode, "--rights" in done.stderr) == (2, True)
    assert zoocut("upload", run, *WHERE, "rights", "--rights", "DP1", **account(server)).returncode == 0
    assert zoocut("upload", run, **account(server)).returncode == 0  # what was said is kept


def test_an_address_becomes_an_external_location(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    source = make_run(tmp_path / "source", 1)
    zoocut("upload", source, *WHERE, "source of an address", **account(server))
    (held,) = subjects(server, "source of an address")
    address = f"{server.endpoint}/public/{held['locations'][0]['path']}"
    run = Run.create(tmp_path / "run")
    rows = [ManifestRow("1", (address,)), ManifestRow("2", (f"{server.endpoint}/nothing.png",))]
    write_manifest(run.manifest, rows, [])
    done = zoocut("upload", run.path, *WHERE, "addresses", **account(server))
    assert done.returncode == 3, done.stderr
    assert "nothing.png answers 404" in done.stdout
    assert [subject["external_id"] for subject in subjects(server, "addresses")] == ["1"]


def test_a_moved_run_goes_on(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 3)
    zoocut("upload", run, *WHERE, "moved", "--sample", "1", **account(server))
    run.rename(tmp_path / "elsewhere")
    assert zoocut("upload", tmp_path / "elsewhere", **account(server)).returncode == 0
    assert len(subjects(server, "moved")) == 3


def test_a_log_holds_no_secret_and_no_control_codes(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    environment = account(server) | {"PANOPTES_DEBUG": "1"}
    done = zoocut("upload", make_run(tmp_path / "run"), *WHERE, "log", **environment)
    assert done.returncode == 0, done.stderr
    for secret in ("sandbox-password", "Bearer", "sig=", "\x1b"):
        assert secret not in done.stdout + done.stderr


def test_rights_withdrawn_in_mid_run_stop_the_run_and_reject_no_row(
    zoocut: Zoocut, server: Running, tmp_path: Path, control: Control
) -> None:
    run = make_run(tmp_path / "run", 30)
    control("/faults", name="error-json", status=403, nth=list(range(3, 40)))
    done = zoocut("upload", run, *WHERE, "withdrawn", "--requests", "1", **account(server))
    assert (done.returncode, "role of collaborator" in done.stderr) == (7, True), done.stderr
    assert states(zoocut, run)["planned"] == 28


def test_an_account_without_a_role_is_refused_before_anything_is_planned(
    zoocut: Zoocut, server: Running, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run", 30)
    zoocut("upload", run, *WHERE, "not yours", "--sample", "2", **account(server))
    done = zoocut("upload", run, **account(server, "stranger"))
    assert (done.returncode, "role of collaborator" in done.stderr) == (7, True), done.stderr
    assert states(zoocut, run) == {"linked": 2}
