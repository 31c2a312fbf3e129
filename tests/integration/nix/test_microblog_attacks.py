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
from tests.support.microblog import ADMINISTRATOR, BROWSER, NETLOC, PNG, URL
from tests.support.microblog_peer import connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.embedded.servers.seaweedfs import SeaweedServer
    from tests.support.microblog import Blog

pytestmark = pytest.mark.asyncio(loop_scope="module")
SHORT: dict[str, object] = {"microblog.HANDLING_SECONDS": 2.0, "forms.SECONDS": 0.5}
SCRIPT = '"><script>alert(1)</script>'
HEAD = b"POST /inbox HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="blog")
async def running_blog(object_store: SeaweedServer) -> AsyncIterator[Blog]:
    async with microblog.running(object_store.access, egress=None, limits=SHORT) as blog:
        yield blog


@pytest.mark.parametrize("kind", ["chunked", "length"])
async def test_a_body_that_is_too_large_is_refused(blog: Blog, kind: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield bytes(64 << 10)

    for method, path in (("POST", "/inbox"), ("POST", "/api/posts"), ("PUT", "/api/avatar")):
        # The rest of what it sends is not read for long, so that the answer may not be either.
        large = chunks() if kind == "chunked" else io.BytesIO(bytes(4 << 20))
        with contextlib.suppress(aiohttp.ClientError):
            answer = await blog.ask(method, path, fields=ADMINISTRATOR, data=large)
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


async def test_whoever_drips_is_hung_up_on_and_keeps_no_reader_out(blog: Blog) -> None:
    began = time.monotonic()
    async with contextlib.AsyncExitStack() as dripping:
        bodies = [
            await dripping.enter_async_context(connected("127.0.0.1", blog.port)) for _ in range(64)
        ]
        for _, writer in bodies:
            writer.write(HEAD)

        assert (await blog.ask("GET", "/")).status == 200
        answers = [await asyncio.wait_for(it.readline(), 30) for it, _ in bodies]

    assert {it.split(b" ")[1] for it in answers} == {b"408", b"503"}
    assert time.monotonic() - began < 30


async def test_whoever_does_not_read_is_hung_up_on(blog: Blog) -> None:
    picture = io.BytesIO(PNG + bytes(2_000_000))
    path = (await blog.call("PUT", "/api/avatar", data=picture)).document["url"]
    ask = f"GET {path.removeprefix(URL)} HTTP/1.1\r\nhost: x\r\n\r\n".encode()
    async with contextlib.AsyncExitStack() as lazy:
        for _ in range(40):
            _, writer = await lazy.enter_async_context(connected("127.0.0.1", blog.port))
            writer.write(ask)

        async def is_served() -> bool:
            return (await blog.ask("GET", "/")).status == 200

        await eventually(is_served, within=10)


async def test_what_no_database_can_hold_is_no_error_of_ours(blog: Blog) -> None:
    for path in ("/?before=%00", "/?before=%ed%a0%80", "/.well-known/webfinger?resource=%00"):
        assert (await blog.ask("GET", path)).status in (200, 404)
    for name, it in (("text", "a\0b"), ("text", "\ud800"), ("text", 7), ("draft", "\0")):
        sent = {name: it}
        assert (await blog.call("POST", "/api/posts", json=sent)).status == 422


async def test_what_is_written_is_text_everywhere(blog: Blog) -> None:
    post = await blog.publish(f"{SCRIPT} {{title}} %s")

    for path in ("/", f"/posts/{post['id']}"):
        page = await blog.ask("GET", path)
        assert "<script" not in page.text
        assert "&lt;script&gt;" in page.text
        assert page.fields["content-security-policy"].startswith("default-src 'none'")
        assert page.fields["x-content-type-options"] == "nosniff"


async def test_what_is_written_is_never_sql(blog: Blog) -> None:
    for text in ("'; drop table posts; --", "$1", "\\'); delete from posts; --", "%(text)s"):
        assert (await blog.publish(text))["text"] == text
        for path in (f"/?before={text}", f"/posts/{text}", f"/avatars/{text}"):
            assert (await blog.ask("GET", path)).status in (200, 404)
        assert (await blog.status())["posts"] > 0


async def test_no_path_leads_out_of_a_folder_or_to_another_site(blog: Blog) -> None:
    name = "a" * 32
    for path in (
        *("/avatars/../postgres/PG_VERSION", "/avatars/..%2fpostgres%2fPG_VERSION"),
        *("/avatars/%2e%2e/%2e%2e/secrets/actor-key", "/avatars//etc/passwd", "/avatars/"),
        *("/avatars/....//secrets", f"/avatars/{name}", f"/avatars/{name}.png%00"),
        *("/posts/..%2f..", f"/posts/{name[:16]}/../../actor-key", "//evil.example/"),
    ):
        async with connected("127.0.0.1", blog.port) as (reader, writer):
            writer.write(f"GET {path} HTTP/1.1\r\nhost: {NETLOC}\r\n\r\n".encode())
            answer = await asyncio.wait_for(reader.read(), 10)
        assert answer.split(b" ")[1] in (b"404", b"400"), path
        assert b"location" not in answer.lower()
    sent = await blog.ask(
        "POST", "/api/posts?next=http://evil.example", fields=BROWSER, json={"text": "x"}
    )
    assert sent.fields["location"] == "/write"


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
    before = await blog.status()

    for path in ("/api/posts", "/api/drafts", "/api/avatar"):
        sent = await blog.ask("POST", path, fields={**BROWSER, **fields}, data={"text": "x"})
        assert sent.status == 403

    assert await blog.status() == before


async def test_nothing_is_for_everybody_that_is_for_the_administrator(blog: Blog) -> None:
    before = await blog.status()
    for method, path in (
        *(("POST", "/api/posts"), ("GET", "/api/posts"), ("PUT", "/api/avatar")),
        *(("POST", "/api/drafts"), ("GET", "/api/drafts"), ("POST", "/api/avatar")),
        *(("GET", "/api/status"), ("GET", "/write")),
    ):
        for given in ("", "Basic YWRtaW46d3Jvbmc=", "Basic %%%", "Basic AAAA", "Bearer x"):
            fields = {"authorization": given} if given else {}
            answer = await blog.ask(method, path, fields=fields, json={"text": "x"})
            assert answer.status == 401, path
    # However many were wrong, the right one is taken.
    assert await blog.status() == before
