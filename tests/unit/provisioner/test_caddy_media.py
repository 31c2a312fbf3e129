"""What the edge is told about media: where the store is, and which paths name an object."""

from __future__ import annotations

import json
import posixpath
import re
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.provisioner.adapters import caddy_media
from services.provisioner.domain import Media

PATHS = re.compile(caddy_media.PATHS)
PIECES = ("..", ".", "/", "//", "%2e", "%2F", "%5c", "%00", "%25", "%3F", "?", "a", "b.png", "%C3")


@pytest.mark.parametrize(
    ("url", "dial"),
    [
        ("http://127.0.0.1:8333/fdv-x-blog-media", "127.0.0.1:8333"),
        ("http://store.example/fdv-x-blog-media", "store.example:80"),
        ("https://store.example/fdv-x-blog-media", "store.example:443"),
        ("https://store.example:9000/objects/fdv-x-blog-media", "store.example:9000"),
        ("http://[fd00::1]:8333/fdv-x-blog-media", "[fd00::1]:8333"),
    ],
)
def test_what_the_edge_was_told_is_read_back(url: str, dial: str) -> None:
    told = json.loads(json.dumps(caddy_media.handlers(Media(url=url))))

    assert caddy_media.read(told[-1]) == Media(url=url)
    assert told[-1]["routes"][-1]["handle"][-1]["upstreams"] == [{"dial": dial}]


@pytest.mark.parametrize(
    ("scheme", "transport"),
    [
        ("http", {"protocol": "http"}),
        ("https", {"protocol": "http", "tls": {"server_name": "store.example"}}),
    ],
)
def test_a_store_with_https_has_to_prove_its_name(
    scheme: str, transport: dict[str, object]
) -> None:
    [_, told] = caddy_media.handlers(Media(url=f"{scheme}://store.example/bucket"))

    assert told["routes"][-1]["handle"][-1]["transport"] == transport


@pytest.mark.parametrize(
    "path",
    [
        "/garden.png",
        "/2026/11/garden%20of%20eden.png",
        "/2026/garden.png?width=100",
        "/.hidden",
        "/...",
        "/a..b",
        "/..a/b..",
        "/%C3%A4.png",
        "/100%25.png",
        "/why%3F.png",
        "/[x].png",
    ],
)
def test_a_path_that_names_an_object_is_passed_on(path: str) -> None:
    assert PATHS.fullmatch(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "*",
        "/",
        "/?list-type=2",
        "/folder/",
        "//garden.png",
        "/a//b.png",
        "/./a",
        "/a/.",
        "/../other/a",
        "/a/../../other/a",
        "/a/..",
        "/%2e%2e/other/a",
        "/.%2E/other/a",
        "/..%2fother%2fa",
        "/a%2Fb",
        "/..%5cother",
        "/..\\other",
        "/a%00",
        "/a%0d%0ab",
        "/a%7F",
        "garden.png",
        "other/garden.png",
    ],
)
def test_a_path_that_could_leave_the_bucket_or_name_a_folder_is_not(path: str) -> None:
    assert not PATHS.fullmatch(path)


@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_whatever_is_passed_on_stays_in_the_bucket(rest: str) -> None:
    path = f"/{rest}"
    if PATHS.fullmatch(path):
        plain = unquote(path.partition("?")[0], errors="surrogateescape")
        assert posixpath.normpath(f"/bucket{plain}") == f"/bucket{plain}"
        assert "\\" not in plain


@given(
    st.lists(
        st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/\\"))
        .filter(lambda it: it.strip("."))
        # The dot alone is never encoded by those who write keys into addresses.
        .map(lambda it: quote(it, safe="")),
        min_size=1,
    )
)
def test_every_key_that_an_application_would_write_can_be_read(segments: list[str]) -> None:
    assert PATHS.fullmatch("/" + "/".join(segments))
