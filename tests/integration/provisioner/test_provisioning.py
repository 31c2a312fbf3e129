"""Machines for a revision: what is made, kept, refused and announced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.provisioner.domain import SSH_PORT
from services.provisioner.ports import Power
from shared import errors, ids
from shared.contracts.deployments import Endpoint
from shared.contracts.failures import Outcome
from shared.contracts.progress import StepState
from shared.contracts.provisioner import ProvisioningFailed, VMReady
from tests.integration.provisioner.conftest import LARGE, SMALL
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from tests.integration.provisioner.conftest import Rig


async def test_a_revision_gets_a_machine_for_each_application(rig: Rig) -> None:
    async with rig.working():
        ready = await rig.answer(await rig.request("hello", "pages"), VMReady)

    backend = rig.world.backend
    assert [it.applications for it in ready.machines] == [("hello",), ("pages",)]
    assert [it.machine for it in ready.machines] == [
        ids.machine_name(rig.deployment, number) for number in (1, 2)
    ]
    assert len({str(at) for it in ready.machines for at in (it.ssh, it.http)}) == 4
    assert {it.host_public_key for it in backend.machines.values()} == {
        it.ssh.host_public_key for it in ready.machines
    }
    assert all(it.guest.s3 and not it.guest.egress for it in ready.machines)
    assert len(backend.images) == 1


async def test_steps_are_reported_by_their_names(rig: Rig) -> None:
    async with rig.working():
        await rig.answer(await rig.request("hello"), VMReady)

    done = [it.step for it in rig.reports if it.state is StepState.SUCCEEDED]
    assert done == ["image", "machine", "boot"]


async def test_a_new_run_of_the_same_revision_keeps_what_is_there(rig: Rig) -> None:
    async with rig.working():
        first = await rig.answer(await rig.request("hello"), VMReady)
        second = await rig.answer(await rig.request("hello"), VMReady)

    assert second.machines == first.machines
    assert second.run != first.run
    assert rig.world.backend.starts == [first.machines[0].machine]


async def test_the_next_revision_keeps_the_machine_of_an_application(rig: Rig) -> None:
    async with rig.working():
        first = await rig.answer(await rig.request("hello"), VMReady)
        second = await rig.answer(await rig.request("hello", "about", revision=2), VMReady)

    machines = {it.applications: it.machine for it in second.machines}
    assert machines["hello",] == first.machines[0].machine
    assert machines["about",] == ids.machine_name(rig.deployment, 2)


async def test_one_machine_holds_all_where_the_provider_wants_that(rig: Rig) -> None:
    rig.world.placement = "machine-per-deployment"

    async with rig.working():
        ready = await rig.answer(await rig.request("hello", "pages"), VMReady)

    [machine] = ready.machines
    assert machine.applications == ("hello", "pages")
    assert rig.world.backend.machines[machine.machine].size == LARGE


async def test_a_larger_size_stops_the_machine_and_starts_it_again(rig: Rig) -> None:
    async with rig.working():
        first = await rig.answer(await rig.request("hello"), VMReady)
        second = await rig.answer(await rig.request("hello", revision=2, size=LARGE), VMReady)

    [machine] = rig.world.backend.machines.values()
    assert second.machines == first.machines
    assert machine.size == LARGE
    assert machine.power is Power.RUNNING


async def test_a_machine_that_could_not_grow_runs_on_as_it_was(rig: Rig) -> None:
    async with rig.working():
        first = await rig.answer(await rig.request("hello"), VMReady)
        name = first.machines[0].machine
        rig.world.backend.is_rigid = True
        run = await rig.request("hello", revision=2, size=LARGE)
        failed = await rig.answer(run, ProvisioningFailed)
        await eventually(lambda: rig.world.backend.starts == [name, name], within=10)
        third = await rig.answer(await rig.request("hello", revision=3), VMReady)

    assert (failed.stage, failed.outcome) == ("machine", Outcome.PARTIAL)
    assert third.machines == first.machines
    machine = rig.world.backend.machines[name]
    assert (machine.size, machine.power) == (SMALL, Power.RUNNING)


async def test_a_machine_that_grows_keeps_its_disk_when_its_address_is_taken(rig: Rig) -> None:
    async with rig.working():
        first = await rig.answer(await rig.request("hello"), VMReady)
        [before] = rig.world.backend.machines.values()
        rig.world.backend.hidden.add(before.addresses[SSH_PORT])
        run = await rig.request("hello", revision=2, size=LARGE)
        failed = await rig.answer(run, ProvisioningFailed)
        rig.world.backend.hidden.clear()
        rig.world.backend.taken.clear()
        again = await rig.answer(await rig.request("hello", revision=2, size=LARGE), VMReady)

    assert (failed.failure.code, failed.stage) == ("machine.port_taken", "boot")
    assert again.machines == first.machines


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"packages": {"hello": ("postgresql-15", "python3")}}, "machine.image_packages"),
        ({"domain": "garden.example"}, "provider.no_zone"),
    ],
)
async def test_what_a_machine_cannot_become_is_refused_and_nothing_changes(
    rig: Rig, change: dict[str, object], code: str
) -> None:
    async with rig.working():
        await rig.answer(await rig.request("hello", size=LARGE), VMReady)
        before = dict(rig.world.backend.machines)
        wanted = {"size": LARGE, "revision": 2} | change
        failed = await rig.answer(await rig.request("hello", **wanted), ProvisioningFailed)  # type: ignore[arg-type]

    assert (failed.failure.code, failed.stage, failed.outcome) == (code, "image", Outcome.UNCHANGED)
    assert rig.world.backend.machines == before


async def test_a_full_host_is_named_and_the_next_run_goes_on(rig: Rig) -> None:
    rig.world.backend.is_full = True

    async with rig.working():
        failed = await rig.answer(await rig.request("hello"), ProvisioningFailed)
        rig.world.backend.is_full = False
        ready = await rig.answer(await rig.request("hello"), VMReady)

    assert (failed.failure.code, failed.stage) == ("machine.disk_full", "machine")
    assert failed.outcome is Outcome.PARTIAL
    assert "df -h" in failed.failure.message
    assert len(ready.machines) == 1


async def test_a_machine_that_was_never_made_is_made_as_the_next_revision_asks(rig: Rig) -> None:
    rig.world.backend.is_full = True

    async with rig.working():
        run = await rig.request("hello", size=LARGE, packages={"hello": ("postgresql-15",)})
        await rig.answer(run, ProvisioningFailed)
        rig.world.backend.is_full = False
        await rig.answer(await rig.request("hello", revision=2), VMReady)

    [made] = rig.world.backend.machines.values()
    assert (made.size, made.image.packages) == (SMALL, ("python3",))


async def test_a_machine_that_was_never_made_holds_what_the_next_revision_places_there(
    rig: Rig,
) -> None:
    rig.world.placement = "machine-per-deployment"
    rig.world.backend.is_full = True

    async with rig.working():
        await rig.answer(await rig.request("hello"), ProvisioningFailed)
        rig.world.backend.is_full = False
        ready = await rig.answer(await rig.request("hello", "pages", revision=2), VMReady)

    [machine] = ready.machines
    assert machine.applications == ("hello", "pages")
    assert rig.world.backend.machines[machine.machine].size == LARGE


async def test_a_disk_that_grew_unrecorded_does_not_shrink(rig: Rig) -> None:
    async with rig.working():
        first = await rig.answer(await rig.request("hello"), VMReady)
        name = first.machines[0].machine
        # What a crash leaves between the new size and its record.
        machine = rig.world.backend.machines[name]
        await rig.world.backend.resize(name, machine.identity, LARGE)
        second = await rig.answer(await rig.request("hello", revision=2), VMReady)

    assert second.machines == first.machines
    assert rig.world.backend.machines[name].size == LARGE


async def test_a_machine_that_does_not_answer_at_first_is_waited_for(rig: Rig) -> None:
    rig.world.backend.unanswered = 2

    async with rig.working():
        await rig.answer(await rig.request("hello"), VMReady)

    assert [it.state for it in rig.reports if it.step == "boot"].count(StepState.RETRYING) == 2
    assert len(rig.world.backend.starts) == 1


async def test_an_address_that_something_else_has_is_passed_over(rig: Rig) -> None:
    [taken, free, *_] = rig.world.addresses.candidates(ids.machine_name(rig.deployment, 1))
    rig.world.backend.taken.add(taken)

    async with rig.working():
        ready = await rig.answer(await rig.request("hello"), VMReady)

    assert ready.machines[0].ssh.port == free.port


async def test_an_address_that_is_taken_at_the_last_moment_is_given_up(rig: Rig) -> None:
    [first, *_] = rig.world.addresses.candidates(ids.machine_name(rig.deployment, 1))
    rig.world.backend.hidden.add(first)

    async with rig.working():
        ready = await rig.answer(await rig.request("hello"), VMReady)

    assert ready.machines[0].ssh.port != first.port
    assert len(rig.world.backend.machines) == 1


async def test_a_machine_that_is_gone_when_it_is_to_start_is_made_again(rig: Rig) -> None:
    rig.world.backend.unanswered = 1

    async with rig.working():
        run = await rig.request("hello")
        await eventually(
            lambda: any(it.state is StepState.RETRYING for it in rig.reports), within=10
        )
        # What a move leaves behind that was cut short: the row, and no machine.
        rig.world.backend.machines.clear()
        ready = await rig.answer(run, VMReady)

    assert [*rig.world.backend.machines] == [ready.machines[0].machine]


async def test_an_image_that_is_gone_when_a_machine_is_made_from_it_is_built_again(
    rig: Rig,
) -> None:
    rig.world.backend.dropped = 1

    async with rig.working():
        await rig.answer(await rig.request("hello"), VMReady)

    assert len(rig.world.backend.machines) == 1


async def test_a_failed_start_waits_for_the_machines_beside_it(rig: Rig) -> None:
    async with rig.working():
        first = await rig.answer(await rig.request("hello", "pages"), VMReady)
        hello, pages = (rig.world.backend.machines[it.machine] for it in first.machines)
        rig.world.backend.kill(hello.name)
        rig.world.backend.hidden.add(hello.addresses[SSH_PORT])
        rig.world.backend.answered.clear()
        rig.world.backend.delays[pages.name] = 0.5
        run = await rig.request("hello", "pages", revision=2)
        failed = await rig.answer(run, ProvisioningFailed)
        answered = list(rig.world.backend.answered)

    assert failed.failure.code == "machine.port_taken"
    assert answered == [pages.name]


async def test_two_deployments_never_share_an_address(rig: Rig) -> None:
    rig.world.addresses = type(rig.world.addresses)(host="127.0.0.1", first=24000, last=24003)
    other, third = rig.beside(), rig.beside()

    async with rig.working():
        one = await rig.answer(await rig.request("hello"), VMReady)
        two = await other.answer(await other.request("hello"), VMReady)
        none = await third.answer(await third.request("hello"), ProvisioningFailed)

    ports = {at.port for it in (*one.machines, *two.machines) for at in (it.ssh, it.http)}
    assert ports == {24000, 24001, 24002, 24003}
    assert none.failure.code == "machine.no_address"
    assert "24000-24003" in none.failure.message


async def test_a_machine_whose_process_died_is_started_again(rig: Rig) -> None:
    async with rig.working():
        ready = await rig.answer(await rig.request("hello"), VMReady)
        name = ready.machines[0].machine
        rig.world.backend.kill(name)

        await eventually(lambda: rig.world.backend.starts == [name, name], within=10)

    machine = rig.world.backend.machines[name]
    assert (machine.power, machine.addresses[SSH_PORT]) == (
        Power.RUNNING,
        Endpoint(host=ready.machines[0].ssh.host, port=ready.machines[0].ssh.port),
    )


async def test_a_machine_that_does_not_start_keeps_no_other_one_from_starting(rig: Rig) -> None:
    async with rig.working():
        ready = await rig.answer(await rig.request("hello", "pages"), VMReady)
        hello, pages = (rig.world.backend.machines[it.machine] for it in ready.machines)
        rig.world.backend.hidden.add(hello.addresses[SSH_PORT])
        for it in (hello, pages):
            rig.world.backend.kill(it.name)

        await eventually(lambda: rig.world.backend.starts.count(pages.name) == 2, within=10)

    assert rig.world.backend.starts.count(hello.name) == 1


async def test_a_look_tells_of_every_machine_that_is_in_trouble(rig: Rig) -> None:
    async with rig.working():
        ready = await rig.answer(await rig.request("hello", "pages"), VMReady)
    rig.world.backend.machines.clear()

    with pytest.raises(errors.FaultError) as caught:
        await rig.service.machines.look(rig.deployment)

    assert all(it.machine in caught.value.message for it in ready.machines)


async def test_a_machine_of_a_failed_first_run_is_not_started_by_the_watch(rig: Rig) -> None:
    rig.world.backend.is_full = True

    async with rig.working():
        await rig.answer(await rig.request("hello"), ProvisioningFailed)

    assert rig.world.backend.starts == []
    assert await rig.rows("watches") == 0


async def test_a_mistake_of_a_driver_keeps_no_other_machine_from_running(rig: Rig) -> None:
    async with rig.working():
        ready = await rig.answer(await rig.request("hello", "pages"), VMReady)
        hello, pages = (it.machine for it in ready.machines)
        rig.world.backend.broken.add(hello)
        rig.world.backend.kill(pages)

        await eventually(lambda: rig.world.backend.starts.count(pages) == 2, within=10)

    with pytest.raises(errors.FaultError, match="the driver is broken"):
        await rig.service.machines.look(rig.deployment)


async def test_a_machine_tells_of_the_doors_that_it_has_not_of_those_offered_by_now(
    rig: Rig,
) -> None:
    async with rig.working():
        first = await rig.answer(await rig.request("hello"), VMReady)
        egress = Endpoint(host="10.0.2.102", port=3128)
        rig.world.backend.ways_out = first.machines[0].guest.model_copy(update={"egress": egress})
        [found] = await rig.world.backend.list_machines()
        second = await rig.answer(await rig.request("hello", revision=2), VMReady)

    assert first.machines[0].guest.egress is None
    assert found.doors.egress is None
    # It had to start again to have the new one.
    assert second.machines[0].guest.egress == egress
    assert rig.world.backend.starts == [found.name, found.name]
