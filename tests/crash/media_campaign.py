"""The campaign with subjects of a JSON plot and three frames, and two files for Talk each; no older ledgers or copies.

    nice python tests/crash/media_campaign.py --runs 100 --rows 12 --seed 1 --workers 2

Afterwards each subject must have its four files and, beside them, each of its two files for Talk once.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
from collections import Counter
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).parent))

from campaign import SETTLE_S, CampaignRun, main
from mischief import Mischief
from proxy import Exchange, Fault
from rehearsal import make_run

from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest
from zoocut.run.talk import TalkRow, read_talk, write_talk


def make_media_run(path: Path, rows: int, seed: int) -> Path:
    """Make a run of JSON plots beside frames, with files for Talk."""
    run, dice = make_run(path, rows, seed, images=5), random.Random(seed)
    manifest, talk = [], []
    for row in run.rows():
        frames, *files = row.locations[:3], *row.locations[3:]
        plot = f"images/{row.external_id}-lightcurve.json"
        points = [{"x": dice.uniform(-30, 0), "y": dice.gauss(0, 100)} for _ in range(dice.randint(1, 40))]
        (path / plot).write_text(json.dumps({"data": [{"seriesData": points}]}))
        manifest.append(ManifestRow(row.external_id, (plot, *frames), row.metadata))
        talk += [TalkRow(row.external_id, name, _sha256(path / name)) for name in files]
    write_manifest(run.manifest, manifest, ["!diaSourceId", "band"], 4)
    write_talk(run.talk, talk)
    return path


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class MediaMischief(Mischief):
    """The store's word for a file of Talk is taken; one that confirms and loses it is found by `verify` alone."""

    def __call__(self, exchange: Exchange) -> tuple[str, Fault] | None:
        chosen = super().__call__(exchange)
        if chosen is not None and chosen[0] == "confirmed and lost" and "attached" in exchange.path:
            return None
        return chosen


class MediaRun(CampaignRun):
    """One run of this campaign."""

    plots = ("none",)
    latest_kill = 150

    def _made(self, path: Path, rows: int, seed: int) -> Path:
        return make_media_run(path, rows, seed)

    def _mischief(self, seed: int) -> Mischief:
        return MediaMischief(seed, SETTLE_S)

    def _judge(self) -> None:
        super()._judge()
        if self.tally.ended:
            self.tally.wrong |= self._talk()

    def _talk(self) -> dict[str, int]:
        """Compare what the subjects have attached with what they should."""
        document = requests.get(f"{self.endpoint}/sandbox/truth", timeout=60).json()
        sets = {one["id"] for one in document["sets"] if one["display_name"] == self.set_name}
        held: Counter[tuple[str, str]] = Counter()
        for subject in document["subjects"]:
            if sets & set(subject["sets"]):
                sums = [(one["blob"] or {}).get("md5") or "nothing" for one in subject["attached"]]
                held.update((subject["external_id"], md5) for md5 in sums)
        wanted = {
            (row.external_id, hashlib.md5((self.run / row.file).read_bytes()).hexdigest())
            for row in read_talk(Run.open(self.run).talk)
        }
        return {
            "talk_files": len(wanted),
            "talk_missing": len(wanted - held.keys()),
            "talk_twice": sum(count - 1 for count in held.values()),
            "talk_wrong_bytes": len(held.keys() - wanted),
        }


if __name__ == "__main__":
    main(MediaRun, __doc__)
