"""Let a small survey observe: each call of `python docs/three_nights.py` adds a night to `survey/`, three at most."""

import csv
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from zoocut.demo.field import simulate_field

PLANES = ("template", "science", "difference")


def main(folder: Path) -> None:
    """Add a night, or end when there are three."""
    table = folder / "sources.csv"
    observed = read(table) if table.is_file() else []
    nights = sorted({row["visit"] for row in observed})
    simulated = read(simulate_field(folder / "simulated", seed=1))
    visits = sorted({row["visit"] for row in simulated})
    if len(nights) == len(visits):
        sys.exit(f"{folder} has its three nights")
    visit = visits[len(nights)]
    name = night_after(nights)
    for plane in PLANES:
        (folder / "simulated" / f"{visit}_94_{plane}.fits").rename(folder / f"{name}_{plane}.fits")
    write(table, [*observed, *({**row, "visit": name} for row in simulated if row["visit"] == visit)])


def night_after(nights: list[str]) -> str:
    """Name the visit of the next night: the first was three days ago, as `zoocut night` shows nothing old."""
    today = datetime.now(UTC).date()
    last = date.fromisoformat(nights[-1][:8]) if nights else today - timedelta(days=4)
    return f"{last + timedelta(days=1):%Y%m%d}00101"


def read(table: Path) -> list[dict[str, str]]:
    """Give the rows of a table."""
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


def write(table: Path, rows: list[dict[str, str]]) -> None:
    """Write rows as a table."""
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(*sys.argv[1:] or ["survey"]))
