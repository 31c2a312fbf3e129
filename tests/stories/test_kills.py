"""The kill table: each part is killed once at a named step, and the run completes by itself.

One row is drawn from the seed; FEDIVERSITY_TEST_KILLS=9 plays all. At every other step a part
is killed by the stories of chaos.

A row is valid only when the step was being done, the victim was gone afterwards, and the run had
not ended. What is left is counted in the world, not in our databases.
"""

from __future__ import annotations

import json
import os
from random import Random
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from shared import http
from shared.embedded import trace as traces
from tests.chaos.cells import QEMU
from tests.chaos.killing import kill
from tests.support import chance, world
from tests.support import stack as stacks
from tests.support.world import ONE_EACH

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.support.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="module")
TABLE = [
    ("panel", "panel", "check"),
    ("provisioner", "provisioner", "boot"),
    ("storage", "storage", "key"),
    ("deployer", "deployer", "copy"),
    ("nats", "deployer", "build"),
    ("postgres", "deployer", "secrets"),
    ("objects", "storage", "bucket"),
    ("caddy", "provisioner", "route"),
    (QEMU, "deployer", "switch"),
]
PLAYED = int(os.environ.get("FEDIVERSITY_TEST_KILLS") or 1)
ROWS = Random(chance.seed()).sample(TABLE, PLAYED)  # noqa: S311 - luck, not a secret
PAUSES = {
    "RUNTIME__STEP_PAUSE_SECONDS": "1.0",
    "RUNTIME__STEP_PAUSE_STEPS": json.dumps([step for _, _, step in ROWS]),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    services = ("PANEL", "PROVISIONER", "STORAGE", "DEPLOYER")
    environment = {f"{it}_{name}": value for it in services for name, value in PAUSES.items()}
    async with stacks.running(**environment) as found:
        yield found


@pytest.mark.parametrize(("victim", "service", "step"), ROWS, ids=[it[0] for it in ROWS])
async def test_a_part_killed_at_a_step_costs_nothing_but_time(
    stack: Stack,
    record_property: Callable[[str, object], None],
    victim: str,
    service: str,
    step: str,
) -> None:
    domain = f"without-{victim}.localhost"
    deployment = await stack.stage(domain, title=f"Without {victim}")
    run = await stack.deploy(deployment)

    await stack.at_step(run, service, step)
    await kill(stack, victim, deployment, run)

    ended = await stack.succeeds(run)
    counts = await stack.world.counts(deployment, domain)
    row = f"{victim:<12} {step:<8} {ended['state']:<10} {ended['seconds']:5.1f} s  {counts}"
    record_property("figure", f"killed {row}")
    assert counts == ONE_EACH
    async with http.client(base_url=await stack.url(deployment)) as visitor:
        assert f"Without {victim}" in (await visitor.get("/")).text
    found = traces.of_run(stack.data / "traces", run)
    assert len(found.roots) == 1
    assert found.orphans == []
    removal = await stack.answer("DELETE", f"/deployments/{deployment}")
    await stack.succeeds(removal["id"])
    assert await stack.world.counts(deployment, domain) == world.NOTHING


async def test_a_second_bucket_is_noticed(stack: Stack) -> None:
    domain = "planted.localhost"
    deployment = await stack.stage(domain, title="Planted")
    await stack.succeeds(await stack.deploy(deployment))
    store = stack.world.provider.object_stores[0]
    name = f"fdv-{deployment}-planted"

    await world.plant_bucket(store, name)
    try:
        counts = await stack.world.counts(deployment, domain)
    finally:
        await world.remove_buckets(store, [name])

    assert counts.buckets == 2
    assert counts != ONE_EACH
