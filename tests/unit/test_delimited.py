"""What kind of delimited text a file is, is recognised or refused, and cells stay as they are written."""

from __future__ import annotations

import codecs
import gzip
from pathlib import Path

import pytest

from zoocut.delimited import DelimitedText, as_text_cell, without_mark
from zoocut.errors import ConfigError, InputError

Rows = tuple[list[str], list[list[str]], str]


def read(folder: Path, content: str | bytes, name: str = "list.csv", encoding: str | None = None) -> Rows:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with DelimitedText(path, encoding) as text:
        return text.header, [line.cells for line in text.lines()], text.told


PLAIN = (["id", "note"], [["1", "é, x"], ["007", ""]])
COMMAS = 'id,note\n1,"é, x"\n007,\n'


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (COMMAS, ""),
        (codecs.BOM_UTF8 + COMMAS.encode(), ""),
        (COMMAS.replace("\n", "\r\n"), ""),
        (COMMAS.replace("\n", "\r"), ""),
        (gzip.compress(COMMAS.encode(), mtime=0), ""),
        ('id, note\n1,  "é, x"\n007, \n', ""),
        ("id;note\n1;é, x\n007;\n", "separated by semicolons"),
        ("id\tnote\n1\té, x\n007\t\n", "separated by tabs"),
        ("sep=;\nid;note\n1;é, x\n007;\n", "separated by semicolons"),
        (COMMAS.encode("utf-16"), "read as UTF-16"),
        (codecs.BOM_UTF16_BE + COMMAS.encode("utf-16-be"), "read as UTF-16"),
        (codecs.BOM_UTF32_LE + COMMAS.encode("utf-32-le"), "read as UTF-32"),
        ("id\tnote\n1\té, x\n007\t\n".encode("utf-16"), "read as UTF-16, separated by tabs"),
        ("# made by x, y, z\n" + COMMAS, "1 comment line before the header passed over"),
        ("; a; b\n\n# c\n" + COMMAS, "2 comment lines before the header passed over"),
        (COMMAS + ",\n , \n\n", ""),
        ('id,note,,\n1,"é, x",,\n007,,,\n'.replace("note,,", "note"), ""),
    ],
)
def test_the_same_rows_however_they_are_written(tmp_path: Path, content: str | bytes, told: str) -> None:
    assert read(tmp_path, content) == (*PLAIN, told)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("cp1252", "Größe €"), ("latin-1", "Größe"), ("utf-16-le", "Größe"), ("mac-roman", "Größe")],
)
def test_other_encodings_are_read_when_they_are_named(tmp_path: Path, encoding: str, text: str) -> None:
    header, rows, told = read(tmp_path, f"id,note\n1,{text}\n".encode(encoding), encoding=encoding)
    assert (header, rows) == (["id", "note"], [["1", text]])
    assert told.startswith("read as ")


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("lines_before", [1, 2000])
def test_bytes_that_are_not_utf8_are_refused_with_line_bytes_and_remedy(
    tmp_path: Path, lines_before: int, line_end: str
) -> None:
    lines = ["id,note", *["1,ü"] * (lines_before - 1), ""]
    with pytest.raises(InputError) as caught:
        read(tmp_path, line_end.join(lines).encode() + b"2,Gr\xf6\xdfe")
    says = str(caught.value)
    assert f"list.csv line {lines_before + 1} holds the bytes 0xf6, which are not UTF-8" in says
    assert "save it as CSV UTF-8" in says
    assert "--encoding cp1252" in says


