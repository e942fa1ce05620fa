"""What an import needs, looked at before anything is made: rows by the server's rules, addresses, the set.

Panoptes' import dies at a row with an empty location, counts a row of an unknown type as failed without saying which,
cuts header cells at every colon, and answers 500 to a manifest that holds more than ASCII. What would meet one of the
first three is refused here, with all rows: single creates, which `zoocut upload --urls` makes, know none of these
limits. A row whose cells hold more than ASCII is never part of an import: it is made by a single create afterwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import unquote

from zoocut.addresses import Outsider, Served, form_problem, in_threads, is_loopback, sampled
from zoocut.config.upload import UploadSettings
from zoocut.destinations import Destination, open_destination
from zoocut.error_kinds import ImportUnfit, NotPublishable
from zoocut.files import typed
from zoocut.ledger import Ledger, State, Target
from zoocut.ledger.imports import ImportRecords
from zoocut.ledger.published import PublishedFiles
from zoocut.metadata_keys import SubjectKey, is_priority
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow
from zoocut.uploading.targets import Choice
from zoocut.zooniverse.panoptes import RetryingPanoptes

__all__ = [
    "ImportSettings",
    "destination_of_parts",
    "fits_import",
    "local_md5",
    "require_importable",
    "require_set",
]

CHECKS = {0: "none", 100: "all"}
SHOWN = 5


@dataclass(frozen=True, slots=True)
class ImportSettings:
    """How rows are imported.

    Parameters
    ----------
    most_rows : int
        Rows of one import; the server's limit, when it tells a lower one, goes before.
    stall_s : float
        Without any progress for so long an import counts as stalled, in seconds.
    """

    most_rows: int
    stall_s: float

    @classmethod
    def usual(cls) -> ImportSettings:
        """Return those that hold where nothing else is said."""
        settings = UploadSettings()
        return cls(settings.import_rows, settings.import_stall_s)


def require_importable(run: Run, endpoint: str, checks: int, sample: int | None = None) -> list[str]:
    """Look at every row by the server's rules, and at addresses as an outsider.

    Parameters
    ----------
    run : Run
        By addresses.
    endpoint : str
        The server.
    checks : int
        How many addresses are read: all for 100, a sample for less, none for 0.
    sample : int or None
        Only so many rows, the first ones.

    Returns
    -------
    list of str
        What the user should know.

    Raises
    ------
    InputError
        When a row cannot be imported or an address does not serve what it should.
    ConfigError
        When there is nowhere to put the parts of the manifest.
    """
    rows, singly, problems, seen = 0, list[str](), list[str](), set[str]()
    for row in islice(run.rows(), sample):
        rows += 1
        problem = _problem(row, endpoint, seen)
        problems += [f"row {row.external_id}: {problem}"] if problem else []
        singly += [] if fits_import(row.external_id, row.metadata) else [row.external_id]
    if problems:
        raise NotPublishable(
            f"{len(problems)} of {rows} rows cannot be imported; nothing was sent: {'; '.join(problems[:SHOWN])}. Mend "
            "them, or upload with --urls, which makes each subject by requests of its own"
        )
    if destination := destination_of_parts(run, endpoint):
        destination.look()
    addresses = [address for row in islice(run.rows(), sample) for address in row.locations]
    _require_served(run, sampled(addresses, CHECKS.get(checks, "sample")))
    return [*_what_it_means(rows - len(singly)), *_made_singly(singly)]


def _what_it_means(rows: int) -> list[str]:
    return [
        f"{rows} rows are meant for server-side import: what it makes is in the set at once and counts towards the "
        "account's limit of ordinary uploads; no store of Zooniverse's keeps the images, which show nothing when their "
        "host is gone"
    ]


def _made_singly(rows: list[str]) -> list[str]:
    if not rows:
        return []
    return [
        f"{len(rows)} rows (first: {rows[0]}) hold more than ASCII, to which the server's import answers with an "
        "error: they are made afterwards by requests of their own, which the account's limit holds for"
    ]


def fits_import(external_id: str, metadata: Mapping[str, str]) -> bool:
    """Whether the server's import takes a row's text."""
    return external_id.isascii() and all(value.isascii() for value in metadata.values())


def _problem(row: ManifestRow, endpoint: str, seen: set[str]) -> str | None:
    if not row.external_id.strip():
        return f"line {row.line} has no external_id: give it one"
    if row.external_id in seen:
        return "its external_id appears twice, and the server makes only one of them: give each row its own"
    seen.add(row.external_id)
    if row.problem or not row.locations:
        return row.problem or "it has no location, at which the import would die: name its image"
    colon = next((key for key in row.metadata if ":" in key), None)
    if colon is not None:
        return f"the server cuts the metadata key {colon} at its colon: rename it"
    odd = next((key for key in row.metadata if not key.isascii()), None)
    if odd is not None:
        return f"the metadata key {odd} holds more than ASCII, to which the import answers with an error: rename it"
    priority = row.metadata.get("priority", "0")
    if not is_priority(priority):
        return (
            f"its metadata key priority, by which the server serves what it imports, is {priority!r} and no number: "
            "rename the key"
        )
    return next((found for address in row.locations if (found := form_problem(address, endpoint))), None)


def _require_served(run: Run, chosen: Sequence[str]) -> None:
    root, outsider = run.settings.manifest.url_root, Outsider()

    def look(address: str) -> str | None:
        return outsider.problem(Served(address, local_md5(run.path, root, address)))

    wrong = [problem for _, problem in in_threads(look, chosen) if problem]
    if wrong:
        raise NotPublishable(
            f"{len(wrong)} of {len(chosen)} addresses that were read cannot be imported; nothing was sent: "
            f"{'; '.join(wrong[:SHOWN])}"
        )


def local_md5(folder: Path, url_root: str | None, address: str) -> str | None:
    """Return the checksum of the run's own file behind an address; None where it has none."""
    if not url_root or not address.startswith(f"{url_root.rstrip('/')}/"):
        return None
    path = folder / unquote(address.removeprefix(f"{url_root.rstrip('/')}/"))
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    except OSError:
        return None


