"""The site's pages: nothing of the program is without a word, nothing that they name is not there."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

sys.path.insert(0, str(DOCS))

import choices  # noqa: E402
import reference_pages  # noqa: E402

import zoocut  # noqa: E402
from zoocut.api.settings_reference import every_setting  # noqa: E402

VARIABLE = re.compile(r"(?:PANOPTES|ZOOCUT|XDG|PG|AWS|S3|BUTLER|DAF)_?[A-Z0-9_]{4,}")


def strings(path: Path) -> list[str]:
    """Give the texts of a module, with an asterisk for each value that stands in one."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = [one.value if isinstance(one, ast.Constant) else "*" for one in node.values]
            found.append("".join(map(str, parts)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
    return found


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [text for path in (ROOT / "zoocut").rglob("*.py") for text in strings(path)]


def headings_of(function: Any) -> str:
    """Give the lines of a docstring's parameters that name them."""
    section = (inspect.getdoc(function) or "").partition("Parameters\n")[2].partition("\n\n")[0]
    return " ".join(line for line in section.splitlines() if not line.startswith(" "))


def test_nothing_is_without_a_word() -> None:
    """Commands and their options, settings, functions with their parameters; kinds of trouble are in test_codes."""
    described = dict(reference_pages.commands())
    silent = [words for words, command in described.items() if not command.callback.__doc__]
    silent += [
        f"{words} {name}"
        for words, command in described.items()
        for name, meaning, _ in reference_pages.options_of(command)
        if not meaning
    ]
    settings = list(every_setting())
    silent += [one.key for one in settings if not one.meaning or not one.allowed]
    offered = {name: getattr(zoocut, name) for name in zoocut.__all__ if callable(getattr(zoocut, name))}
    silent += [name for name, one in offered.items() if not inspect.getdoc(one)]
    functions = {name: one for name, one in offered.items() if inspect.isfunction(one)}
    silent += [
        f"{name}({parameter})"
        for name, one in functions.items()
        for parameter in inspect.signature(one).parameters
        if parameter not in re.findall(r"\w+", headings_of(one))
    ]
    assert silent == []
    assert (len(described), len(settings), len(functions)) > (35, 280, 7)


def test_the_page_of_commands_has_each_with_its_options() -> None:
    page = reference_pages.commands_page()
    assert "## zoocut upload\n" in page
    assert "## zoocut sets members\n" in page
    assert "`--part K/N`\n: Draw share K of N" in page
    assert "whose \\[upload\\] and \\[rights\\]" in page


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, reference_pages.Drawn]:
    folder = tmp_path_factory.mktemp("choices")
    return folder, choices.draw_choices(folder)


def test_each_choice_of_what_is_drawn_has_a_picture_of_its_own(
    drawn: tuple[Path, reference_pages.Drawn],
) -> None:
    folder, by_key = drawn
    unseen = {"draw.chunk_size", "draw.save_as_numpy"}
    panels = ("draw.science.", "draw.difference.")  # as the template's
    known = {one.key: one for one in every_setting() if one.key.startswith("draw.")}
    assert {key for key in known if not key.startswith(panels)} - unseen == {
        key for key in by_key if key.startswith("draw.")
    }
    for key, several in by_key.items():
        shown = [b"".join((folder / name).read_bytes() for name in names) for _, names in several]
        assert len(set(shown)) == len(shown) > 1, key
    for key, one in known.items():
        values = re.fullmatch(r'("[\w-]+"|true|false)( or ("[\w-]+"|true|false))+', one.allowed)
        if values and key in by_key:
            assert {told for told, _ in by_key[key]} == set(one.allowed.split(" or ")), key


def test_the_page_of_settings_has_the_text_of_explain(
    zoocut: Any, drawn: tuple[Path, reference_pages.Drawn]
) -> None:
    page = reference_pages.settings_page(drawn[1])
    assert "![draw.layout = separate](choices/draw.layout-2-2.png)" in page
    told = zoocut("config", "explain", "draw.panel_pix").stdout.splitlines()
    assert "`{}`\n: {}  \n  *{}*\n".format(*map(str.strip, told)) in page


def test_every_exit_code_is_on_its_page() -> None:
    from zoocut import errors

    page = reference_pages.exit_codes_page()
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.ZoocutError) and kind.exit_code != 1:
            assert f"`{kind.__name__}`" in page


