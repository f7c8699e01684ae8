"""Originals are linked where a browser can open them."""

import pytest

from dedup_assets.engine.gallery.pages.links import Links, link_original


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("/a b/ü#?.jpg".encode(), "file:///a%20b/%C3%BC%23%3F.jpg"),
        (b"/latin\xe9.jpg", "file:///latin%E9.jpg"),
        (b"https://host/a b.jpg?x=1", "https://host/a%20b.jpg?x=1"),
        (b"HTTP://host/<script>\n", "HTTP://host/%3Cscript%3E%0A"),
    ],
)
def test_local_files_and_web_addresses_are_linked(name: bytes, address: str) -> None:
    assert link_original(name) == address


@pytest.mark.parametrize(
    "name",
    [
        b"s3://bucket/a.jpg",
        b"javascript:alert(1)",
        b"data:text/html,x",
        b" javascript:alert(1)",
        b"relative/a.jpg",
        b"http:",
        b"",
    ],
)
def test_other_names_are_not_linked(name: bytes) -> None:
    assert link_original(name) is None


@pytest.mark.parametrize("name", [b"https://me:pw@host/a.jpg", b"https://host/a b.jpg?token=5"])
def test_a_url_with_credentials_is_not_linked(name: bytes) -> None:
    assert link_original(name) is None


def test_a_moment_of_a_video_is_part_of_its_address() -> None:
    assert link_original(b"/v/a b.mp4#t=00:00:01.000") == "file:///v/a%20b.mp4#t=00:00:01.000"


def test_slashes_in_front_name_no_host() -> None:
    assert link_original(b"//host/share/a.jpg") == "file:///host/share/a.jpg"


def test_what_lies_beside_the_results_is_linked_relatively() -> None:
    links = Links.of_gallery("/home/me/results/gallery", 2)
    assert links.link(b"/home/me/photos/a #1.jpg") == "../../photos/a%20%231.jpg"
    assert links.link(b"/home/me/clip.mp4#t=00:00:01.000") == "../../clip.mp4#t=00:00:01.000"
    assert links.link(b"/home/medium/a.jpg") == "file:///home/medium/a.jpg"
    assert links.link(b"https://host/a.jpg") == "https://host/a.jpg"


@pytest.mark.parametrize("gallery", ["/results/gallery", "s3://bucket/results/gallery", "C:/results/gallery"])
def test_nothing_is_relative_to_the_root_or_to_a_store(gallery: str) -> None:
    assert Links.of_gallery(gallery, 2).link(b"/results/a.jpg") == "file:///results/a.jpg"
