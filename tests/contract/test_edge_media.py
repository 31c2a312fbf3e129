"""Media under the operator's domain: read through Caddy from a real store, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.support.media import PATH, PICTURE, World, published_media, tells_nothing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.embedded.servers.seaweedfs import SeaweedServer

# One edge and its buckets for all of these tests, which leave them as they were.
pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(object_store: SeaweedServer) -> AsyncIterator[World]:
    async with published_media(object_store.access) as found:
        yield found


async def test_an_object_is_read_as_it_was_put(world: World) -> None:
    answer = await world.ask(f"GET {PATH}")

    assert (answer.status_code, answer.content) == (200, PICTURE)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-length"] == str(len(PICTURE))
    assert answer.headers["etag"]
    assert answer.headers["last-modified"]


async def test_an_answer_tells_browsers_to_show_it_and_run_nothing(world: World) -> None:
    answer = await world.ask(f"GET {PATH}", "Origin: https://elsewhere.example")

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers.get_list("access-control-allow-origin") == ["*"]


async def test_an_answer_tells_nothing_of_the_store(world: World) -> None:
    answer = await world.ask(f"GET {PATH}")

    names = {it.lower() for it in answer.headers}
    assert "server" not in names
    assert not [it for it in names if "amz" in it or "seaweed" in it]
    assert "ada" not in str(answer.headers)


async def test_heads_ranges_and_conditions_work(world: World) -> None:
    whole = await world.ask(f"GET {PATH}")
    head = await world.ask(f"HEAD {PATH}")
    part = await world.ask(f"GET {PATH}", "Range: bytes=2-5")
    same = await world.ask(f"GET {PATH}", f"If-None-Match: {whole.headers['etag']}")

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(PICTURE))
    assert (part.status_code, part.content) == (206, PICTURE[2:6])
    assert part.headers["content-range"] == f"bytes 2-5/{len(PICTURE)}"
    assert (same.status_code, same.content) == (304, b"")


@pytest.mark.parametrize("query", ["?acl", "?policy", "?list-type=2", "?X-Amz-Signature=x", "?"])
async def test_a_query_changes_nothing(world: World, query: str) -> None:
    answer = await world.ask(f"GET {PATH}{query}")

    assert (answer.status_code, answer.content) == (200, PICTURE)


@pytest.mark.parametrize(
    "header",
    [
        "Authorization: AWS4-HMAC-SHA256 Credential=x",
        "x-amz-content-sha256: x",
        "X-Amz-Security-Token: x",
        "X-Amz-Server-Side-Encryption-Customer-Algorithm: AES256",
        "Cookie: session=x",
    ],
)
async def test_nobody_signs_in_to_the_store(world: World, header: str) -> None:
    answer = await world.ask(f"GET {PATH}", header)

    assert (answer.status_code, answer.content) == (200, PICTURE)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?list-type=2",
        "/?policy",
        "/?uploads",
        "/%3Flist-type=2",
        "/%3Fpolicy",
        "/2026/",
        "/2026",
        "/missing.png",
        "//",
        "/.",
        "/..",
        "/../",
        "/%2e%2e",
        "/%2e%2e/?list-type=2",
        "*",
        f"{PATH}/",
        f"{PATH}%3Facl",
        f"/{PATH}",
        f"{PATH}%00",
    ],
)
async def test_nothing_but_objects_is_read(world: World, path: str) -> None:
    answer = await world.ask(f"GET {path}")

    assert answer.status_code == 404
    assert tells_nothing(answer)


@pytest.mark.parametrize("neighbour", ["public_neighbour", "closed_neighbour"])
@pytest.mark.parametrize(
    "way",
    [
        "/../{}",
        "/%2e%2e/{}",
        "/.%2e/{}",
        "/%2E%2E/{}",
        "/%252e%252e/{}",
        "/..%2f{}",
        "/%2e%2e%2f{}",
        "/..%252f{}",
        "/..%5c{}",
        "/2026/../../{}",
        "/|/%2e%2e/%2e%2e/{}",
        "/|%2f..%2f..%2f{}",
        "//{}",
        "/{}",
        "/%2f{}",
        "/..;/{}",
        "/x%3F/../../{}",
        "http://media-blog.garden.example/../{}",
        "http:/../{}",
        "x:{}",
    ],
)
async def test_no_way_leads_out_of_the_bucket(world: World, way: str, neighbour: str) -> None:
    bucket: str = getattr(world, neighbour)

    answer = await world.ask(f"GET {way.format(bucket)}{PATH}")

    assert answer.status_code == 404
    assert PICTURE not in answer.content
    assert tells_nothing(answer)


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "X-Original-URL", "X-Rewrite-URL"])
async def test_no_header_leads_out_of_the_bucket(world: World, header: str) -> None:
    answer = await world.ask("GET /missing.png", f"{header}: /{world.public_neighbour}{PATH}")

    assert answer.status_code == 404


@pytest.mark.parametrize(
    "method", ["PUT", "POST", "DELETE", "PATCH", "OPTIONS", "COPY", "PROPFIND", "get"]
)
async def test_media_are_only_read(world: World, method: str) -> None:
    answer = await world.ask(f"{method} {PATH}", "Content-Length: 0")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert tells_nothing(answer)
    assert (await world.ask(f"GET {PATH}")).content == PICTURE


async def test_a_bucket_that_is_closed_looks_as_if_nothing_were_there(world: World) -> None:
    await world.store.unpublish(world.bucket)
    try:
        answer = await world.ask(f"GET {PATH}")
    finally:
        await world.store.publish(world.bucket)

    assert answer.status_code == 404
    assert tells_nothing(answer)
