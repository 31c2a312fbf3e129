"""The code of the application hello, without a machine: messages, pages, languages."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.modules import imported
from tests.support.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

CODE = ROOT / "nix/applications/hello/standalone"
NAMES = ("messages", "signing", "store", "book", "languages", "server", "pages")
OPTIONS: dict[str, Any] = {
    "title": "A <b>garden</b>",
    "colour": "#112233",
    "languages": ["en", "de"],
    "visitors_book": True,
}


@pytest.fixture(scope="module", autouse=True)
def hello() -> Iterator[dict[str, Any]]:
    """Import the application's modules as it does itself: by their bare names."""
    with imported(CODE, NAMES) as found:
        yield found


class Bucket:
    """A bucket in memory, which can be away."""

    def __init__(self, away: type[Exception] | None = None) -> None:
        self.objects: dict[str, bytes] = {}
        self.away = away

    def put(self, name: str, body: bytes) -> None:
        self._reach()
        self.objects[name] = body

    def get(self, name: str) -> bytes:
        self._reach()
        return self.objects[name]

    def first(self, prefix: str, count: int) -> list[str]:
        self._reach()
        return sorted(it for it in self.objects if it.startswith(prefix))[:count]

    def _reach(self) -> None:
        if self.away:
            raise self.away("the object store does not answer")


def asked(
    hello: dict[str, Any],
    bucket: Bucket,
    line: str,
    body: bytes = b"",
    **fields: str,
) -> Any:  # noqa: ANN401 - the application's own class
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    request = hello["server"].Request(hello["messages"].Message(line, named, body))
    site = hello["pages"].Site(OPTIONS, hello["book"].VisitorsBook(bucket))
    return site.answer(request)


def test_what_visitors_write_is_text_and_nothing_else(hello: dict[str, Any]) -> None:
    bucket = Bucket()
    attack = '"><script>alert(1)</script>'
    answer = asked(
        hello,
        bucket,
        "POST /book HTTP/1.1",
        json.dumps({"name": attack, "text": attack}).encode(),
        content_type="application/json",
    )
    assert answer.status == 201

    page = asked(hello, bucket, "GET / HTTP/1.1").body.decode()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "A &lt;b&gt;garden&lt;/b&gt;" in page


def test_every_answer_forbids_what_it_does_not_need(hello: dict[str, Any]) -> None:
    for line in ("GET / HTTP/1.1", "GET /nowhere HTTP/1.1", "GET /style.css HTTP/1.1"):
        fields = asked(hello, Bucket(), line).fields
        assert fields["content-security-policy"].startswith("default-src 'none'")
        assert fields["x-content-type-options"] == "nosniff"


