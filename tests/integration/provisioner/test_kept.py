"""Machines whose applications were taken out: they wait, with what is on them, and come back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from services.provisioner.adapters.postgres import PostgresMachineRepository
from services.provisioner.domain import MachineState
from services.provisioner.ports import Power
from shared import ids
from shared.contracts.failures import Outcome
from shared.contracts.provisioner import ProvisioningFailed, RoutePublished, VMReady, VMRemoved
from tests.integration.provisioner.conftest import LARGE, PANEL, SMALL
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.provisioner.domain import Machine
    from services.provisioner.ports import FoundMachine
    from tests.integration.provisioner.conftest import Rig

MACHINES = PostgresMachineRepository()


async def published(
    rig: Rig,
    *applications: str,
    revision: int = 1,
    packages: Mapping[str, tuple[str, ...]] | None = None,
) -> VMReady:
    run = await rig.request(*applications, revision=revision, packages=packages)
    ready = await rig.answer(run, VMReady)
    await rig.answer(await rig.deployed(revision), RoutePublished)
    return ready


async def without_pages(rig: Rig) -> str:
    """Take pages out of a deployment that has hello as well; return its machine, switched off."""
    first = await published(rig, "hello", "pages")
    await published(rig, "hello", revision=2)
    name = first.machines[1].machine
    await eventually(lambda: found(rig, name).power is Power.STOPPED, within=10)
    return name


async def listed(rig: Rig) -> Sequence[Machine]:
    async with rig.database.transaction() as tx:
        return await MACHINES.list_machines(tx, rig.deployment)


async def states(rig: Rig) -> list[MachineState]:
    return [it.state for it in await listed(rig)]


def found(rig: Rig, name: str) -> FoundMachine:
    return rig.world.backend.machines[name]


async def let_time_pass(rig: Rig) -> None:
    async with rig.database.transaction() as tx:
        await tx.execute("update machines set kept_until = now() where state = 'kept'")


async def test_a_machine_whose_application_was_taken_out_is_switched_off_and_kept(rig: Rig) -> None:
    async with rig.working():
        first = await published(rig, "hello", "pages")
        before = found(rig, first.machines[1].machine)
        await published(rig, "hello", revision=2)
        await eventually(lambda: found(rig, before.name).power is Power.STOPPED, within=10)
        # Whatever the watch does next.
        looked = len(rig.world.backend.starts)
        await asyncio.sleep(0.5)

    hello, pages = await listed(rig)
    assert (hello.state, hello.kept_until) == (MachineState.READY, None)
    assert (pages.state, pages.placement.applications) == (MachineState.KEPT, ("pages",))
    assert pages.addresses == before.addresses
    assert pages.kept_until is not None
    left = pages.kept_until - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    now = found(rig, before.name)
    assert (now.identity, now.addresses, now.power) == (
        before.identity,
        before.addresses,
        Power.STOPPED,
    )
    assert len(rig.world.backend.starts) == looked == 2
    assert [it.upstream for it in rig.world.edge.listed if it != PANEL] == [first.machines[0].http]


async def test_an_application_that_returns_has_its_machine_again(rig: Rig) -> None:
    async with rig.working():
        first = await published(rig, "hello", "pages")
        await published(rig, "hello", revision=2)
        third = await published(rig, "hello", "pages", revision=3)

    assert third.machines == first.machines
    assert await states(rig) == [MachineState.READY] * 2
    assert [it.kept_until for it in await listed(rig)] == [None, None]
    upstreams = {it.upstream for it in rig.world.edge.listed if it != PANEL}
    assert upstreams == {it.http for it in first.machines}


async def test_one_that_was_switched_off_is_started_again_and_can_grow(rig: Rig) -> None:
    async with rig.working():
        name = await without_pages(rig)
        run = await rig.request("hello", "pages", revision=3, size=LARGE)
        ready = await rig.answer(run, VMReady)

    assert ready.machines[1].machine == name
    assert (found(rig, name).power, found(rig, name).size) == (Power.RUNNING, LARGE)


async def test_an_application_returns_to_a_machine_of_its_own_where_others_share_one(
    rig: Rig,
) -> None:
    rig.world.placement = "machine-per-deployment"
    more = {"blog": ("postgresql-15", "python3")}

    async with rig.working():
        await published(rig, "hello")
        second = await published(rig, "blog", "hello", revision=2, packages=more)
        await published(rig, "hello", revision=3)
        # What it needs by now, the image of the other machine has as well.
        fourth = await published(rig, "blog", "hello", revision=4)

    machines = {it.applications: it.machine for it in second.machines}
    assert {it.applications: it.machine for it in fourth.machines} == machines
    assert len(machines) == 2


async def test_when_its_time_is_over_the_watch_removes_it(rig: Rig) -> None:
    async with rig.working():
        name = await without_pages(rig)
        await let_time_pass(rig)
        await eventually(lambda: name not in rig.world.backend.machines, within=10)
        await eventually(lambda: _has(rig, machines=1, addresses=2), within=10)
        again = await published(rig, "hello", "pages", revision=3)

    assert found(rig, again.machines[1].machine).power is Power.RUNNING
    assert len(rig.world.backend.machines) == 2


async def test_its_time_does_not_begin_anew_with_each_revision(rig: Rig) -> None:
    async with rig.working():
        await without_pages(rig)
        [_, before] = await listed(rig)
        await published(rig, "hello", revision=3)
        [_, after] = await listed(rig)

    assert after == before


async def test_a_machine_that_a_failed_run_took_back_is_kept_again(rig: Rig) -> None:
    async with rig.working():
        name = await without_pages(rig)
        rig.world.backend.is_full = True
        run = await rig.request("hello", "pages", "about", revision=3)
        await rig.answer(run, ProvisioningFailed)
        await eventually(lambda: found(rig, name).power is Power.RUNNING, within=10)
        rig.world.backend.is_full = False
        await published(rig, "hello", revision=4)
        await eventually(lambda: found(rig, name).power is Power.STOPPED, within=10)
        # The third was never made.
        await eventually(lambda: _has(rig, machines=2), within=10)

    assert await states(rig) == [MachineState.READY, MachineState.KEPT]


async def test_a_machine_that_never_answered_goes_at_once(rig: Rig) -> None:
    async with rig.working():
        await published(rig, "hello")
        rig.world.backend.unanswered = 2**10
        run = await rig.request("hello", "pages", revision=2)
        await eventually(lambda: len(rig.world.backend.machines) == 2, within=10)
        await rig.cancel(run)
        await rig.answer(run, ProvisioningFailed)
        rig.world.backend.unanswered = 0
        await published(rig, "hello", revision=3)
        await eventually(lambda: _has(rig, machines=1), within=10)

    assert len(rig.world.backend.machines) == 1


async def test_an_application_that_its_kept_machine_is_too_little_for_is_refused(rig: Rig) -> None:
    more = {"pages": ("postgresql-15", "python3")}

    async with rig.working():
        name = await without_pages(rig)
        [_, kept] = await listed(rig)
        run = await rig.request("hello", "pages", revision=3, packages=more)
        failed = await rig.answer(run, ProvisioningFailed)

    assert (failed.failure.code, failed.outcome) == ("machine.image_packages", Outcome.UNCHANGED)
    assert name in failed.failure.message
    assert f"after {kept.kept_until:%Y-%m-%d %H:%M} UTC" in failed.failure.message
    assert await states(rig) == [MachineState.READY, MachineState.KEPT]


async def test_a_kept_machine_that_is_lost_is_made_again(rig: Rig) -> None:
    async with rig.working():
        name = await without_pages(rig)
        del rig.world.backend.machines[name]
        third = await published(rig, "hello", "pages", revision=3)

    assert third.machines[1].machine == name
    assert found(rig, name).power is Power.RUNNING


async def test_a_removed_deployment_leaves_no_kept_machine(rig: Rig) -> None:
    async with rig.working():
        name = await without_pages(rig)
        removed = await rig.answer(await rig.remove(), VMRemoved)

    assert removed.machines == (ids.machine_name(rig.deployment, 1), name)
    assert rig.world.backend.machines == {}
    assert await _has(rig, machines=0, addresses=0, watches=0)


async def test_a_machine_that_is_being_taken_back_is_not_given_up_meanwhile(rig: Rig) -> None:
    async with rig.working():
        name = await without_pages(rig)
    await let_time_pass(rig)

    async with rig.database.transaction() as tx:
        [_, pages] = await MACHINES.list_machines(tx, rig.deployment)
        looking = asyncio.create_task(rig.service.machines.look(rig.deployment))
        await asyncio.wait({looking}, timeout=0.5)
        assert not looking.done()
        await MACHINES.mark(tx, [name], MachineState.READY)
    await looking

    assert pages.state is MachineState.KEPT
    assert await states(rig) == [MachineState.READY] * 2
    assert found(rig, name).power is Power.RUNNING
    assert found(rig, name).size == SMALL


async def _has(rig: Rig, **tables: int) -> bool:
    return {name: await rig.rows(name) for name in tables} == tables