def destination_of_parts(run: Run, endpoint: str) -> Destination | None:
    """Return where the parts of the manifest go: to where the run was published.

    Returns
    -------
    Destination or None
        None when it was not, and the server is on this machine: zoocut serves them itself then.

    Raises
    ------
    ConfigError
        When it was not, and the server is elsewhere.
    """
    root = run.settings.manifest.url_root
    found = None
    if root and run.ledger.exists():
        with Ledger.read(run.ledger) as ledger:
            found = PublishedFiles(ledger).destination(root)
    if found is not None:
        return open_destination(found)[0]
    if is_loopback(endpoint):
        return None
    raise ImportUnfit(
        f"the server reads the manifest from its address, and {typed(run.path)} was not published: set "
        "manifest.url_root and generate the run again if it has no manifest-urls.csv, then run "
        f"`zoocut publish {typed(run.path)} --to URL`"
    )


def require_set(run: Run, choice: Choice, panoptes: RetryingPanoptes) -> None:
    """See to it that a set is one to import into.

    Raises
    ------
    ConfigError
        When an active workflow serves it, or it holds subjects that are not this run's.
    """
    if choice.subject_set is None:
        return
    set_id, name = choice.subject_set.set_id, choice.subject_set.name
    serving = panoptes.active_workflows(set_id)
    if serving:
        raise ImportUnfit(
            f"the set {name!r} is served by an active workflow ({', '.join(serving)}), and imported subjects are in it "
            "before anything of them is proved: import into another set, or unlink this one until it is proved"
        )
    members = panoptes.count_subjects(set_id)
    if members and members != _linked(run, choice.known):
        _require_own(run, set_id, name, panoptes)


def _linked(run: Run, known: Target | None) -> int | None:
    """Return how many members this run has put into a set; None when that is not settled."""
    if known is None:
        return None
    with Ledger.read(run.ledger) as ledger:
        return None if ImportRecords(ledger, known).open() else ledger.counts(known)[State.LINKED]


def _require_own(run: Run, set_id: str, name: str, panoptes: RetryingPanoptes) -> None:
    start = SubjectKey.start(run.run_id, set_id)
    foreign = list(
        panoptes.of_members(set_id, lambda one: None if one.key.startswith(start) else one.subject_id)
    )
    if foreign and not _open_import(run, set_id):
        raise ImportUnfit(
            f"the set {name!r} holds {len(foreign)} subjects that are not of this run (first: {foreign[0]}), which an "
            "import cannot be told from: import into a new set, or upload with --urls"
        )


def _open_import(run: Run, set_id: str) -> bool:
    """Whether an import that is under way goes into the set: it is settled whatever came there meanwhile."""
    if not run.ledger.exists():
        return False
    with Ledger.read(run.ledger) as ledger:
        return any(ImportRecords(ledger, one).open() for one in ledger.targets() if one.set_id == set_id)
