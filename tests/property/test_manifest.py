"""A manifest gives back what was put in, whatever the ids, keys and values are."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoocut.errors import InputError
from zoocut.run.manifest import ManifestRow, read_manifest, write_manifest


def tidy_key(text: str) -> str:
    """Take off what is no part of a key: blanks around it and behind Zooniverse's prefixes."""
    bare = text.strip()
    prefix = bare[: len(bare) - len(bare.lstrip("#!/%"))]
    return prefix + bare.removeprefix(prefix).strip()


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
filled = texts.filter(lambda text: bool(text.strip()))
keys = st.lists(filled.map(tidy_key), unique=True, max_size=4)


@st.composite
def manifests(draw: st.DrawFn) -> tuple[list[str], list[ManifestRow], int]:
    names = draw(keys)
    images = draw(st.integers(1, 3))
    row = st.builds(
        ManifestRow,
        st.integers(0, 2**63 - 1).map(str) | filled,
        st.tuples(*[texts] * images),
        st.dictionaries(st.sampled_from(names), texts) if names else st.just({}),
    )
    return names, draw(st.lists(row, max_size=5)), images


@settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # on a machine that does other work too
@given(manifests())
def test_round_trip(manifest: tuple[list[str], list[ManifestRow], int]) -> None:
    names, rows, images = manifest
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "manifest.csv"
        write_manifest(path, rows, names, images)
        assert list(read_manifest(path)) == rows


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "needs external_id and location:1"),
        (b"id,file\n1,a\n", "needs external_id and location:1"),
        (b"external_id,location:1\n1,a.png,more\n", "line 2 has 3 cells where the header has 2"),
        (b"external_id,location:1\n\xff,a.png\n", "line 2 holds the bytes 0xff, which are not UTF-8"),
    ],
)
def test_unusable(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "manifest.csv"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        list(read_manifest(path))
    assert says in str(caught.value)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="finish `zoocut generate CONFIG -o RUN` first"):
        list(read_manifest(tmp_path / "manifest.csv"))
