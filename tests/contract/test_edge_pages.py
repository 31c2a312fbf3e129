"""What visitors are told by the edge while an application stands still, or does not answer."""

from __future__ import annotations

import asyncio
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from services.provisioner.adapters.caddy import CaddyEdge
from services.provisioner.domain import Maintenance, Media, Route
from shared import http
from shared.contracts.deployments import Endpoint
from shared.embedded.ports import LOOPBACK, free
from tests.support.listener import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from shared.embedded.servers.caddy import CaddyServer

HOST = "hello.garden.localhost"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
SENTENCE = "It comes in two pieces."


@pytest.fixture
async def edge(caddy_server: CaddyServer) -> AsyncIterator[CaddyEdge]:
    async with http.client(base_url=caddy_server.admin) as client:
        yield CaddyEdge(client=client, has_tls=True)


@pytest.fixture
async def visitor(caddy_server: CaddyServer) -> AsyncIterator[httpx2.AsyncClient]:
    async with http.client(base_url=f"http://{HOST}:{caddy_server.port}") as client:
        yield client


def at(address: str) -> Route:
    host, _, port = address.rpartition(":")
    return Route(host=HOST, upstream=Endpoint(host=host, port=int(port)))


NOBODY = Route(host=HOST, upstream=Maintenance())


def absent() -> Route:
    """Return a route to where nobody listens."""
    return Route(host=HOST, upstream=Endpoint(host=LOOPBACK, port=free()))


class Page(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, str | None] = {}
        self.words: list[str] = []
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {f"{tag} {name}": value for name, value in attrs}

    @override
    def handle_data(self, data: str) -> None:
        self.words += data.split()


@pytest.mark.parametrize(("still", "seconds"), [(True, 30), (False, 5)])
async def test_a_person_sees_a_page_that_is_complete_in_itself(
    edge: CaddyEdge, visitor: httpx2.AsyncClient, *, still: bool, seconds: int
) -> None:
    await edge.route([NOBODY if still else absent()])

    answer = await visitor.get("/some/page?of=many", headers={"Accept": BROWSER})

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == str(seconds)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    page = Page(answer.text)
    assert {"title", "main", "h1"} <= set(page.tags)
    assert not {"script", "link", "img", "iframe", "style"} & set(page.tags)
    assert page.attributes["html lang"] == "zxx"
    assert page.attributes["time datetime"] == f"PT{seconds}S"
    # No language is spoken: names, numbers and signs, and nothing that Caddy left to fill in.
    words = set(page.words) - {HOST, "503", "s", str(seconds)}
    assert not re.search(r"[A-Za-z{}]", " ".join(words))
    assert "{" not in answer.text


@pytest.mark.parametrize(("still", "code"), [(True, "edge.maintenance"), (False, "edge.no_answer")])
@pytest.mark.parametrize(
    "accept", ["application/json", "application/activity+json", "application/problem+json"]
)
async def test_a_program_reads_a_problem_document(
    edge: CaddyEdge, visitor: httpx2.AsyncClient, accept: str, code: str, *, still: bool
) -> None:
    await edge.route([NOBODY if still else absent()])

    answer = await visitor.post("/inbox", headers={"Accept": accept}, json={"a": 1})

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["vary"] == "Accept"
    problem = answer.json()
    assert problem.pop("detail").startswith("What answers under this name")
    assert problem == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "code": code,
        "instance": f"//{HOST}",
    }


@pytest.mark.parametrize("still", [True, False])
async def test_who_asks_for_the_head_gets_no_body(
    edge: CaddyEdge, visitor: httpx2.AsyncClient, *, still: bool
) -> None:
    await edge.route([NOBODY if still else absent()])

    answer = await visitor.head("/")

    assert (answer.status_code, answer.content) == (503, b"")
    assert "retry-after" in answer.headers
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


async def test_an_application_that_hangs_up_is_one_that_does_not_answer(
    edge: CaddyEdge, visitor: httpx2.AsyncClient
) -> None:
    async def hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with listening(hang_up) as address:
        await edge.route([at(address)])
        answer = await visitor.get("/")

    assert answer.status_code == 503
    assert "retry-after" in answer.headers


@pytest.mark.parametrize("status", [404, 500, 502, 503])
async def test_what_an_application_answers_itself_is_passed_on(
    edge: CaddyEdge, visitor: httpx2.AsyncClient, status: int
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status} Mine\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmine"
        writer.write(head.encode())
        await writer.drain()

    async with listening(answer) as address:
        await edge.route([at(address)])
        found = await visitor.get("/")

    assert (found.status_code, found.text) == (status, "mine")


async def test_a_request_that_is_under_way_is_answered_to_its_end(
    edge: CaddyEdge, visitor: httpx2.AsyncClient
) -> None:
    asked, more = asyncio.Event(), asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(SENTENCE)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + SENTENCE[:10].encode())
        await writer.drain()
        asked.set()
        await more.wait()
        writer.write(SENTENCE[10:].encode())
        await writer.drain()

    async with listening(answer) as address:
        await edge.route([at(address)])
        early = asyncio.create_task(visitor.get("/"))
        await asked.wait()
        await edge.route([NOBODY])
        late = await visitor.get("/")
        more.set()
        found = await early

    assert late.status_code == 503
    assert (found.status_code, found.text) == (200, SENTENCE)


async def test_media_stay_readable_while_their_application_stands_still(
    edge: CaddyEdge, caddy_server: CaddyServer
) -> None:
    async def show(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nblue")
        await writer.drain()

    media = f"media-{HOST}"
    async with listening(show) as store, http.client() as visitor:
        read = Route(host=media, upstream=Media(url=f"http://{store}/bucket"))
        await edge.route([NOBODY, read])
        picture = await visitor.get(f"http://{media}:{caddy_server.port}/sky.png")
        page = await visitor.get(f"http://{HOST}:{caddy_server.port}/")

    assert (picture.status_code, picture.text) == (200, "blue")
    assert page.status_code == 503


async def test_an_edge_that_restarts_still_says_that_an_application_stands_still(
    edge: CaddyEdge, visitor: httpx2.AsyncClient, caddy_server: CaddyServer
) -> None:
    await edge.route([NOBODY])
    await caddy_server.kill()
    await caddy_server.start()
    before = await visitor.get("/")
    # As provisioner does it about once a second.
    await edge.route([NOBODY])
    after = await visitor.get("/")

    assert (before.status_code, after.status_code) == (503, 503)
    assert after.headers["retry-after"] == "30"
    assert list(await edge.routes()) == [NOBODY]
