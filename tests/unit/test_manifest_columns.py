"""Which columns of a manifest are images: by name, by the user's word or by all cells, never by the first."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoocut.errors import InputError
from zoocut.run.manifest import describe_manifest, read_manifest
from zoocut.run.manifest_columns import ManifestFormat

Row = tuple[str, tuple[str, ...], dict[str, str]]


def read(folder: Path, text: str, *images: str, name: str = "manifest.csv") -> list[Row]:
    (folder / name).write_text(text)
    rows = read_manifest(folder / name, ManifestFormat(images))
    return [(row.external_id, row.locations, dict(row.metadata)) for row in rows]


def refusal(folder: Path, text: str, *images: str) -> str:
    with pytest.raises(InputError) as caught:
        read(folder, text, *images)
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "id,first,second\n1,a.png,\n2,b.png,c.png\n",
        "id,first,second\n2,b.png,c.png\n1,a.png,\n",
        "id;first;second\n,,\n2;b.png;c.png\n1;a.png;\n;;\n".replace(",,\n", ""),
    ],
)
def test_a_blank_first_image_decides_nothing(tmp_path: Path, text: str) -> None:
    rows = {row[2]["id"]: row[1] for row in read(tmp_path, text)}
    assert rows == {"1": ("a.png",), "2": ("b.png", "c.png")}


@pytest.mark.parametrize(
    "medium", ["a.PNG", "deep/er/a.jpeg", "a b.gif", r"sub\a.jpg", "clip.mp4", "talk.mp3", "t.txt"]
)
def test_a_column_of_relative_paths_is_images_whether_the_files_are_there_or_not(
    tmp_path: Path, medium: str
) -> None:
    assert read(tmp_path, f"site,file\n,gone.png\nx,{medium}\n") == [
        ("gone.png", ("gone.png",), {"file": "gone.png"}),
        (medium, (medium,), {"site": "x", "file": medium}),
    ]


@pytest.mark.parametrize("other", ["nothing", "http://host/b.png", "/data/b.png", r"C:\b.png", "b.fits"])
def test_a_mixed_column_is_refused_and_the_option_named(tmp_path: Path, other: str) -> None:
    for cells in (("README.txt", other), (other, "README.txt")):
        text = "image,notes\n" + "".join(f"{n}.png,{cell}\n" for n, cell in enumerate(cells))
        says = refusal(tmp_path, text)
        assert "column notes names a file" in says
        assert other in says
        assert says.endswith("--images image")
        assert read(tmp_path, text, "image")[1] == (
            "1.png",
            ("1.png",),
            {"image": "1.png", "notes": cells[1]},
        )


@pytest.mark.parametrize("link", ["http://host/b.png", "https://host/page", "HTTPS://host/x.jpg"])
def test_addresses_are_images_only_where_that_is_said(tmp_path: Path, link: str) -> None:
    rows = read(tmp_path, f"image,link\na.png,{link}\n")
    assert rows == [("a.png", ("a.png",), {"image": "a.png", "link": link})]
    assert "--images link" in refusal(tmp_path, f"name,link\nx,{link}\n")
    assert read(tmp_path, f"name,link\nx,{link}\n", "link")[0][1] == (link,)
    assert read(tmp_path, f"external_id,location:1\nx,{link}\n")[0][1] == (link,)
    assert read(tmp_path, f"name,link\nx,{link}\n", name="manifest-urls.csv")[0][1] == (link,)


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        (r"C:\data\a.png", "is an absolute path: put the images beside the manifest"),
        ("/data/a.png", "is an absolute path"),
        ("~/a.png", "is an absolute path"),
        ("'a.png'", "take the quotation marks off"),
        ("a.fits", "a column whose cells all name image files"),
    ],
)
def test_what_looks_like_an_image_and_is_none_is_named(tmp_path: Path, cell: str, says: str) -> None:
    assert says in refusal(tmp_path, f"image,site\n{cell},x\n")


def test_images_as_the_user_says_in_that_order(tmp_path: Path) -> None:
    text = "b,a,thumb\n2.png,1.png,t.png\n"
    assert read(tmp_path, text, "a", "b")[0][1] == ("1.png", "2.png")
    assert "no column c, which --images names" in refusal(tmp_path, text, "c")
    assert "leave --images out" in refusal(tmp_path, "external_id,location:1\n1,a.png\n", "location:1")


def test_columns_without_a_prefix_are_metadata(tmp_path: Path) -> None:
    header = "external_id,location:1,diaSourceId,#priority,metadata: snr,metadata:# hid"
    text = f"{header}\n1,a.png,170059034123456789,1,5,6\n"
    metadata = {"diaSourceId": "170059034123456789", "#priority": "1", "snr": "5", "#hid": "6"}
    assert read(tmp_path, text) == [("1", ("a.png",), metadata)]
    assert describe_manifest(tmp_path / "manifest.csv").endswith(
        "taken as metadata without their prefix: diaSourceId, #priority"
    )


@pytest.mark.parametrize(
    "name",
    [
        "External_ID",
        "external id",
        "x location:2",
        "x|location:2",
        "location :2",
        "Metadata:x",
        "metadata_x",
        "metadata x",
        "metadata:",
        "Location:2",
        "location:0",
        "location2",
        "location:b",
    ],
)
def test_a_misspelt_column_is_refused_by_name(tmp_path: Path, name: str) -> None:
    assert f"a column {name!r}, which is neither" in refusal(
        tmp_path, f"external_id,location:1,{name}\n1,a.png,x\n"
    )


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("location:1,location:3", "but no location:2"),
        ("location:2,location:3", "but no location:1"),
        ("location:1,location:1", "several columns named location:1"),
        ("location:1,metadata:snr,snr", "several columns named snr"),
        ("location:1,snr,snr", "several columns named snr"),
        ("image,image", "several columns named image"),
    ],
)
def test_repeated_columns_and_gaps_are_refused_by_name(tmp_path: Path, header: str, says: str) -> None:
    cells = ",".join("a.png" for _ in header.split(","))
    assert says in refusal(tmp_path, f"external_id,{header}\n1,{cells}\n")


def test_a_column_without_a_name_is_refused_when_it_holds_something(tmp_path: Path) -> None:
    assert read(tmp_path, "external_id,location:1,\n1,a.png,\n") == [("1", ("a.png",), {})]
    for text in ("external_id,location:1,\n1,a.png,x\n", ",image\n0,a.png\n", "image,,site\na.png,5,x\n"):
        assert "which has no name: name it in the first line, or delete it" in refusal(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("external_id,location:1,location:2\n1,,b.png\n", "location:1 is empty where location:2 names b.png"),
        ("external_id,location:2,location:1\n1,b.png,\n", "location:1 is empty where location:2 names b.png"),
        ("id,one,two\n1,,b.png\n2,a.png,c.png\n", "one is empty where two names b.png"),
        ("external_id,location:1,location:2\n1,a.png,\n", None),
    ],
)
def test_an_image_missing_before_another_is_told(tmp_path: Path, text: str, says: str | None) -> None:
    (tmp_path / "manifest.csv").write_text(text)
    problem = next(read_manifest(tmp_path / "manifest.csv")).problem
    assert problem is None if says is None else says in str(problem)


@pytest.mark.parametrize(
    "text",
    [
        "a.png\nb.png\n",
        "a.png,x\nb.png,y\n",
        "x,http://host/a.png\ny,http://host/b.png\n",
        "sub\\a.jpg\nb.jpg\n",
    ],
)
def test_a_manifest_without_names_is_refused(tmp_path: Path, text: str) -> None:
    for images in ((), ("x",)):
        assert "where the names of its columns should be" in refusal(tmp_path, text, *images)


@pytest.mark.parametrize("rows", ["a.png,x\nb.png\n", "a.png,x\nb.png,y,z\n", "a.png,x\n\0\0\0\n"])
def test_a_line_of_another_width_is_refused_by_number(tmp_path: Path, rows: str) -> None:
    assert "line 3 has " in refusal(tmp_path, f"image,n\n{rows}")


@pytest.mark.parametrize(
    ("name", "known_by"), [("id", "image"), ("#diaSourceId", "#diaSourceId"), ("external_id", "external_id")]
)
def test_it_is_told_what_rows_are_known_by(tmp_path: Path, name: str, known_by: str) -> None:
    (tmp_path / "manifest.csv").write_text(f"{name},image\n5,a.png\n")
    assert describe_manifest(tmp_path / "manifest.csv").endswith(f"rows are known by {known_by}")


def test_rows_that_are_empty_are_no_rows(tmp_path: Path) -> None:
    assert len(read(tmp_path, "external_id,location:1,metadata:a\n1,a.png,x\n,,\n , ,\n\n")) == 1
    assert read(tmp_path, "external_id,location:1\n") == []
