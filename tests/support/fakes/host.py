"""A machine in memory, which behaves as a real one as far as the port tells."""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typing_extensions import override

from services.deployer.domain import (
    Carried,
    Folder,
    FolderVerb,
    Headway,
    RebootedError,
    Sighting,
    StateVerb,
    Switch,
    SwitchResult,
    System,
    UnitVerb,
    Vitals,
)
from services.deployer.ports import Host, Hosts
from shared import errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.deployer.domain import Permit
    from services.deployer.ports import Told
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
    host_key: str = ""
    """The only one that it answers with; empty: whichever is expected."""
    expected_key: str = ""
    is_stuck: bool = False
    """Cannot be put back."""
    is_slow: bool = False
    """Does not come to the end of an activation."""
    is_full: bool = False
    """Has no room to switch, nor to bring units up again."""
    cannot_be_entered: bool = False
    """Takes no new connection."""
    epoch: int = 1
    """The last one that the disk ran under."""
    running: set[str] = field(default_factory=set)
    """Units that were started by name."""
    masked: set[str] = field(default_factory=set)
    asked: list[tuple[UnitVerb, tuple[str, ...]]] = field(default_factory=list)
    """What was to be done with units."""
    stubborn: set[str] = field(default_factory=set)
    """Units that do not start."""
    seen: dict[str, str] = field(default_factory=lambda: {"hello": "running"})
    """Unit → what an examination shows of it, unless it is masked."""
    disk_percent: int = 10
    examinations: int = 0
    complaints: dict[str, str] = field(default_factory=dict)
    """A command, or a word of it → what it complains about."""
    performed: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    state: dict[str, str] = field(default_factory=dict)
    """Application → what its folder holds."""
    aside: dict[str, tuple[str, str, bool]] = field(default_factory=dict)
    """Application → export, what the folder held before, whether the new one is complete."""
    staging: dict[str, str] = field(default_factory=dict)
    """Prefix → what lies there."""
    carried: list[tuple[StateVerb, str, str]] = field(default_factory=list)
    """Verb, application and document of everything that was carried."""
    refusals: dict[StateVerb, errors.HostingError] = field(default_factory=dict)
    """Verb → what it fails with."""
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
        self.running.clear()
        self.boot_id = str(uuid.uuid4())

    @override
    async def look(self) -> Sighting:
        self._reach()
        return Sighting(boot_id=self.boot_id, system=self.system)

    @override
    async def examine(self) -> Vitals:
        self._reach()
        self.examinations += 1
        return Vitals(
            boot_id=self.boot_id,
            system=self.system,
            units={name: "masked" if name in self.masked else it for name, it in self.seen.items()},
            disk_percent=self.disk_percent,
        )

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
        if self.epoch < permit.known or 0 < permit.epoch < self.epoch:
            raise errors.ConflictError("machine.disk_of_another_time", "it is an old copy")
        self.epoch = max(self.epoch, permit.epoch)
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
        self.masked.clear()
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
    async def units(self, boot_id: str, verb: UnitVerb, names: Sequence[str]) -> None:
        self._reach(boot_id)
        self.asked.append((verb, tuple(names)))
        for name in names:
            match verb:
                case UnitVerb.START if name in self.stubborn:
                    raise errors.CommandError(("ssh",), 4, f"{name} could not be prepared")
                case UnitVerb.START if name not in self.masked:
                    self.running.add(name)
                case UnitVerb.STOP:
                    self.running.discard(name)
                case UnitVerb.MASK:
                    self.running.discard(name)
                    self.masked.add(name)
                case UnitVerb.UNMASK:
                    self.masked.discard(name)
                case _:
                    pass  # what is masked does not start

    @override
    async def perform(self, boot_id: str, application: str, command: Sequence[str]) -> str:
        self._reach(boot_id)
        self.performed.append((application, tuple(command)))
        words = [*command, " ".join(command)]
        return next((self.complaints[it] for it in words if it in self.complaints), "")

    @override
    async def folder(self, boot_id: str, verb: FolderVerb, application: str, export: str) -> Folder:
        self._reach(boot_id)
        found = self.aside.get(application)
        if found and found[0] != export:
            if verb is FolderVerb.SET_ASIDE:
                raise errors.CommandError(("ssh",), 3, f"{found[0]} was never settled")
            return Folder.NONE
        match verb:
            case FolderVerb.SET_ASIDE if not found:
                self.aside[application] = (export, self.state.pop(application, ""), False)
            case FolderVerb.IMPORTED if found:
                self.aside[application] = (*found[:2], True)
            case FolderVerb.IMPORTED:
                raise errors.CommandError(("ssh",), 1, "no folder is set aside")
            case FolderVerb.PUT_BACK if found:
                self.state[application] = found[1]
                del self.aside[application]
            case FolderVerb.DROP:
                self.aside.pop(application, None)
            case _:
                pass
        _, _, is_complete = self.aside.get(application, ("", "", None))
        return {None: Folder.NONE, False: Folder.ASIDE, True: Folder.IMPORTED}[is_complete]

    @override
    async def carry(
        self, boot_id: str, verb: StateVerb, application: str, document: str, told: Told
    ) -> Carried:
        self._reach(boot_id)
        asked = json.loads(document)
        self.carried.append((verb, application, document))
        await told(Headway(what="rows", done=1, total=2, unit="rows"))
        if verb in self.refusals:
            raise self.refusals[verb]
        place = asked["staging"]["prefix"]
        if verb is StateVerb.EXPORT:
            self.staging[place] = self.state.get(application, "")
        if verb is StateVerb.IMPORT:
            if self.state.get(application):
                raise errors.FaultError("target.not_empty", "there is something already")
            self.state[application] = self.staging[place]
        content = self.staging[place]
        return Carried(
            manifest="manifest.json",
            sha256=hashlib.sha256(content.encode()).hexdigest(),
            rows=len(content.split()),
            files=1,
            bytes=len(content),
            not_included=("excluded sessions",),
        )

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
        if self.host_key not in ("", self.expected_key):
            raise errors.FaultError("machine.host_key_changed", "it has another host key")
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
        host = self.known.setdefault(machine.machine, FakeHost())
        host.expected_key = machine.ssh.host_public_key
        return host

    @override
    async def leave(self, machine: str) -> None:
        self.left.append(machine)