@pytest.mark.parametrize(
    ("content", "encoding", "says"),
    [
        (b"PK\x03\x04 and more", None, "is an Excel workbook"),
        (b"\xd0\xcf\x11\xe0 and more", None, "is an Excel workbook"),
        (b"PAR1 and more", None, "is parquet"),
        (b"\n<!doctype html><p>log in", None, "is a web page"),
        ("id,note\n".encode("utf-16-le"), None, "--encoding utf-16-le"),
        ("id,note\n".encode("utf-16-be"), None, "--encoding utf-16-be"),
        (codecs.BOM_UTF8 + b"id,note\n", "cp1252", "begins with the mark of UTF-8, not cp1252"),
        ("id,note\n1,Größe\n", "cp1252", "is UTF-8 with letters beyond ASCII, which CP1252 would garble"),
        ("id,note\n1,日本\n", "latin-1", "--encoding utf-8"),
        (gzip.compress(COMMAS.encode(), mtime=0)[:-12], None, "breaks off or is damaged"),
        ('id,note\n1,"x\n2,y\n', None, "line 2 cannot be read"),
        ('id,note\n1,y\n2,"x"y\n', None, "line 3 cannot be read"),
        ("#a,b\n#1,2\n3,4\n", None, "several lines that could be its header (lines 1 and 2"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_remedy(
    tmp_path: Path, content: str | bytes, encoding: str | None, says: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, content, encoding=encoding)
    assert says in str(caught.value)
    assert "list.csv" in str(caught.value)


@pytest.mark.parametrize("encoding", ["rot13", "hex", "no-such"])
def test_an_encoding_that_is_none(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(ConfigError, match="is no encoding of text"):
        read(tmp_path, COMMAS, encoding=encoding)


@pytest.mark.parametrize(
    ("content", "header"),
    [
        ("#priority,image\n1,a.png\n", ["#priority", "image"]),
        ("#priority;image\n#1;a.png\n", ["#priority", "image"]),
        ("# note\n#hid,image,x\n1,a.png,2\n", ["#hid", "image", "x"]),
        ("# one\n# two\ndiaSourceId\n1\n", ["diaSourceId"]),
        ("# by me, today\nexternal_id,location:1\n1,a.png\n", ["external_id", "location:1"]),
        ("# by me; you\n#x;y\ndiaSourceId;ra\n1;2\n", ["diaSourceId", "ra"]),
        ("a;b,c\n1;2,3\n4,5\n", ["a;b", "c"]),
        ("name;ra, deg\nx;1.0\n", ["name", "ra, deg"]),
        ("a,b,c\n1,2;3,4\n", ["a", "b", "c"]),
    ],
)
def test_which_line_is_the_header(tmp_path: Path, content: str, header: list[str]) -> None:
    assert read(tmp_path, content)[0] == header


@pytest.mark.parametrize(
    "content", ["id   note\n 1  x\n2\ty\n", "# id note\n1 x \n2   y\n", "#id note\n1 x\n2 y"]
)
@pytest.mark.parametrize("name", ["list.dat", "list.txt", "LIST.DAT.gz"])
def test_tables_separated_by_blanks(tmp_path: Path, name: str, content: str) -> None:
    packed = gzip.compress(content.encode()) if name.endswith("gz") else content
    header, rows, told = read(tmp_path, packed, name)
    assert [cell.lstrip("#") for cell in header] == ["id", "note"]
    assert rows == [["1", "x"], ["2", "y"]]
    assert "separated by blanks" in told
    assert len(read(tmp_path, "subject name\nx\n", "list.csv")[0]) == 1


def test_lines_are_counted_where_rows_begin(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text('# note\na,b\n1,"x\ny"\n\n2,z\n')
    with DelimitedText(tmp_path / "list.csv") as text:
        assert [(line.number, line.cells) for line in text.lines()] == [(3, ["1", "x\ny"]), (6, ["2", "z"])]


@pytest.mark.parametrize("cell", ["=1+2", "@SUM(A1)", "+cmd", "-x", "=HYPERLINK(1)", "\tx"])
def test_texts_that_spreadsheets_would_calculate_are_marked(cell: str) -> None:
    assert as_text_cell(cell) == f"'{cell}"
    assert without_mark(f"'{cell}") == cell


@pytest.mark.parametrize("cell", ["-5.25", "+5", "-1e-5", "5", "x=1", "'quoted", "", 5, None])
def test_other_cells_stay(cell: object) -> None:
    assert as_text_cell(cell) == cell
    assert cell is None or without_mark(str(cell)) == str(cell)
