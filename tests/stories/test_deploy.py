"""Story 1 over REST: from a request to an application that answers, and away again."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from shared import http
from shared.embedded import trace as traces
from tests.support import stack as stacks
from tests.support import walk, world
from tests.support.eventually import eventually
from tests.support.tree import ROOT
from tests.support.world import NOTHING, ONE_EACH

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.support.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="module")
SERVICES = {"panel", "provisioner", "storage", "deployer"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    async with stacks.running() as found:
        yield found


async def test_a_deployment_answers_changes_stays_and_goes(stack: Stack) -> None:
    domain = "life.localhost"
    deployment = await stack.stage(domain, title="First light", languages=["en", "de"])

    first = await stack.succeeds(await stack.deploy(deployment))

    assert await stack.world.counts(deployment, domain) == ONE_EACH
    url = await stack.url(deployment)
    async with http.client(base_url=url) as visitor:
        page = await visitor.get("/", headers={"accept-language": "de"})
        assert "First light" in page.text
        await visitor.post("/book", data={"name": "Ada", "text": "<b>hi</b>"})
        assert "Ada" in (await visitor.get("/book.json")).text
        assert "<b>hi</b>" not in (await visitor.get("/")).text

    again = await stack.succeeds(await stack.deploy(deployment))
    assert (first["changed"], again["changed"]) == (True, False)

    wish = {"applications": [{"application": "hello", "options": {"title": "Second light"}}]}
    await stack.answer(
        "POST",
        f"/deployments/{deployment}/configuration",
        json=wish,
        headers={"If-Match": "*"},
    )
    changed = await stack.succeeds(await stack.deploy(deployment))
    assert changed["changed"] is True
    assert await stack.world.counts(deployment, domain) == ONE_EACH
    async with http.client(base_url=url) as visitor:
        assert "Second light" in (await visitor.get("/")).text
        assert "Ada" in (await visitor.get("/book.json")).text

    removal = await stack.answer("DELETE", f"/deployments/{deployment}")
    await stack.succeeds(removal["id"])
    assert await stack.world.counts(deployment, domain) == NOTHING


async def test_one_trace_holds_the_whole_run(stack: Stack) -> None:
    deployment = await stack.stage("traced.localhost", title="Traced")

    run = await stack.deploy(deployment)
    await stack.succeeds(run)

    found = traces.of_run(stack.data / "traces", run)
    assert [it.name for it in found.roots] == ["POST /api/v1/deployments/{deployment}/deploy"]
    assert found.orphans == []
    assert found.services == SERVICES
    walked = [it for it in walk.stops(ROOT / "docs" / "architecture.md") if it.leaves_span]
    named = {it.attributes.get("code.function.name") for it in found.spans}
    assert walked
    assert [it.code_name for it in walked if it.code_name not in named] == []


async def test_two_deploys_at_once_are_one_run_and_then_the_next(stack: Stack) -> None:
    deployment = await stack.stage("twice.localhost", title="Twice")
    key = {"idempotency-key": "one"}
    path = f"/deployments/{deployment}/deploy"

    first = await stack.answer("POST", path, headers=key)
    same = await stack.answer("POST", path, headers=key)
    second = await stack.answer("POST", path)

    assert first["id"] == same["id"] != second["id"]
    assert second["state"] == "queued"
    await stack.succeeds(first["id"])
    await stack.succeeds(second["id"])


async def test_an_application_stands_still_and_goes_on(stack: Stack) -> None:
    deployment = await stack.stage("still.localhost", title="Still waters")
    await stack.succeeds(await stack.deploy(deployment))
    async with http.client(base_url=await stack.url(deployment)) as visitor:
        await stack.succeeds(await begun(stack, deployment, "pause"))
        there = await visitor.get("/")
        assert (there.status_code, there.headers["retry-after"]) == (503, "30")
        assert (await stack.answer("GET", f"/deployments/{deployment}"))["status"] == "paused"

        for intervention in ("resume", "restart"):
            await stack.succeeds(await begun(stack, deployment, intervention))
            assert "Still waters" in (await visitor.get("/")).text


@contextlib.contextmanager
def powered_off(stack: Stack, deployment: str) -> Iterator[Path]:
    """Cut a machine's power while nobody starts it again; yields its disk."""
    provisioner = stack.pid("provisioner")
    assert provisioner
    os.kill(provisioner, signal.SIGSTOP)
    try:
        [machine] = world.machines(f"fdv-{deployment}-")
        os.kill(machine, signal.SIGKILL)
        [disk] = stack.data.glob(f"provisioner/machines/fdv-{deployment}-*/disk.qcow2")
        yield disk
    finally:
        os.kill(provisioner, signal.SIGCONT)


async def test_an_old_copy_of_a_disk_starts_nothing_and_says_why(stack: Stack) -> None:
    deployment = await stack.stage("past.localhost", title="Once")
    await stack.succeeds(await stack.deploy(deployment))
    async with http.client(base_url=await stack.url(deployment)) as visitor:

        async def answers() -> bool:
            return (await visitor.get("/")).is_success

        copy = stack.data / "old.qcow2"
        with powered_off(stack, deployment) as disk:
            shutil.copy(disk, copy)
        await eventually(answers, within=300)

        # As when its hosts were given to somebody else meanwhile, and came back.
        async with stack.database("deployer") as database:
            await database.execute("update epochs set epoch = 2 where deployment = $1", deployment)
        await stack.succeeds(await stack.deploy(deployment))
        with powered_off(stack, deployment):
            pass
        await eventually(answers, within=300)
        with powered_off(stack, deployment) as disk:
            copy.replace(disk)

        seen: dict[str, Any] = {}

        async def is_degraded() -> bool:
            seen.update(await stack.answer("GET", f"/deployments/{deployment}"))
            return "it is an old copy" in str(seen["ailments"])

        await eventually(is_degraded, within=300)
        assert seen["status"] == "degraded"
        assert not await answers()
    await stack.succeeds((await stack.answer("DELETE", f"/deployments/{deployment}"))["id"])


async def test_a_cancelled_run_stops_and_leaves_what_a_removal_finds(stack: Stack) -> None:
    domain = "enough.localhost"
    deployment = await stack.stage(domain, title="Enough")
    run = await stack.deploy(deployment)
    await stack.at_step(run, "provisioner", "boot")

    await stack.answer("POST", f"/runs/{run}/cancel")
    ended = await stack.ended(run)

    assert ended["state"] == "cancelled", ended
    removal = await stack.answer("DELETE", f"/deployments/{deployment}")
    await stack.succeeds(removal["id"])
    assert await stack.world.counts(deployment, domain) == NOTHING


async def begun(stack: Stack, deployment: str, intervention: str) -> str:
    """Ask for an intervention and return its run."""
    return str((await stack.answer("POST", f"/deployments/{deployment}/{intervention}"))["id"])


@pytest.mark.parametrize(
    "domain",
    ["https://a.localhost/", "*.a.localhost", "a.localhost.", "127.0.0.1", "bücher.localhost",
     "panel.demo.localhost", "elsewhere.example"],
)  # fmt: skip
async def test_a_domain_that_cannot_be_is_refused_in_one_clear_message(
    stack: Stack, domain: str
) -> None:
    before = await stack.answer("GET", "/deployments")

    body = {"domain": domain, "applications": [{"application": "hello", "options": {}}]}
    response = await stack.ask("POST", "/deployments", json=body)

    assert response.is_client_error
    assert response.headers["content-type"] == "application/problem+json"
    assert len(response.json()["detail"]) > 20
    assert await stack.answer("GET", "/deployments") == before
