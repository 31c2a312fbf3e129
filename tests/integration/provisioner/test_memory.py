"""Hosts without the memory that a machine is to grow by: what ran runs on, and the run says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.provisioner.ports import Power
from services.provisioner.service.values import ChosenImages, Wanted
from shared import errors, ids, jobs
from shared.contracts.deployments import MachineRequest
from shared.contracts.provisioner import ProvisioningFailed, VMReady
from tests.integration.provisioner.conftest import LARGE, SMALL, port

if TYPE_CHECKING:
    from services.provisioner.ports import FoundMachine
    from shared.contracts.progress import StepState
    from tests.integration.provisioner.conftest import Rig


def only(rig: Rig) -> FoundMachine:
    [found] = rig.world.backend.machines.values()
    return found


async def test_what_a_host_has_no_memory_for_interrupts_nobody(rig: Rig) -> None:
    async with rig.working():
        await rig.answer(await rig.request("hello"), VMReady)
        before = only(rig)
        rig.world.backend.has_memory = False
        run = await rig.request("hello", revision=2, size=LARGE)
        failed = await rig.answer(run, ProvisioningFailed)

    assert (failed.failure.code, failed.stage) == ("machine.memory_full", "machine")
    assert only(rig) == before
    assert rig.world.backend.starts == [before.name]


async def test_a_machine_that_does_not_start_with_more_memory_runs_as_before(rig: Rig) -> None:
    async with rig.working():
        first = await rig.answer(await rig.request("hello"), VMReady)
        rig.world.backend.most_memory_mib = SMALL.memory_mib
        run = await rig.request("hello", revision=2, size=LARGE)
        failed = await rig.answer(run, ProvisioningFailed)
        again = await rig.answer(await rig.request("hello", revision=3), VMReady)

    assert (failed.failure.code, failed.stage) == ("machine.memory_full", "boot")
    assert (only(rig).size.memory_mib, only(rig).power) == (SMALL.memory_mib, Power.RUNNING)
    assert again.machines == first.machines


async def test_a_run_does_not_claim_a_size_that_the_watch_could_not_start_a_machine_with(
    rig: Rig,
) -> None:
    async with rig.working():
        await rig.answer(await rig.request("hello"), VMReady)
    machines, work = rig.service.machines, a_larger_hello(rig)
    rig.world.backend.most_memory_mib = SMALL.memory_mib

    await machines.machine(work)
    with pytest.raises(errors.FaultError, match="runs as before"):
        await machines.look(rig.deployment)
    with pytest.raises(errors.FaultError) as caught:
        await machines.boot(work)

    assert caught.value.code == "machine.memory_full"
    assert str(LARGE) in caught.value.message
    assert only(rig).power is Power.RUNNING


def a_larger_hello(rig: Rig) -> jobs.Job:
    request = MachineRequest(
        application="hello",
        cpus=LARGE.cpus,
        memory_mib=LARGE.memory_mib,
        disk_gib=LARGE.disk_gib,
        http_port=port("hello"),
        image_packages=("python3",),
    )
    return jobs.Job(
        id=ids.new_id(),
        kind="provision",
        deployment=rig.deployment,
        revision=2,
        run=ids.new_id(),
        attempt=1,
        arguments=Wanted(machines=(request,)).model_dump(mode="json"),
        results={"image": ChosenImages().model_dump(mode="json")},
        earlier={},
        tell=_tell_nobody,
    )


async def _tell_nobody(report: jobs.Report, state: StepState) -> None:
    pass
