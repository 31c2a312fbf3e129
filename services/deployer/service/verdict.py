"""The verdict on a switch: keep it when everything answers, else take it back, and be truthful."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import errors, jobs
from shared.contracts.failures import Outcome

from ..domain import RebootedError, SwitchResult
from .together import AFTER_BOOT, each

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from shared.contracts.deployments import GrantedMachine

    from ..domain import Place, Revision, Switch, System
    from ..ports import HealthProbe, Hosts
    from .timing import Timing

OUTCOME: Final = "outcome"
"""The detail of a failure that says in which state it left things."""
WORDS: Final = {
    Outcome.UNCHANGED: "No machine runs anything new.",
    Outcome.ROLLED_BACK: "What ran before runs again.",
    Outcome.PARTIAL: "Some machines keep the new configuration; deploy again or remove it.",
    Outcome.ROLLBACK_FAILED: "It could not be taken back; the provider has to look.",
}

OPEN: Final = (
    "What nobody could confirm is taken back by the machine itself, within {seconds} s or when it "
    "boots again; deploy again to be sure."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Systems that run on machines and wait for a verdict."""

    revision: Revision
    systems: Mapping[str, System]
    boots: Mapping[str, str]
    unchanged: frozenset[str]
    """Machines that ran their system before; there is nothing to confirm or to take back."""

    @property
    def switched(self) -> Sequence[GrantedMachine]:
        """The machines that run something new."""
        return [it for it in self.revision.machines if it.machine not in self.unchanged]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Decides whether machines keep their new systems."""

    hosts: Hosts
    probe: HealthProbe
    timing: Timing

    async def reach(self, trial: Trial, *, was_interrupted: bool) -> None:
        """Keep the systems, or take them back.

        Raises:
            FaultError: they were taken back, or could not be; the details name the outcome.
            ReenterError: a machine has booted meanwhile, which says nothing about the systems; or
                the watchdog took them back while nobody asked for a verdict.
        """
        sick, closed = await asyncio.gather(self.sick(trial.revision), self._closed(trial))
        reasons = [*sick, *closed] or await self._unconfirmed(trial)
        if reasons and was_interrupted and not sick:
            raise jobs.ReenterError(AFTER_BOOT)
        if reasons:
            await self._check_boots(trial)
            raise await self.take_back(trial, "; ".join(reasons))

    async def _check_boots(self, trial: Trial) -> None:
        """Make sure that no machine has booted again; those that do not answer are passed over."""

        async def check_one(machine: GrantedMachine) -> None:
            with contextlib.suppress(errors.UnavailableError):
                seen = await self.hosts.at(machine).look()
                if seen.boot_id != trial.boots[machine.machine]:
                    raise RebootedError(machine.machine)

        await each(trial.revision.machines, check_one)

    async def take_back(self, trial: Trial, reason: str) -> errors.FaultError:
        """Take back what was switched, and return the failure that says so."""
        found = await self._refuse(trial, reason)
        outcome = outcome_of({it.result for it in found.values()})
        failed = [it.reason for it in found.values() if it.result is SwitchResult.ROLLED_BACK]
        text = reason or "; ".join(sorted(set(failed)))
        return errors.FaultError(
            "deployment.not_kept", f"{text}. {WORDS[outcome]}", details={OUTCOME: outcome}
        )

    async def give_up(self, trial: Trial) -> None:
        """Take the systems back in a cancelled run, unless all of them are kept already.

        Raises:
            RunCancelledError: they were taken back; the details name the outcome.
            ReenterError: a machine has booted meanwhile, and has taken its system back by that.
        """
        found = await self._refuse(trial, "the run was cancelled")
        results = {it.result for it in found.values()}
        if results == {SwitchResult.CONFIRMED}:
            return
        outcome = outcome_of(results)
        words = f"The run was cancelled. {WORDS[outcome]}"
        raise jobs.RunCancelledError(words, details={OUTCOME: outcome})

    async def _refuse(self, trial: Trial, reason: str) -> Mapping[str, Switch]:
        async def refuse_one(machine: GrantedMachine) -> Switch:
            name = machine.machine
            host = self.hosts.at(machine)
            return await host.refuse(trial.boots[name], trial.systems[name], reason)

        return await each(trial.switched, refuse_one)

    async def sick(self, revision: Revision) -> list[str]:
        """Return why applications are not healthy, once the time for it is over."""
        found = await asyncio.gather(*(self._ailment(it) for it in revision.places()))
        return [it for it in found if it]

    async def _ailment(self, place: Place) -> str:
        loop = asyncio.get_running_loop()
        end = loop.time() + self.timing.health
        while ailment := await self.probe.ask(place.endpoint, place.host, place.health_path):
            if loop.time() > end:
                return (
                    f"{place.application} did not become healthy within "
                    f"{self.timing.health:g} s: {ailment}"
                )
            await asyncio.sleep(self.timing.between_questions)
        return ""

    async def _closed(self, trial: Trial) -> list[str]:
        """Return why machines cannot be entered any more, once the time for it is over."""
        found = await asyncio.gather(*(self._closed_door(it) for it in trial.switched))
        return [it for it in found if it]

    async def _closed_door(self, machine: GrantedMachine) -> str:
        loop = asyncio.get_running_loop()
        end = loop.time() + self.timing.confirmation
        while True:
            try:
                await self.hosts.at(machine).renew()
            except errors.UnavailableError as error:
                if loop.time() > end:
                    return (
                        f"no new connection to {machine.machine} could be opened: {error.message}"
                    )
                await asyncio.sleep(self.timing.between_questions)
            else:
                return ""

    async def _unconfirmed(self, trial: Trial) -> list[str]:
        """Confirm every switch, and return why some could not be."""

        async def confirm_one(machine: GrantedMachine) -> str:
            name = machine.machine
            switch = await self.hosts.at(machine).confirm(trial.boots[name], trial.systems[name])
            return "" if switch.result is SwitchResult.CONFIRMED else switch.reason or switch.result

        found = await each(trial.switched, confirm_one)
        return [it for it in found.values() if it]


def outcome_of(results: AbstractSet[SwitchResult]) -> Outcome:
    """Return the one outcome of several machines, the worst that is true."""
    if SwitchResult.ROLLBACK_FAILED in results:
        return Outcome.ROLLBACK_FAILED
    if results <= {SwitchResult.NONE}:
        return Outcome.UNCHANGED
    if results <= {SwitchResult.NONE, SwitchResult.ROLLED_BACK}:
        return Outcome.ROLLED_BACK
    return Outcome.PARTIAL
