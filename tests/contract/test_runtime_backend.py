"""What provisioner may rely on in every runtime backend: the one in memory and QEMU."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.provisioner.domain import SSH_PORT, Door, Size
from services.provisioner.ports import Image, MachineOrder, Power
from shared import errors, ids
from shared.contracts.deployments import Endpoint
from shared.embedded.ports import LOOPBACK, free
from tests.support.backend_cases import HUGE, SMALL, InMemory, Qemu
from tests.support.backends import PACKAGES, hosting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.backend_cases import Case


@pytest.fixture(params=["fake", "qemu"])
async def case(request: pytest.FixtureRequest, data_directory: Path) -> AsyncIterator[Case]:
    if request.param == "fake":
        yield InMemory()
        return
    async with hosting(data_directory) as backend:
        yield Qemu(backend)


@pytest.fixture
async def order(case: Case) -> MachineOrder:
    return MachineOrder(
        name=ids.machine_name(ids.new_id(), 1),
        identity=str(uuid.uuid4()),
        image=await case.backend.ensure_image(PACKAGES),
        size=SMALL,
        addresses={it: a_free_address() for it in (SSH_PORT, 80)},
    )


def a_free_address() -> Endpoint:
    return Endpoint(host=LOOPBACK, port=free())


async def test_the_same_packages_are_the_same_image(case: Case) -> None:
    one = await case.backend.ensure_image(PACKAGES)
    other = await case.backend.ensure_image(PACKAGES * 2)

    assert one == other
    assert one.packages == PACKAGES


async def test_a_created_machine_is_found_as_ordered_and_stopped(
    case: Case, order: MachineOrder
) -> None:
    created = await case.backend.create(order)

    found = await case.backend.find(order.name)

    assert found == created
    assert list(await case.backend.list_machines()) == [created]
    assert (created.name, created.identity) == (order.name, order.identity)
    assert (created.size, created.addresses) == (order.size, order.addresses)
    assert created.doors == case.backend.doors()
    assert created.power is Power.STOPPED
    assert created.host_public_key.startswith("ssh-ed25519 ")


async def test_a_machine_is_made_of_an_image_that_is_there(case: Case, order: MachineOrder) -> None:
    gone = Image(key="0" * 16, packages=PACKAGES)

    with pytest.raises(errors.NotFoundError) as caught:
        await case.backend.create(replace(order, image=gone))

    assert caught.value.code == "machine.image_gone"
    assert await case.backend.find(order.name) is None


async def test_a_name_is_given_once(case: Case, order: MachineOrder) -> None:
    await case.backend.create(order)

    with pytest.raises(errors.ConflictError):
        await case.backend.create(replace(order, identity=str(uuid.uuid4())))

    found = await case.backend.find(order.name)
    assert found is not None
    assert found.identity == order.identity


async def test_a_started_machine_answers_and_a_second_start_changes_nothing(
    case: Case, order: MachineOrder
) -> None:
    await case.backend.create(order)

    await case.backend.start(order.name, order.identity)
    await case.backend.reach(order.name, order.identity)
    process = case.process(order)
    await case.backend.start(order.name, order.identity)

    found = await case.backend.find(order.name)
    assert found is not None
    assert found.power is Power.RUNNING
    assert case.process(order) == process


async def test_a_machine_that_died_is_found_stopped_and_starts_again(
    case: Case, order: MachineOrder
) -> None:
    await case.backend.create(order)
    await case.backend.start(order.name, order.identity)

    await case.kill(order)
    found = await case.backend.find(order.name)
    with pytest.raises(errors.UnavailableError):
        await case.backend.reach(order.name, order.identity)
    await case.backend.start(order.name, order.identity)

    assert found is not None
    assert found.power is Power.STOPPED
    again = await case.backend.find(order.name)
    assert again == replace(found, power=Power.RUNNING)


async def test_doors_to_the_world_open_and_close_and_outlast_the_process(
    case: Case, order: MachineOrder
) -> None:
    created = await case.backend.create(order)
    await case.backend.open_doors(order.name, order.identity, {Door.EGRESS, Door.MAIL})
    await case.backend.start(order.name, order.identity)
    process = case.process(order)
    opened = await case.backend.find(order.name)
    await case.backend.open_doors(order.name, order.identity, {Door.MAIL})
    narrowed = await case.backend.find(order.name)

    assert not created.open_doors
    assert opened is not None
    assert opened.open_doors == {Door.EGRESS, Door.MAIL}
    assert narrowed == replace(opened, open_doors=frozenset({Door.MAIL}))
    assert case.process(order) == process

    await case.kill(order)
    await case.backend.start(order.name, order.identity)
    assert await case.backend.find(order.name) == narrowed


async def test_a_machine_of_another_identity_is_left_alone(case: Case, order: MachineOrder) -> None:
    await case.backend.create(order)
    await case.backend.start(order.name, order.identity)
    process = case.process(order)

    other = str(uuid.uuid4())
    for change in (case.backend.start, case.backend.stop, case.backend.remove):
        with pytest.raises(errors.ConflictError):
            await change(order.name, other)
    with pytest.raises(errors.ConflictError):
        await case.backend.resize(order.name, other, SMALL)
    with pytest.raises(errors.ConflictError):
        await case.backend.open_doors(order.name, other, {Door.EGRESS})
    with pytest.raises(errors.ConflictError):
        await case.backend.forward(order.name, other, order.addresses)

    assert case.process(order) == process


async def test_what_is_not_there_cannot_be_started_but_may_be_removed(
    case: Case, order: MachineOrder
) -> None:
    with pytest.raises(errors.NotFoundError):
        await case.backend.start(order.name, order.identity)

    await case.backend.remove(order.name, order.identity)

    assert await case.backend.find(order.name) is None


async def test_a_taken_address_is_named(case: Case, order: MachineOrder) -> None:
    await case.backend.create(order)

    with case.occupied(order.addresses[80]):
        assert not await case.backend.is_free(order.addresses[80])
        with pytest.raises(errors.ConflictError) as caught:
            await case.backend.start(order.name, order.identity)

    assert caught.value.code == "machine.port_taken"
    assert str(order.addresses[80]) in caught.value.message
    assert "ss -ltnp" in caught.value.message
    assert await case.backend.is_free(order.addresses[80])


async def test_a_machine_that_runs_is_reached_at_more_addresses_and_at_others(
    case: Case, order: MachineOrder
) -> None:
    await case.backend.create(order)
    await case.backend.start(order.name, order.identity)
    process = case.process(order)
    ssh, http, more = order.addresses[SSH_PORT], order.addresses[80], a_free_address()

    for addresses in ({SSH_PORT: ssh, 80: http, 8080: more}, {SSH_PORT: ssh, 8081: http}) * 2:
        await case.backend.forward(order.name, order.identity, addresses)

        found = await case.backend.find(order.name)
        assert found is not None
        assert found.addresses == addresses
        assert [await case.backend.is_free(it) for it in (ssh, http, more)] == [
            False,
            False,
            more not in addresses.values(),
        ]

    assert case.process(order) == process


async def test_addresses_outlive_the_process_that_they_were_given_to(
    case: Case, order: MachineOrder
) -> None:
    await case.backend.create(order)
    addresses = {**order.addresses, 8080: a_free_address()}
    await case.backend.forward(order.name, order.identity, addresses)
    await case.backend.start(order.name, order.identity)

    assert not await case.backend.is_free(addresses[8080])
    await case.kill(order)
    await case.backend.start(order.name, order.identity)

    assert not await case.backend.is_free(addresses[8080])


async def test_an_address_that_somebody_else_has_changes_nothing(
    case: Case, order: MachineOrder
) -> None:
    await case.backend.create(order)
    await case.backend.start(order.name, order.identity)
    free, taken = a_free_address(), a_free_address()
    wanted = {**order.addresses, 8080: free, 8081: taken}

    with case.occupied(taken), pytest.raises(errors.ConflictError) as caught:
        await case.backend.forward(order.name, order.identity, wanted)

    assert caught.value.code == "machine.port_taken"
    assert str(taken) in caught.value.message
    assert await case.backend.is_free(free)
    found = await case.backend.find(order.name)
    assert found is not None
    assert found.addresses == order.addresses


async def test_a_resized_machine_is_stopped_and_has_the_new_size(
    case: Case, order: MachineOrder
) -> None:
    await case.backend.create(order)
    await case.backend.start(order.name, order.identity)
    await case.backend.reach(order.name, order.identity)
    larger = Size(cpus=2, memory_mib=256, disk_gib=5)

    await case.backend.resize(order.name, order.identity, larger)

    found = await case.backend.find(order.name)
    assert found is not None
    assert (found.size, found.power) == (larger, Power.STOPPED)


async def test_a_machine_is_not_stopped_for_memory_that_the_host_does_not_have(
    case: Case, order: MachineOrder
) -> None:
    await case.backend.create(order)
    await case.backend.start(order.name, order.identity)
    process = case.process(order)

    with case.available(1000), pytest.raises(errors.FaultError) as caught:
        await case.backend.resize(order.name, order.identity, HUGE)

    assert caught.value.code == "machine.memory_full"
    assert "nothing was changed" in caught.value.message
    assert "free -m" in caught.value.message
    assert case.process(order) == process
    found = await case.backend.find(order.name)
    assert found is not None
    assert (found.size, found.power) == (SMALL, Power.RUNNING)


async def test_a_machine_that_gets_no_memory_for_its_new_size_runs_with_the_one_it_had(
    case: Case, order: MachineOrder
) -> None:
    await case.backend.create(order)
    await case.backend.start(order.name, order.identity)

    with case.available(2**20):
        await case.backend.resize(order.name, order.identity, HUGE)
    with case.limited():
        # What a run does meanwhile.
        await case.backend.forward(order.name, order.identity, order.addresses)
        with pytest.raises(errors.FaultError) as caught:
            await case.backend.start(order.name, order.identity)
        process = case.process(order)
        await case.backend.start(order.name, order.identity)

    assert caught.value.code == "machine.memory_full"
    assert f"{order.name} runs as before" in caught.value.message
    assert case.process(order) == process
    found = await case.backend.find(order.name)
    assert found is not None
    # A disk never shrinks.
    assert found.size == replace(SMALL, disk_gib=HUGE.disk_gib)
    assert found.power is Power.RUNNING


async def test_a_removed_machine_is_gone_and_its_name_is_free(
    case: Case, order: MachineOrder
) -> None:
    await case.backend.create(order)
    await case.backend.start(order.name, order.identity)

    await case.backend.remove(order.name, order.identity)

    assert await case.backend.find(order.name) is None
    assert await case.backend.is_free(order.addresses[SSH_PORT])
    assert await case.backend.is_free(order.addresses[80])
    await case.backend.create(replace(order, identity=str(uuid.uuid4())))
