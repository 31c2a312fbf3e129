"""The microblog under those who mean no good: boundless and slow requests, hostile forms."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import time
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio

from tests.support import microblog
from tests.support.eventually import eventually
from tests.support.microblog import ADMINISTRATOR, NETLOC, PASSWORD, PNG, URL
from tests.support.microblog_peer import connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.embedded.servers.seaweedfs import SeaweedServer
    from tests.support.microblog import Blog

pytestmark = pytest.mark.asyncio(loop_scope="module")
SHORT: dict[str, object] = {
    "server.HEAD_SECONDS": 0.5,
    "server.MOST_SILENT": 16,
    "forms.SECONDS": 1.0,
    "outgoing.SECONDS": 1.0,
}
SCRIPT = '"><script>alert(1)</script>'


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="blog")
async def running_blog(object_store: SeaweedServer) -> AsyncIterator[Blog]:
    async with microblog.running(object_store.access, egress=None, limits=SHORT) as blog:
        yield blog


@pytest.mark.parametrize("kind", ["chunked", "length"])
async def test_a_body_that_is_too_large_is_refused(blog: Blog, kind: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield bytes(64 << 10)

    for method, path, fields in (
        ("POST", "/inbox", {}),
        ("POST", "/sign-in", {"origin": URL}),
        ("PUT", "/api/avatar", ADMINISTRATOR),
    ):
        # The rest of what it sends is not read for long, so that the answer may not be either.
        large = chunks() if kind == "chunked" else io.BytesIO(bytes(4 << 20))
        with contextlib.suppress(aiohttp.ClientError):
            answer = await blog.ask(method, path, fields=fields, data=large)
            assert answer.status == 413
    assert (await blog.ask("GET", "/")).status == 200


async def test_a_compressed_body_is_not_unpacked(blog: Blog) -> None:
    bomb = gzip.compress(bytes(50 << 20))

    answer = await blog.ask("POST", "/inbox", fields={"content-encoding": "gzip"}, data=bomb)

    assert answer.status == 415


async def test_a_picture_that_is_too_large_is_refused(blog: Blog) -> None:
    form = aiohttp.FormData()
    form.add_field("text", "Large")
    form.add_field("picture", io.BytesIO(PNG + bytes(1 << 20)), filename="a.png")

    answer = await blog.call("POST", "/api/posts", data=form)

    assert answer.status == 422
    assert "at most" in answer.text


async def test_a_body_that_drips_is_hung_up_on(blog: Blog) -> None:
    began = time.monotonic()
    async with connected("127.0.0.1", blog.port) as (reader, writer):
        writer.write(b"POST /inbox HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{")
        answer = await asyncio.wait_for(reader.readline(), 10)

    assert b" 408 " in answer
    assert time.monotonic() - began < 5


async def test_a_head_that_drips_is_hung_up_on(blog: Blog) -> None:
    async with connected("127.0.0.1", blog.port) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n")

        # The end of the connection, in one way or another.
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 10) == b""


async def test_visitors_who_drip_bodies_keep_no_reader_out(blog: Blog) -> None:
    head = b"POST /inbox HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n"
    async with contextlib.AsyncExitStack() as dripping:
        for _ in range(64):
            _, writer = await dripping.enter_async_context(connected("127.0.0.1", blog.port))
            writer.write(head)

        assert (await blog.ask("GET", "/")).status == 200
        assert (await blog.ask("GET", "/healthz")).status == 200


async def test_what_no_database_can_hold_is_no_error_of_ours(blog: Blog) -> None:
    browser = {"cookie": "session=%00", "authorization": "Basic AAAA"}
    for path in ("/?before=%00", "/?before=%ed%a0%80", "/.well-known/webfinger?resource=%00"):
        assert (await blog.ask("GET", path, fields=browser)).status in (200, 404)
    for text in ("a\0b", "\ud800"):
        sent = await blog.call("POST", "/api/posts", json={"text": text})
        assert sent.status == 422


async def test_visitors_who_say_nothing_keep_nobody_out(blog: Blog) -> None:
    async with contextlib.AsyncExitStack() as silent:
        for _ in range(64):
            await silent.enter_async_context(connected("127.0.0.1", blog.port))

        assert (await blog.ask("GET", "/")).status == 200


async def test_what_is_written_is_text_everywhere(blog: Blog) -> None:
    post = await blog.publish(f"{SCRIPT} {{title}} %s")
    browser = await blog.sign_in()
    await blog.call("POST", "/api/drafts", json={"text": SCRIPT})

    for path in ("/", post["url"].removeprefix(URL)):
        for fields in ({}, browser):
            page = await blog.ask("GET", path, fields=fields)
            assert "<script" not in page.text
            assert "&lt;script&gt;" in page.text
            assert page.fields["content-security-policy"].startswith("default-src 'none'")
            assert page.fields["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "text", ["'; drop table posts; --", "$1", "\\'); delete from posts; --", "%(text)s"]
)
async def test_what_is_written_is_never_sql(blog: Blog, text: str) -> None:
    post = await blog.publish(text)

    assert post["text"] == text
    for path in (f"/?before={text}", f"/posts/{text}", f"/.well-known/webfinger?resource={text}"):
        assert (await blog.ask("GET", path)).status in (200, 404)
    assert (await blog.status())["posts"] > 0


@pytest.mark.parametrize(
    "path",
    [
        *("/avatars/../postgres/PG_VERSION", "/avatars/..%2fpostgres%2fPG_VERSION"),
        *("/avatars/%2e%2e/%2e%2e/secrets/actor-key", "/avatars//etc/passwd", "/avatars/"),
        *("/avatars/....//secrets", "/avatars/" + "a" * 32, "/avatars/" + "a" * 32 + ".png%00"),
        *("/posts/..%2f..", "/posts/" + "a" * 16 + "/../../actor-key", "//evil.example/"),
    ],
)
async def test_no_path_leads_out_of_a_folder(blog: Blog, path: str) -> None:
    async with connected("127.0.0.1", blog.port) as (reader, writer):
        writer.write(f"GET {path} HTTP/1.1\r\nhost: {NETLOC}\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.read(), 10)

    assert answer.split(b" ")[1] in (b"404", b"400")
    assert b"location" not in answer.lower()


@pytest.mark.parametrize(
    "fields",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://media-blog.garden.localhost:18080"},
        {"origin": "http://blog.garden.localhost"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_forms_of_other_sites_are_refused(blog: Blog, fields: dict[str, str]) -> None:
    cookie = {"cookie": (await blog.sign_in())["cookie"]}
    before = (await blog.status())["posts"]

    for path in ("/posts", "/avatar", "/sign-out", "/sign-in"):
        sent = await blog.ask("POST", path, fields={**cookie, **fields}, data={"text": "x"})
        assert sent.status == 403
    api = await blog.ask(
        "POST", "/api/posts", fields={**ADMINISTRATOR, **fields}, json={"text": "x"}
    )
    assert api.status == 403

    assert (await blog.status())["posts"] == before
    assert "Sign out" in (await blog.ask("GET", "/", fields=cookie)).text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("POST", "/api/posts"), ("GET", "/api/posts")),
        *(("POST", "/api/drafts"), ("GET", "/api/drafts"), ("PUT", "/api/avatar")),
        *(("GET", "/api/status"), ("POST", "/posts"), ("POST", "/avatar")),
    ],
)
async def test_nothing_is_for_everybody_that_is_for_the_administrator(
    blog: Blog, method: str, path: str
) -> None:
    source = {"x-forwarded-for": f"192.0.2.{abs(hash((method, path))) % 250}"}
    for fields in (
        {},
        {"authorization": "Basic YWRtaW46d3Jvbmc="},
        {"authorization": "Basic %%%"},
        {"authorization": "Bearer x"},
        {"cookie": "session=x"},
        {"cookie": "session=' or true --"},
    ):
        answer = await blog.ask(method, path, fields={**source, **fields}, json={"text": "x"})
        assert answer.status in (401, 403)


async def test_whoever_guesses_passwords_is_slowed_down(blog: Blog) -> None:
    source = {"x-forwarded-for": "203.0.113.9", "origin": URL}
    guess = {"user": "admin", "password": "guess"}

    statuses = [
        (await blog.ask("POST", "/sign-in", fields=source, data=guess)).status for _ in range(12)
    ]

    assert statuses == [401] * 10 + [429] * 2
    await blog.sign_in()


async def test_the_right_password_is_taken_again_after_some_seconds(blog: Blog) -> None:
    source = {"x-forwarded-for": "203.0.113.10", "origin": URL}
    right = {"user": "admin", "password": PASSWORD}
    for _ in range(10):
        await blog.ask("POST", "/sign-in", fields=source, data={"user": "admin", "password": "x"})
    assert (await blog.ask("POST", "/sign-in", fields=source, data=right)).status == 429

    async def is_taken() -> bool:
        return (await blog.ask("POST", "/sign-in", fields=source, data=right)).status == 303

    await eventually(is_taken, within=10, poll=0.2)


async def test_nobody_is_led_away(blog: Blog) -> None:
    for path in ("/sign-in?next=http://evil.example", "/?next=//evil.example"):
        assert "evil.example" not in (await blog.ask("GET", path)).text
    browser = await blog.sign_in()
    answer = await blog.ask(
        "POST", "/posts?next=http://evil.example", fields=browser, data={"text": "x"}
    )
    assert answer.fields["location"] == "/"
