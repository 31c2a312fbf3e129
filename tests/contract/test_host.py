"""What every machine promises to deployer: the one in memory, and a real guest over SSH."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from services.deployer.adapters.nix import Nix, NixSystemBuilder
from services.deployer.adapters.ssh import SshHosts
from services.deployer.domain import (
    Folder,
    FolderVerb,
    Headway,
    Permit,
    RebootedError,
    StateVerb,
    SwitchResult,
    System,
    UnitVerb,
)
from shared import errors
from tests.support import guests
from tests.support.deployments import a_machine, a_renderer, a_revision, a_wish
from tests.support.eventually import eventually
from tests.support.fakes.host import FakeHost
from tests.support.servers import throwaway_directory
from tests.support.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.deployer.ports import Host
    from shared.contracts.deployments import Options

# The real machine's connection lives as long as the session, and so does its event loop.
pytestmark = pytest.mark.asyncio(loop_scope="session")
PATIENT = 60
WRONG = "echo wrong; exit 75"
EXPORT = "01k0000000000000000000000e"
MOODS: dict[str, Options] = {
    "well": {},
    "other": {"greeting": "other"},
    "broken": {"mood": "broken"},
}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A machine, and systems for it that are in its store already."""

    host: Host
    well: System
    other: System
    broken: System
    soon: int
    """Seconds that a switch has without a confirmation; its activation is counted in."""

    async def boot_id(self) -> str:
        return (await self.host.look()).boot_id

    async def system(self) -> str:
        return (await self.host.look()).system

    async def permitted(self, system: System) -> str:
        """Place a permit and return the boot that it is for."""
        boot_id = await self.boot_id()
        await self.host.place(system, Permit(epoch=1, boot_id=boot_id), {"moody": {}})
        return boot_id


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def guest() -> AsyncIterator[Bench]:
    with throwaway_directory() as directory:
        nix = Nix.usual(directory)
        builder = NixSystemBuilder(
            nix=nix, expression=ROOT / "nix/standalone", work_directory=directory
        )
        async with (
            guests.running(directory, applications=("moody",)) as machine,
            SshHosts.opened(key_file=machine.key_file, work_directory=directory, nix=nix) as hosts,
        ):
            host = hosts.at(machine.granted)
            well, other, broken = [await built(builder, mood) for mood in MOODS]
            for system in (well, other, broken):
                await host.copy(system, verify=False)
            yield Bench(host=host, well=well, other=other, broken=broken, soon=10)


@pytest.fixture(params=["fake", "ssh"])
def bench(request: pytest.FixtureRequest) -> Bench:
    if request.param == "fake":
        well, other, broken = (System(f"/nix/store/{name}") for name in MOODS)
        seen = {"moody": "running"}
        fake = FakeHost(
            broken={broken}, store={well, other, broken}, seen=seen, complaints={WRONG: "wrong"}
        )
        return Bench(host=fake, well=well, other=other, broken=broken, soon=2)
    # A machine is started only for the tests that need one.
    real: Bench = request.getfixturevalue("guest")
    return real


async def built(builder: NixSystemBuilder, name: str) -> System:
    wish = a_wish("moody", options=MOODS[name])
    machine = a_machine(applications=("moody",))
    arguments = a_renderer().arguments(a_revision(wish=wish, machines=(machine,)), machine, ())
    return await builder.build(name, arguments)


async def unheard(_: Headway) -> None:
    """Hear how far something is that must not begin."""
    raise AssertionError


async def settled(bench: Bench, system: System) -> str:
    """Bring the machine to run a system for good, and return its boot."""
    boot_id = await bench.permitted(system)
    switch = await bench.host.switch(boot_id, system, PATIENT)
    if switch.result is not SwitchResult.UNCHANGED:
        assert switch.result is SwitchResult.ACTIVATED, switch
        verdict = await bench.host.confirm(boot_id, system)
        assert verdict.result is SwitchResult.CONFIRMED, verdict
    return boot_id


async def test_a_confirmed_switch_stays(bench: Bench) -> None:
    await settled(bench, bench.other)
    await settled(bench, bench.well)

    assert await bench.system() == bench.well


async def test_a_switch_can_be_confirmed_twice(bench: Bench) -> None:
    await settled(bench, bench.other)
    boot_id = await settled(bench, bench.well)

    again = await bench.host.confirm(boot_id, bench.well)

    assert again.result is SwitchResult.CONFIRMED


