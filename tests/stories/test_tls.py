"""Story 1 over https: every public URL has a certificate of the edge's own authority."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
import pytest
import pytest_asyncio

from shared import http
from tests.support import stack as stacks
from tests.support.world import NOTHING, ONE_EACH

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    async with stacks.running("--tls") as found:
        yield found


async def test_a_deployment_is_read_and_signed_over_https(stack: Stack) -> None:
    domain = "sealed.localhost"
    deployment = await stack.stage(domain, title="Sealed light")

    await stack.succeeds(await stack.deploy(deployment))

    url = await stack.url(deployment)
    assert stack.panel.startswith("https://")
    assert url.startswith(f"https://hello.{domain}:")
    async with stack.visitor(url) as visitor:
        assert "Sealed light" in (await visitor.get("/")).text
        # As a browser sends it: the machine itself never sees https.
        await visitor.post("/book", data={"name": "Ada", "text": "sealed"}, headers={"origin": url})
        book = (await visitor.get("/book.json")).json()
        assert [(it["name"], it["text"]) for it in book["entries"]] == [("Ada", "sealed")]
    assert await stack.world.counts(deployment, domain) == ONE_EACH
    for secure in (url, stack.panel):
        async with stack.visitor(stack.plain(secure)) as visitor:
            sent = await visitor.get("/book?page=2")
        assert (sent.status_code, sent.headers["location"]) == (308, f"{secure}/book?page=2")

    removal = await stack.answer("DELETE", f"/deployments/{deployment}")
    await stack.succeeds(removal["id"])
    assert await stack.world.counts(deployment, domain) == NOTHING


async def test_nobody_trusts_the_edge_without_its_authority(stack: Stack) -> None:
    async with http.client(base_url=stack.panel) as stranger:
        with pytest.raises(httpx2.ConnectError) as refused:
            await stranger.get("/healthz")

    assert "CERTIFICATE_VERIFY_FAILED" in str(refused.value)
