"""Which addresses of images Zooniverse's import and volunteers' browsers take."""

from __future__ import annotations

import pytest

from zoocut.addresses import form_problem, is_loopback

SITE = "https://www.zooniverse.org"


@pytest.mark.parametrize(
    "address",
    [
        "https://images.example.org/night/1.png",
        "https://images.example.org:8443/a%20b/1.jpg",
        "HTTPS://images.example.org/1.gif",
        "https://1.1.1.1/1.svg",
        "https://[2606:4700:4700::1111]/1.mp4",
        "https://images.example.org/plot.json",
        "https://bucket.s3.eu-central-1.amazonaws.com/night/1.jpeg",
        "https://127.example.org/1.png",
    ],
)
def test_addresses_that_are_taken(address: str) -> None:
    assert form_problem(address, SITE) is None


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://images.example.org/1.png", "is http, which browsers do not load"),
        ("HTTP://images.example.org/1.png", "serve the images by https"),
        ("https://127.0.0.1/1.png", "is on this machine"),
        ("https://127.1.2.3:8000/1.png", "publish it first"),
        ("https://LocalHost/1.png", "is on this machine"),
        ("https://[::1]/1.png", "is on this machine"),
        ("https://10.0.0.7/1.png", "is in a local network"),
        ("https://192.168.1.2/1.png", "from a host that everybody reaches"),
        ("https://[fd00::7]/1.png", "is in a local network"),
        ("https://0.0.0.0/1.png", "is in a local network"),
        ("https://nas/1.png", "is in a local network"),
        ("https://127.1/1.png", "is in a local network"),
        ("https://2130706433/1.png", "is in a local network"),
        ("https://telescope.local/1.png", "is in a local network"),
        ("https://store.internal./1.png", "is in a local network"),
    ],
)
def test_addresses_that_volunteers_do_not_reach(address: str, told: str) -> None:
    problem = form_problem(address, SITE)
    assert problem is not None
    assert told in problem
    assert form_problem(address, "http://127.0.0.1:8642") is None  # a rehearsal on this machine


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://h.org/1.png?x=1", "has a query string"),
        ("https://h.org/1.png?", "has a query string"),
        ("https://h.org/1.png#", "has a query string"),
        ("https://h.org/1.PNG", "ends in .PNG"),
        ("https://h.org/1.Jpg", "in small letters"),
        ("https://h.org/1.webp", "ends in .webp"),
        ("https://h.org/1.tif", "ends in .tif"),
        ("https://h.org/1.png/", "ends in no extension"),
        ("https://h.org/png", "ends in no extension"),
        ("https://h.org/a b.png", "write it as %20"),
        ("https://h.org/b\u00e4nd.png", "holds what no address may"),
        (" https://h.org/1.png", "holds what no address may"),
        ("https://h.org/1.png\n", "holds what no address may"),
        ("https://h.org/a|b.png", "holds what no address may"),
        ("https://h.org/100%.png", "a lone %"),
        ("https://h.org/%zz.png", "holds what no address may"),
        ("https://h.org/1%00.png", "holds what no address may"),
        ("https://h.org/a/../1.png", "such as a lone % or /../"),
        ("https://h.org/./1.png", "holds what no address may"),
        ("https://h..org/1.png", "is no web address"),
        ("https://.h.org/1.png", "is no web address"),
        ("https://h.org/1%2Epng", "ends in no extension"),
        ("ftp://h.org/1.png", "is no web address"),
        ("https:///1.png", "is no web address"),
        ("https://h.org:port/1.png", "is no web address"),
        ("https://[::1/1.png", "is no web address"),
        ("images/1.png", "set manifest.url_root and generate the run again"),
    ],
)
def test_addresses_that_no_server_takes(address: str, told: str) -> None:
    for endpoint in ("", SITE, "http://127.0.0.1:8642"):
        problem = form_problem(address, endpoint)
        assert problem is not None
        assert told in problem


def test_a_password_in_an_address_is_not_shown() -> None:
    problem = form_problem("https://me:secret@h.org/1.png")
    assert problem is not None
    assert "secret" not in problem
    assert "https://...@h.org/1.png holds a name or a password" in problem


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("http://127.0.0.1:1", True),
        ("http://localhost/x", True),
        ("http://[::1]:5/", True),
        ("http://127.example.org", False),
        ("http://localhost.example.org", False),
        ("https://www.zooniverse.org", False),
    ],
)
def test_what_only_this_machine_reaches(address: str, here: bool) -> None:
    assert is_loopback(address) is here