async def test_a_switch_to_what_runs_changes_nothing(bench: Bench) -> None:
    boot_id = await settled(bench, bench.well)

    first = await bench.host.switch(boot_id, bench.well, PATIENT)
    second = await bench.host.switch(boot_id, bench.well, PATIENT)

    assert first.result is SwitchResult.UNCHANGED
    assert second == first


async def test_two_switches_to_one_system_are_one(bench: Bench) -> None:
    boot_id = await settled(bench, bench.well)
    await bench.permitted(bench.other)

    first, second = await asyncio.gather(
        bench.host.switch(boot_id, bench.other, PATIENT),
        bench.host.switch(boot_id, bench.other, PATIENT),
    )

    assert first == second
    assert first.result is SwitchResult.ACTIVATED
    await bench.host.refuse(boot_id, bench.other, "tidy up")


async def test_a_second_switch_waits_for_the_verdict_on_the_first(bench: Bench) -> None:
    boot_id = await settled(bench, bench.well)
    await bench.permitted(bench.other)
    await bench.host.switch(boot_id, bench.other, PATIENT)

    with pytest.raises(errors.UnavailableError, match=r"machine\.busy"):
        await bench.host.switch(boot_id, bench.broken, PATIENT)
    await bench.host.refuse(boot_id, bench.other, "tidy up")


async def test_a_refused_switch_brings_back_what_ran_before(bench: Bench) -> None:
    boot_id = await settled(bench, bench.well)
    await bench.permitted(bench.other)
    await bench.host.switch(boot_id, bench.other, PATIENT)

    verdict = await bench.host.refuse(boot_id, bench.other, "it is sick")

    assert verdict.result is SwitchResult.ROLLED_BACK
    assert verdict.reason == "it is sick"
    assert await bench.system() == bench.well
    late = await bench.host.confirm(boot_id, bench.other)
    assert late.result is SwitchResult.ROLLED_BACK


async def test_a_confirmed_switch_can_not_be_refused(bench: Bench) -> None:
    await settled(bench, bench.other)
    boot_id = await settled(bench, bench.well)

    verdict = await bench.host.refuse(boot_id, bench.well, "too late")

    assert verdict.result is SwitchResult.CONFIRMED
    assert await bench.system() == bench.well


async def test_a_switch_that_nobody_confirms_is_taken_back(bench: Bench) -> None:
    boot_id = await settled(bench, bench.well)
    await bench.permitted(bench.other)
    await bench.host.switch(boot_id, bench.other, bench.soon)
    assert await bench.system() == bench.other

    async def is_back() -> bool:
        return await bench.system() == bench.well

    await eventually(is_back, within=60)


async def test_a_system_that_cannot_be_activated_is_taken_back_at_once(bench: Bench) -> None:
    boot_id = await settled(bench, bench.well)
    await bench.permitted(bench.broken)

    verdict = await bench.host.switch(boot_id, bench.broken, PATIENT)

    assert verdict.result is SwitchResult.ROLLED_BACK
    assert verdict.reason.startswith("the activation failed")
    assert await bench.system() == bench.well


async def test_no_verdict_is_known_of_a_switch_that_was_not_the_last(bench: Bench) -> None:
    await settled(bench, bench.other)
    boot_id = await settled(bench, bench.well)

    assert (await bench.host.confirm(boot_id, bench.other)).result is SwitchResult.NONE
    assert (await bench.host.refuse(boot_id, bench.other, "?")).result is SwitchResult.NONE


async def test_nothing_is_done_in_another_boot_than_meant(bench: Bench) -> None:
    await settled(bench, bench.well)
    other_boot = "00000000-0000-0000-0000-000000000000"

    for attempt in (
        bench.host.place(bench.well, Permit(epoch=1, boot_id=other_boot), {}),
        bench.host.start(other_boot, bench.well),
        bench.host.switch(other_boot, bench.other, PATIENT),
        bench.host.confirm(other_boot, bench.well),
        bench.host.refuse(other_boot, bench.well, "?"),
        bench.host.units(other_boot, UnitVerb.STOP, ["moody"]),
        bench.host.perform(other_boot, "moody", ["/bin/busybox", "true"]),
        bench.host.folder(other_boot, FolderVerb.SET_ASIDE, "moody", EXPORT),
        bench.host.carry(other_boot, StateVerb.EXPORT, "moody", "{}", unheard),
    ):
        with pytest.raises(RebootedError):
            await attempt
    assert await bench.system() == bench.well


