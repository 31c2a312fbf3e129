"""A machine in memory, which behaves as a real one as far as the port tells."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typing_extensions import override

from services.deployer.domain import RebootedError, Sighting, Switch, SwitchResult, System
from services.deployer.ports import Host, Hosts
from shared import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.deployer.domain import Permit
    from shared.contracts.deployments import GrantedMachine

EMPTY = System("/nix/store/00000000000000000000000000000000-empty")
UNDER_WAY = {SwitchResult.ACTIVATING, SwitchResult.ACTIVATED}


@dataclass(kw_only=True)
class FakeHost(Host):
    """Keeps what it was given; `broken` systems cannot be activated."""

    broken: set[str] = field(default_factory=set)
    boot_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    system: System = EMPTY
    store: set[str] = field(default_factory=set)
    verified: list[str] = field(default_factory=list)
    secrets: dict[str, Mapping[str, Mapping[str, bytes]]] = field(default_factory=dict)
    permit: Permit | None = None
    started: list[str] = field(default_factory=list)
    is_away: bool = False
    is_stuck: bool = False
    """Cannot be put back."""
    is_slow: bool = False
    """Does not come to the end of an activation."""
    is_full: bool = False
    """Has no room to switch, nor to bring units up again."""
    cannot_be_entered: bool = False
    """Takes no new connection."""
    _history: list[System] = field(default_factory=lambda: [EMPTY])
    _target: System | None = None
    _old: System = EMPTY
    _verdict: Switch = field(default_factory=lambda: Switch(result=SwitchResult.NONE, generation=0))
    _watchdog: asyncio.TimerHandle | None = None

    def boot_again(self) -> None:
        """Lose everything in memory, and every switch that was not confirmed."""
        if self._verdict.result in UNDER_WAY:
            self.system = self._old
        self._conclude(SwitchResult.NONE)
        self._target, self.permit = None, None
        self.secrets.clear()
        self.started.clear()
        self.boot_id = str(uuid.uuid4())

    @override
    async def look(self) -> Sighting:
        self._reach()
        return Sighting(boot_id=self.boot_id, system=self.system)

    @override
    async def copy(self, system: System, *, verify: bool) -> None:
        self._reach()
        self.store.add(system)
        if verify:
            self.verified.append(system)

    @override
    async def place(
        self, system: System, permit: Permit, secrets: Mapping[str, Mapping[str, bytes]]
    ) -> None:
        self._reach(permit.boot_id, system)
        self.permit = permit
        self.secrets[system] = secrets

    @override
    async def start(self, boot_id: str, system: System) -> None:
        self._reach(boot_id, system)
        self.started.append(system)

    @override
    async def switch(self, boot_id: str, system: System, seconds: int) -> Switch:
        self._reach(boot_id, system)
        if self._verdict.result in UNDER_WAY:
            if self._target != system:
                raise errors.UnavailableError("machine.busy", "another switch is not confirmed yet")
            return self._verdict
        if self.is_full:
            raise errors.FaultError("machine.disk_full", "the disk is full")
        if self.system == system:
            return Switch(result=SwitchResult.UNCHANGED, generation=self._number(system))
        self._target, self._old = system, self.system
        if self.is_slow:
            return self._conclude(SwitchResult.ACTIVATING)
        if system in self.broken:
            return self._conclude(SwitchResult.ROLLED_BACK, "the activation failed")
        self._history.append(system)
        self.system = system
        loop = asyncio.get_running_loop()
        self._watchdog = loop.call_later(seconds, self._take_back, "nobody confirmed the switch")
        return self._conclude(SwitchResult.ACTIVATED)

    @override
    async def confirm(self, boot_id: str, system: System) -> Switch:
        self._reach(boot_id, system)
        if self._target != system:
            return Switch(result=SwitchResult.NONE, generation=0)
        if self._verdict.result is SwitchResult.ACTIVATED:
            self._conclude(SwitchResult.CONFIRMED)
        return self._verdict

    @override
    async def renew(self) -> None:
        self._reach()
        if self.cannot_be_entered:
            raise errors.UnavailableError("machine.unreachable", "no new connection")

    @override
    async def refuse(self, boot_id: str, system: System, reason: str) -> Switch:
        self._reach(boot_id, system)
        if self._target != system:
            return Switch(result=SwitchResult.NONE, generation=0)
        self._take_back(reason)
        return self._verdict

    @override
    async def erase(self) -> None:
        self._reach()
        self.permit = None
        self.secrets.clear()

    def _take_back(self, reason: str) -> None:
        if self._verdict.result in UNDER_WAY:
            self.system = self.system if self.is_stuck else self._old
            result = SwitchResult.ROLLBACK_FAILED if self.is_stuck else SwitchResult.ROLLED_BACK
            self._conclude(result, reason)

    def _conclude(self, result: SwitchResult, reason: str = "") -> Switch:
        if self._watchdog and result is not SwitchResult.ACTIVATED:
            self._watchdog.cancel()
        number = self._number(self.system)
        self._verdict = Switch(result=result, generation=number, reason=reason)
        return self._verdict

    def _number(self, system: System) -> int:
        return len(self._history) - 1 - self._history[::-1].index(system)

    def _reach(self, boot_id: str | None = None, system: System | None = None) -> None:
        if self.is_away:
            raise errors.UnavailableError("machine.unreachable", "the machine does not answer")
        if boot_id not in (None, self.boot_id):
            raise RebootedError("fake")
        if system is not None and system not in self.store:
            raise errors.CommandError(("ssh",), 127, f"{system}: not found")


@dataclass(kw_only=True)
class FakeHosts(Hosts):
    """Machines in memory, by name."""

    known: dict[str, FakeHost] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)

    @override
    def at(self, machine: GrantedMachine) -> FakeHost:
        return self.known.setdefault(machine.machine, FakeHost())

    @override
    async def leave(self, machine: str) -> None:
        self.left.append(machine)