def test_every_environment_variable_is_told_of(texts: list[str]) -> None:
    page = (DOCS / "environment.md").read_text(encoding="utf-8")
    read = {name for text in texts for name in VARIABLE.findall(text) if VARIABLE.fullmatch(text)}
    assert {"PANOPTES_ENDPOINT", "ZOOCUT_LOG_FILE"} <= read
    assert {name for name in read if f"`{name}`" not in page} == set()


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^([\w/-]+)$", index, flags=re.MULTILINE))
    assert {path.stem for path in DOCS.glob("*.md")} - {"index"} <= listed


def test_scripts_and_tests_that_pages_name_are_there_with_the_options_shown() -> None:
    named = 0
    for page in DOCS.glob("*.md"):
        for script, options in re.findall(
            r"((?:tests|docs)/[\w/-]+\.\w+)([^`\n]*)", page.read_text(encoding="utf-8")
        ):
            path, named = ROOT / script, named + 1
            assert path.exists(), (page.name, script)
            code = path.read_text(encoding="utf-8") if path.suffix == ".py" else ""
            if "argparse" in code:
                assert [one for one in re.findall(r"--\w+", options) if f'"{one}"' not in code] == [], (
                    page.name
                )
    assert named > 20


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_links_lead_somewhere(page: str) -> None:
    made = {"reference/settings.md", "reference/commands.md", "../python.md", "settings.md"}
    text = (DOCS / page).read_text(encoding="utf-8")
    for goal in re.findall(r"\]\((?!http)([^)#]+)", text):
        assert goal in made or (DOCS / goal).exists(), goal


@pytest.mark.parametrize(
    "page",
    [
        "start.md",
        "slurm.md",
        *(path.name for path in DOCS.glob("tutorial-*.md") if "notebook" not in path.name),
    ],
)
def test_commands_of_the_page_can_be_typed(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8").replace("\\\n", "")
    blocks = "".join(re.findall(r"^```bash\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL))
    lines = re.findall(r"^ *\$ (zoocut .+)$", text, flags=re.MULTILINE)
    lines += re.findall(r"^(zoocut .+)$", blocks, flags=re.MULTILINE)
    assert lines
    known = dict(reference_pages.commands())
    for line in lines:
        words = shlex.split(line)
        name = next(" ".join(words[:n]) for n in (3, 2) if " ".join(words[:n]) in known)
        command = known[name]
        parser = command.make_parser(command.context_class(command, info_name=name))
        _, left, _ = parser.parse_args(args=words[len(name.split()) :])
        assert left == [], line


def scripts() -> list[str]:
    return re.findall(r"^```bash\n(.*?)^```", (DOCS / "slurm.md").read_text(), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("script", scripts())
def test_scripts_for_slurm_parse(script: str) -> None:
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_array_draws_every_share() -> None:
    """The script's shares are the array's: as many, and from the first."""
    from zoocut.generating.parts import Part

    array = scripts()[0]
    (last,) = re.findall(r"--array=1-(\d+)", array)
    (share,) = re.findall(r'--part "\$SLURM_ARRAY_TASK_ID/(\d+)"', array)
    assert last == share
    assert [Part.parse(f"{n}/{share}").number for n in (1, int(last))] == [1, int(last)]


@pytest.mark.skipif(importlib.util.find_spec("dask_jobqueue") is None, reason="needs dask-jobqueue")
def test_workers_of_dask_are_asked_of_slurm_as_the_page_says(tmp_path: Path) -> None:
    """The cluster of the page is made in a process of its own; `sbatch` is never called: nothing is scaled."""
    text = (DOCS / "slurm.md").read_text(encoding="utf-8")
    (arguments,) = re.findall(r"^cluster = SLURMCluster\((.*)\)$", text, flags=re.MULTILINE)
    program = (
        "from dask_jobqueue import SLURMCluster\n"
        f"with SLURMCluster({arguments}, scheduler_options={{'dashboard_address': None}}) as cluster:\n"
        "    print(cluster.job_script())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    for line in ("#SBATCH --cpus-per-task=1", "#SBATCH --mem=4G", "#SBATCH -t 01:00:00", "dask"):
        assert line in done.stdout
    assert subprocess.run(["bash", "-n"], input=done.stdout, text=True).returncode == 0