async def test_a_connection_can_be_made_anew_within_a_switch(bench: Bench) -> None:
    boot_id = await settled(bench, bench.well)
    await bench.permitted(bench.other)
    await bench.host.switch(boot_id, bench.other, PATIENT)

    await bench.host.renew()

    assert (await bench.host.confirm(boot_id, bench.other)).result is SwitchResult.CONFIRMED


async def test_an_examination_shows_what_runs_and_what_stands_still(bench: Bench) -> None:
    boot_id = await settled(bench, bench.other)
    vitals = await bench.host.examine()

    assert (vitals.boot_id, vitals.system) == (boot_id, bench.other)
    assert vitals.units == {"moody": "running"}
    assert 0 < vitals.disk_percent < 100
    await bench.host.units(boot_id, UnitVerb.MASK, ["moody"])
    assert (await bench.host.examine()).units == {"moody": "masked"}


async def test_after_a_switch_nothing_stands_still(bench: Bench) -> None:
    boot_id = await settled(bench, bench.other)
    await bench.host.units(boot_id, UnitVerb.MASK, ["moody"])

    await settled(bench, bench.well)

    assert (await bench.host.examine()).units == {"moody": "running"}


async def test_what_stands_still_does_not_start_with_the_rest(bench: Bench) -> None:
    boot_id = await settled(bench, bench.well)
    await bench.host.units(boot_id, UnitVerb.MASK, ["moody"])

    await bench.host.start(boot_id, bench.well)

    assert (await bench.host.examine()).units == {"moody": "masked"}
    await bench.host.units(boot_id, UnitVerb.UNMASK, ["moody"])
    await bench.host.units(boot_id, UnitVerb.START, ["moody"])
    assert (await bench.host.examine()).units == {"moody": "running"}


async def test_a_folder_is_set_aside_and_settled_for_one_of_two(bench: Bench) -> None:
    boot_id = await settled(bench, bench.well)
    await bench.host.units(boot_id, UnitVerb.STOP, ["moody"])

    async def fold(verb: FolderVerb, export: str = EXPORT) -> Folder:
        return await bench.host.folder(boot_id, verb, "moody", export)

    for last in (FolderVerb.PUT_BACK, FolderVerb.DROP):
        assert await fold(FolderVerb.STATUS) is Folder.NONE
        assert [await fold(FolderVerb.SET_ASIDE) for _ in range(2)] == [Folder.ASIDE] * 2
        assert await fold(FolderVerb.STATUS, "another") is Folder.NONE
        with pytest.raises(errors.CommandError):
            await fold(FolderVerb.SET_ASIDE, "another")
        assert await fold(FolderVerb.IMPORTED) is Folder.IMPORTED
        assert [await fold(last) for _ in range(2)] == [Folder.NONE] * 2
    with pytest.raises(errors.CommandError):
        await fold(FolderVerb.IMPORTED)
    stranger = bench.host.folder(boot_id, FolderVerb.STATUS, "stranger", EXPORT)
    assert await stranger is Folder.NONE
    await bench.host.units(boot_id, UnitVerb.START, ["moody"])


async def test_a_command_of_a_package_succeeds_or_says_what_is_wrong(bench: Bench) -> None:
    boot_id = await settled(bench, bench.well)

    assert await bench.host.perform(boot_id, "moody", ["/bin/busybox", "true"]) == ""
    assert await bench.host.perform(boot_id, "moody", ["/bin/sh", "-c", WRONG]) == "wrong"


async def test_a_disk_from_before_a_move_gets_no_permit(bench: Bench) -> None:
    boot_id = await settled(bench, bench.well)

    with pytest.raises(errors.ConflictError):
        await bench.host.place(bench.well, Permit(epoch=9, boot_id=boot_id, known=9), {})

    await settled(bench, bench.well)


async def test_a_system_has_to_be_copied_first(bench: Bench) -> None:
    missing = System("/nix/store/00000000000000000000000000000000-missing")

    with pytest.raises(errors.CommandError):
        await bench.host.switch(await bench.boot_id(), missing, PATIENT)


async def test_copying_again_changes_nothing(bench: Bench) -> None:
    await settled(bench, bench.well)

    await bench.host.copy(bench.well, verify=True)

    assert await bench.system() == bench.well


async def test_what_was_erased_can_be_placed_again(bench: Bench) -> None:
    await settled(bench, bench.well)

    await bench.host.erase()
    boot_id = await bench.permitted(bench.well)
    await bench.host.start(boot_id, bench.well)

    assert await bench.system() == bench.well
