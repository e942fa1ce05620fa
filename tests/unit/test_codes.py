"""Every kind of trouble has a code and an entry in the docs, and every entry has a kind."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

import zoocut
from zoocut import error_kinds, reasons
from zoocut.errors import ZoocutError

PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
GIVEN = re.compile(r'^\s*(?:code|[A-Z_]+) = "(Z\d{3})"$', re.MULTILINE)
FEWEST_WORDS = 12
"""What it means and what to do fit into no fewer."""


@pytest.fixture(scope="module")
def codes() -> Counter[str]:
    """How often each code is given in the program; a class that takes its base's code is of that kind."""
    files = Path(zoocut.__file__).parent.rglob("*.py")
    return Counter(code for file in files for code in GIVEN.findall(file.read_text(encoding="utf-8")))


def classes(kind: type[ZoocutError]) -> Iterator[type[ZoocutError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from classes(below)


def entries() -> dict[str, str]:
    parts = re.split(r"^### (.*)$", PAGE.read_text(), flags=re.MULTILINE)[1:]
    parts[0::2] = [heading.split(": ")[0] for heading in parts[0::2]]
    texts = (re.split(r"^## ", text, flags=re.MULTILINE)[0].strip() for text in parts[1::2])
    assert len(set(parts[0::2])) == len(parts[0::2])
    return dict(zip(parts[0::2], texts, strict=True))


def test_each_kind_has_a_code_of_its_own_and_an_entry_and_each_entry_a_kind(codes: Counter[str]) -> None:
    assert {code for code, count in codes.items() if count > 1} == set()
    assert sorted(codes) == sorted(entries())
    kinds = [
        kind
        for kind in vars(error_kinds).values()
        if getattr(kind, "__module__", "").startswith(error_kinds.__name__)
    ]
    assert [kind.__name__ for kind in kinds if "code" not in vars(kind)] == []
    assert len(kinds) == len(error_kinds.__all__) < len(codes)


def test_entries_say_what_it_means_and_what_to_do() -> None:
    assert [code for code, text in entries().items() if len(text.split()) < FEWEST_WORDS] == []


def test_each_heading_is_its_code_and_a_plain_title() -> None:
    titles = re.findall(r"^### Z\d{3}: ([A-Z-].*[^.:])$", PAGE.read_text(), flags=re.MULTILINE)
    assert len(titles) == len(entries())
    assert [title for title, count in Counter(titles).items() if count > 1 or len(title.split()) < 3] == []


def test_kinds_begin_with_the_digit_of_their_exit_code() -> None:
    digits = {2: "1", 3: "2", 4: "3", 5: "4", 6: "5", 7: "4", 8: "4"}
    for kind in classes(ZoocutError):
        assert kind.code[1] in digits.get(kind.exit_code, "0679")


def test_a_summary_of_reasons_keeps_kinds_apart_and_ends_with_them() -> None:
    told = reasons.Reasons([("1", "its id is missing")], "Z215")
    told.add("2", "its id is missing", "Z200")
    told.add("3", "its id is missing", "Z215")
    assert {str(one): one.count for one in told} == {
        "its id is missing [Z215]": 2,
        "its id is missing [Z200]": 1,
    }


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (("generate", "none.toml", "-o", "run"), "Z101", 2),
        (("status", "none"), "Z221", 3),
        (("sets", "list"), "Z111", 2),
        (("upload", "none", "--dry-run"), "Z221", 3),
        (("whoami", "--endpoint", "http://example.org"), "Z116", 2),
        (("doctor", "--workflow", "1"), "Z120", 2),
    ],
)
def test_a_command_that_fails_ends_with_the_code_and_tells_programs(
    zoocut: Callable[..., CompletedProcess[str]], words: tuple[str, ...], code: str, exit_code: int
) -> None:
    for asked in ((), ("--json",)):
        done = zoocut(*words, *asked)
        if "No such option" in done.stderr:
            continue
        assert done.returncode == exit_code, done.stderr
        assert done.stderr.rstrip().endswith(f"[{code}]")
        document = json.loads(done.stdout) if asked else None
        message = done.stderr.removeprefix("error: ").rstrip().removesuffix(f" [{code}]")
        assert document in (None, {"version": 1, "error": {"code": code, "message": message}})