def test_the_newest_entry_comes_first(
    hello: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = Bucket()
    book = hello["book"].VisitorsBook(bucket)
    for second, name in enumerate(("first", "second", "third")):
        monkeypatch.setattr(hello["book"].time, "time", lambda at=second: 1_800_000_000.0 + at)
        book.sign(name, "was here")

    assert [it["name"] for it in book.entries()] == ["third", "second", "first"]


@pytest.mark.parametrize(
    ("name", "text"), [("", "x"), ("x", ""), ("  ", "x"), ("n" * 61, "x"), ("x", "t" * 501)]
)
def test_entries_that_are_empty_or_too_long_are_refused(
    hello: dict[str, Any], name: str, text: str
) -> None:
    body = json.dumps({"name": name, "text": text}).encode()
    bucket = Bucket()

    answer = asked(hello, bucket, "POST /book HTTP/1.1", body, content_type="application/json")

    assert answer.status == 422
    assert bucket.objects == {}


def test_forms_of_other_sites_are_refused(hello: dict[str, Any]) -> None:
    bucket = Bucket()
    body, kind = b"name=Ada&text=Hi", "application/x-www-form-urlencoded"

    refused = asked(
        hello, bucket, "POST /book HTTP/1.1", body, content_type=kind, sec_fetch_site="cross-site"
    )
    taken = asked(
        hello, bucket, "POST /book HTTP/1.1", body, content_type=kind, sec_fetch_site="same-origin"
    )

    assert (refused.status, taken.status) == (403, 303)
    assert len(bucket.objects) == 1


def test_a_store_that_is_away_makes_the_site_sick_but_not_dumb(hello: dict[str, Any]) -> None:
    bucket = Bucket(away=hello["store"].StoreError)

    assert asked(hello, bucket, "GET /healthz HTTP/1.1").status == 503
    assert asked(hello, bucket, "GET /book.json HTTP/1.1").status == 503
    page = asked(hello, bucket, "GET / HTTP/1.1")
    assert page.status == 200
    assert "cannot be read at the moment" in page.body.decode()


def test_without_a_book_there_is_no_form_and_nothing_to_be_sick_of(hello: dict[str, Any]) -> None:
    site = hello["pages"].Site(OPTIONS, hello["book"].ClosedBook())
    request = hello["server"].Request(hello["messages"].Message("GET / HTTP/1.1", {}, b""))
    health = hello["server"].Request(hello["messages"].Message("GET /healthz HTTP/1.1", {}, b""))

    assert "<form" not in site.answer(request).body.decode()
    assert site.answer(health).status == 200


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ("", "en"),
        ("de-DE,de;q=0.9,en;q=0.5", "de"),
        ("fr, de;q=0.3", "de"),
        ("en;q=0.1, de;q=0.2", "de"),
        ("nl", "en"),
        ("de;q=0, en;q=0.1", "en"),
        ("de;q=nonsense", "en"),
    ],
)
def test_the_language_is_the_one_a_browser_prefers(
    hello: dict[str, Any], wishes: str, expected: str
) -> None:
    assert hello["languages"].chosen(["en", "de"], wishes) == expected


def test_every_language_that_can_be_chosen_is_spoken(hello: dict[str, Any]) -> None:
    schema = json.loads((CODE.parent / "options.schema.json").read_text())
    offered = [it["const"] for it in schema["properties"]["languages"]["items"]["oneOf"]]

    texts = hello["languages"].TEXTS
    assert sorted(texts) == sorted(offered)
    assert len({tuple(it) for it in texts.values()}) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 100 + b"\r\n",
        b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nshort",
        b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 99999\r\n\r\n" + b"x" * 99999,
    ],
)
def test_a_malformed_or_boundless_message_is_refused(hello: dict[str, Any], raw: bytes) -> None:
    with pytest.raises(hello["messages"].BadMessageError):
        hello["messages"].read(io.BytesIO(raw), 8192)


@given(
    st.dictionaries(st.text("abcdef-", min_size=1, max_size=10), st.text("ghi 123", max_size=20)),
    st.binary(max_size=200),
)
def test_a_written_message_is_read_back(fields: dict[str, str], body: bytes) -> None:
    messages = sys.modules["messages"]
    buffer = io.BytesIO()
    messages.write(buffer, "HTTP/1.1 200 OK", {**fields, "content-length": str(len(body))}, body)
    buffer.seek(0)

    found = messages.read(buffer, 8192)

    assert found.body == body
    assert {name: found.fields[name] for name in fields} == {
        name: value.strip() for name, value in fields.items()
    }


def test_a_colour_that_is_none_never_reaches_the_style(hello: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a colour"):
        hello["pages"].Site({**OPTIONS, "colour": "red;}"}, hello["book"].ClosedBook())


@pytest.mark.parametrize("body", [rb'{"name": "x", "text": "\ud800"}', b"[" * 8000])
def test_what_is_not_text_is_refused_and_the_page_stays(hello: dict[str, Any], body: bytes) -> None:
    bucket = Bucket()

    answer = asked(hello, bucket, "POST /book HTTP/1.1", body, content_type="application/json")

    assert answer.status == 422
    assert asked(hello, bucket, "GET / HTTP/1.1").status == 200


def test_an_entry_that_somebody_else_wrote_cannot_break_the_page(hello: dict[str, Any]) -> None:
    bucket = Bucket()
    entry = rb'{"name": "x", "text": "\ud800", "at": "now"}'
    bucket.objects["entries/1.json"] = entry

    assert asked(hello, bucket, "GET / HTTP/1.1").status == 200
