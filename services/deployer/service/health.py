"""The watch over health: what runs, answers, has room and can be trusted, and since when not.

What stands still on purpose is not looked at, only kept still: a deploy that was taken back, or
the watchdog of a machine, may have started it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Final

from shared import errors, jobs, telemetry
from shared.contracts.deployer import Ailment, HealthChanged
from shared.contracts.deployments import Mode
from shared.contracts.messages import Event
from shared.database import Transaction

from ..domain import AilmentKind, RebootedError, Symptom, UnitVerb, reviewed
from . import units

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from shared.catalogue import Catalogue
    from shared.clock import Clock
    from shared.contracts.deployments import GrantedMachine

    from ..domain import Finding, Generation, Place, Vitals
    from ..ports import Certificates, Conditions, HealthProbe, Hosts, Revisions
    from .timing import Timing

Transactions = Callable[[], contextlib.AbstractAsyncContextManager[Transaction]]
Say = Callable[[Transaction, Event], Awaitable[None]]
RUNS: Final = "running"
MASKED: Final = "masked"
FULL_PERCENT: Final = 90
BOOT: Final = timedelta(seconds=15)
"""A machine that is away for less has only booted."""
ISSUE: Final = timedelta(minutes=1)
"""A certificate for a new name takes a while."""
TRUSTED_SECONDS: Final = 600.0
"""How long a good certificate is not looked at again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Looks at applications again and again, and says what has changed."""

    revisions: Revisions
    hosts: Hosts
    probe: HealthProbe
    certificates: Certificates
    conditions: Conditions
    catalogue: Catalogue
    transaction: Transactions
    say: Say
    clock: Clock
    timing: Timing
    _trusted: dict[str, float] = field(default_factory=dict)
    """Host → when its certificate was good."""

    def watch(self) -> jobs.Watch:
        """Describe the watch."""
        return jobs.Watch("health", self.look, every_seconds=self.timing.between_examinations)

    async def look(self, deployment: str) -> None:
        """Look at every machine and application of a deployment once."""
        generations = await self.revisions.generations(deployment)
        if not generations:
            return
        number, run = generations[0].revision, generations[0].run
        revision = await self.revisions.revision(deployment, number, run)
        if revision.wanted.mode is not Mode.ACTIVE:
            return
        async with self.transaction() as tx:
            is_paused = await self.conditions.is_paused(tx, deployment)
        if is_paused:
            await asyncio.gather(*(self._keep_still(it) for it in revision.machines))
            return
        left = {it.machine: it for it in generations}
        places = revision.places()
        looks = [
            *(
                self._machine(it, left[it.machine], [p for p in places if p.machine is it])
                for it in revision.machines
                if it.machine in left
            ),
            *(self._certificate(it) for it in places),
        ]
        await self._note(deployment, _flat(await asyncio.gather(*looks)))

    async def _machine(
        self, machine: GrantedMachine, generation: Generation, places: Sequence[Place]
    ) -> Sequence[Symptom]:
        """Return what is wrong with a machine, and with the applications on it if it answers."""
        everybody = machine.applications
        try:
            vitals = await self.hosts.at(machine).examine()
        except errors.UnavailableError:
            return _of_each(everybody, AilmentKind.UNIT, "the machine does not answer", BOOT)
        except errors.FaultError as error:
            return _of_each(everybody, AilmentKind.UNIT, error.message)
        if generation.refusal:
            return _of_each(everybody, AilmentKind.UNIT, generation.refusal)
        if vitals.system != generation.system:
            message = "the machine runs another system than it was left with"
            return _of_each(everybody, AilmentKind.UNIT, message)
        answers = await asyncio.gather(*(self._answer(it) for it in places))
        return [*self._stopped(machine, vitals), *_full(everybody, vitals), *_flat(answers)]

    def _stopped(self, machine: GrantedMachine, vitals: Vitals) -> Sequence[Symptom]:
        return [
            Symptom(
                application=package.name,
                kind=AilmentKind.UNIT,
                message=", ".join(f"{name}: {vitals.units.get(name, 'missing')}" for name in sick),
            )
            for package in units.packages(self.catalogue, machine)
            if (sick := [it for it in units.of(package) if vitals.units.get(it) != RUNS])
        ]

    async def _answer(self, place: Place) -> Sequence[Symptom]:
        ailment = await self.probe.ask(place.endpoint, place.host, place.health_path)
        message = f"asked for {place.health_path}: {ailment}"
        return _of_each([place.application], AilmentKind.HTTP, message) if ailment else []

    async def _certificate(self, place: Place) -> Sequence[Symptom]:
        now = asyncio.get_running_loop().time()
        if now - self._trusted.get(place.host, -TRUSTED_SECONDS) < TRUSTED_SECONDS:
            return []
        try:
            found = await self.certificates.of(place.host)
        except errors.FaultError as error:
            return _of_each([place.application], AilmentKind.CERTIFICATE, error.message, ISSUE)
        if found and found.is_running_out(self.clock.now()):
            message = f"the certificate of {place.host} ends on {_moment(found.ends)}"
            return _of_each([place.application], AilmentKind.CERTIFICATE, message)
        self._trusted[place.host] = now
        return []

    async def _keep_still(self, machine: GrantedMachine) -> None:
        host, names = self.hosts.at(machine), units.stopped(self.catalogue, machine)
        with contextlib.suppress(errors.UnavailableError, RebootedError):
            vitals = await host.examine()
            loose = [it for it in names if vitals.units.get(it, MASKED) != MASKED]
            if loose:
                telemetry.log.warning("units_did_not_stand_still", machine=machine.machine)
                await host.units(vitals.boot_id, UnitVerb.MASK, loose)

    async def _note(self, deployment: str, symptoms: Sequence[Symptom]) -> None:
        """Remember what was seen, and say so when that is news."""
        async with self.transaction() as tx:
            known = await self.conditions.findings(tx, deployment)
            if not known and not symptoms:
                return
            now = self.clock.now()
            findings = reviewed(known, symptoms, now)
            await self.conditions.note(tx, deployment, findings)
            if _told(known) != _told(findings):
                await self.say(tx, _changed(deployment, findings, now))


async def all_well(
    conditions: Conditions, deployment: str, now: datetime, tx: Transaction
) -> Sequence[Event]:
    """Forget what was wrong, and return what to say about that."""
    known = await conditions.findings(tx, deployment)
    await conditions.note(tx, deployment, ())
    return [_changed(deployment, (), now)] if _told(known) else []


def _changed(deployment: str, findings: Iterable[Finding], now: datetime) -> HealthChanged:
    return HealthChanged(
        deployment=deployment,
        at=_moment(now),
        ailments=tuple(
            Ailment(
                application=it.application,
                kind=it.kind,
                message=telemetry.redacted_text(it.told),
                since=_moment(it.since),
            )
            for it in findings
            if it.is_told
        ),
    )


def _told(findings: Iterable[Finding]) -> set[tuple[str, AilmentKind, str]]:
    return {it.news for it in findings if it.is_told}


def _of_each(
    applications: Iterable[str],
    kind: AilmentKind,
    message: str,
    patience: timedelta = timedelta(),
) -> Sequence[Symptom]:
    return [
        Symptom(application=it, kind=kind, message=message, patience=patience)
        for it in sorted(applications)
    ]


def _full(applications: Iterable[str], vitals: Vitals) -> Sequence[Symptom]:
    if vitals.disk_percent <= FULL_PERCENT:
        return []
    message = f"the disk of its machine is {vitals.disk_percent} % full"
    return _of_each(applications, AilmentKind.DISK, message)


def _flat(found: Iterable[Sequence[Symptom]]) -> Sequence[Symptom]:
    return [it for some in found for it in some]


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
