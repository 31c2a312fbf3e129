"""Several applications on one machine: they come and go, and nobody else notices."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from services.provisioner.domain import SSH_PORT, Size
from services.provisioner.ports import Power
from shared.contracts.provisioner import RoutePublished, VMReady
from tests.integration.provisioner.conftest import LARGE, PANEL, port
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from services.provisioner.ports import FoundMachine
    from tests.integration.provisioner.conftest import Rig

TINY: Final = Size(cpus=1, memory_mib=128, disk_gib=2)
"""Two of these are no more than the smallest machine."""
BLOG: Final = {"blog": ("postgresql-15", "python3")}


@pytest.fixture(autouse=True)
def _together(rig: Rig) -> None:
    rig.world.placement = "machine-per-deployment"


async def published(rig: Rig, *applications: str, revision: int = 1) -> VMReady:
    run = await rig.request(*applications, revision=revision, size=TINY, packages=BLOG)
    ready = await rig.answer(run, VMReady)
    await rig.answer(await rig.deployed(revision), RoutePublished)
    return ready


def only(rig: Rig) -> FoundMachine:
    [found] = rig.world.backend.machines.values()
    return found


def upstreams(rig: Rig) -> dict[str, object]:
    listed = (it for it in rig.world.edge.listed if it != PANEL)
    return {it.host.partition(".")[0]: it.upstream for it in listed}


async def test_each_application_of_a_machine_is_reached_at_an_address_of_its_own(rig: Rig) -> None:
    async with rig.working():
        ready = await published(rig, "hello", "pages")

    [machine] = ready.machines
    found = only(rig)
    assert {*found.addresses} == {SSH_PORT, port("hello"), port("pages")}
    assert machine.endpoints == {it: found.addresses[port(it)] for it in ("hello", "pages")}
    assert machine.http == machine.endpoints["hello"]
    assert upstreams(rig) == machine.endpoints


async def test_an_application_that_joins_interrupts_nobody(rig: Rig) -> None:
    async with rig.working():
        first = await published(rig, "hello")
        second = await published(rig, "hello", "pages", revision=2)

    [before], [now] = first.machines, second.machines
    assert (now.machine, now.ssh) == (before.machine, before.ssh)
    assert now.endpoints["hello"] == before.endpoints["hello"]
    assert only(rig).addresses[port("pages")] == now.endpoints["pages"]
    assert rig.world.backend.starts == [now.machine]


async def test_an_application_that_leaves_takes_its_address_route_and_record_along(
    rig: Rig,
) -> None:
    async with rig.working():
        ready = await published(rig, "hello", "pages")
        await published(rig, "hello", revision=2)
        await eventually(lambda: len(only(rig).addresses) == 2, within=10)

    endpoints = ready.machines[0].endpoints
    assert upstreams(rig) == {"hello": endpoints["hello"]}
    assert only(rig).addresses[port("hello")] == endpoints["hello"]
    assert await rig.rows("addresses") == 2
    assert await rig.rows("records") == 1
    assert rig.world.backend.starts == [ready.machines[0].machine]


async def test_what_a_failed_revision_left_out_is_still_reached_and_not_placed_anew(
    rig: Rig,
) -> None:
    async with rig.working():
        await published(rig, "hello", "pages")
        before = upstreams(rig)
        # It is ready and never deployed.
        run = await rig.request("hello", revision=2, size=TINY)
        await rig.answer(run, VMReady)
        third = await published(rig, "hello", "pages", revision=3)

    assert upstreams(rig) == before == third.machines[0].endpoints


async def test_an_application_that_the_image_is_too_little_for_gets_another_machine(
    rig: Rig,
) -> None:
    async with rig.working():
        first = await published(rig, "hello")
        second = await published(rig, "blog", "hello", revision=2)

    machines = {it.applications: it for it in second.machines}
    assert machines["hello",] == first.machines[0]
    other = machines["blog",].machine
    assert rig.world.backend.machines[other].image.packages == BLOG["blog"]
    assert rig.world.backend.starts == [first.machines[0].machine, other]
    assert upstreams(rig)["blog"] == machines["blog",].endpoints["blog"]


async def test_a_machine_that_lost_its_only_application_is_switched_off_and_no_other(
    rig: Rig,
) -> None:
    async with rig.working():
        first = await published(rig, "hello")
        second = await published(rig, "blog", "hello", revision=2)
        await published(rig, "hello", revision=3)
        [stays] = [it.machine for it in first.machines]
        [goes] = {it.machine for it in second.machines} - {stays}
        machines = rig.world.backend.machines
        await eventually(lambda: machines[goes].power is Power.STOPPED, within=10)

    assert machines[stays].power is Power.RUNNING


async def test_an_application_without_data_moves_when_it_needs_more(rig: Rig) -> None:
    more = {"hello": ("python3", "zsh")}

    async with rig.working():
        first = await published(rig, "hello")
        run = await rig.request("hello", revision=2, packages=more, keeps_data=False)
        second = await rig.answer(run, VMReady)
        assert [*upstreams(rig).values()] == [first.machines[0].http]
        await rig.answer(await rig.deployed(2), RoutePublished)
        await eventually(lambda: len(rig.world.backend.machines) == 1, within=10)

    assert second.machines[0].machine != first.machines[0].machine
    assert [*upstreams(rig).values()] == [second.machines[0].http]


async def test_an_address_that_is_taken_at_the_last_moment_is_replaced_without_a_stop(
    rig: Rig,
) -> None:
    async with rig.working():
        first = await published(rig, "hello")
        name = first.machines[0].machine
        had = {first.machines[0].ssh.port, first.machines[0].http.port}
        candidates = rig.world.addresses.candidates(name)
        taken = next(it for it in candidates if it.port not in had)
        rig.world.backend.hidden.add(taken)
        second = await published(rig, "hello", "pages", revision=2)

    endpoints = second.machines[0].endpoints
    assert endpoints["hello"] == first.machines[0].http
    assert endpoints["pages"] != taken
    assert rig.world.backend.starts == [name]
    assert await rig.rows("addresses") == 3


async def test_an_address_that_its_machine_never_got_and_somebody_else_has_is_replaced(
    rig: Rig,
) -> None:
    async with rig.working():
        first = await published(rig, "hello")
        machine = only(rig)
        # What a crash leaves between the record of an address and its use.
        lost = machine.addresses[port("hello")]
        left = {SSH_PORT: machine.addresses[SSH_PORT]}
        rig.world.backend.machines[machine.name] = replace(machine, addresses=left)
        rig.world.backend.taken.add(lost)
        second = await published(rig, "hello", revision=2)

    assert second.machines[0].ssh == first.machines[0].ssh
    assert second.machines[0].http != lost
    assert upstreams(rig) == second.machines[0].endpoints
    assert rig.world.backend.starts == [machine.name]


async def test_a_machine_that_has_to_grow_for_another_is_started_again(rig: Rig) -> None:
    async with rig.working():
        first = await rig.answer(await rig.request("hello"), VMReady)
        second = await rig.answer(await rig.request("hello", "pages", revision=2), VMReady)

    name = first.machines[0].machine
    assert [it.machine for it in second.machines] == [name]
    assert only(rig).size == LARGE
    assert rig.world.backend.starts == [name, name]


async def test_an_application_that_answers_at_another_port_now_moves_with_its_route(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig.working():
        first = await published(rig, "hello")
        before = upstreams(rig)
        monkeypatch.setattr("tests.integration.provisioner.conftest.port", lambda _: 8080)
        run = await rig.request("hello", revision=2, size=TINY)
        ready = await rig.answer(run, VMReady)
        # What runs is reached as before, until the new revision does.
        assert upstreams(rig) == before
        assert {*only(rig).addresses} == {SSH_PORT, port("hello"), 8080}
        await rig.answer(await rig.deployed(2), RoutePublished)
        await eventually(lambda: {*only(rig).addresses} == {SSH_PORT, 8080}, within=10)

    assert upstreams(rig) == ready.machines[0].endpoints != first.machines[0].endpoints
