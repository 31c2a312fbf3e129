"""Machines over SSH: what deployer does in them, as commands of the system's own programs.

Commands run as root; what must not be seen travels on standard input, never as an argument.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import tarfile
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from shared import errors

from ..domain import Folder, FolderVerb, RebootedError, Switch, SwitchResult
from ..ports import Host, Hosts
from . import disk, process, reports, state, vitals, words
from .connection import COMMAND_SECONDS, Connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from shared.contracts.deployments import GrantedMachine

    from ..domain import Carried, Permit, Sighting, StateVerb, System, UnitVerb, Vitals
    from ..ports import Told
    from .nix import Nix

PROFILE: Final = "/nix/var/nix/profiles/system"
MASKED: Final = "/var/lib/fediversity/masked"
ASIDE: Final = "/var/lib/fediversity/aside"
BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"
CURRENT: Final = "/run/current-system/bin"
REBOOTED: Final = 97
OTHER_TIME: Final = 98
"""The status with which a disk from before a move refuses a permit."""
COPY_SECONDS: Final = 600.0
PERFORM_SECONDS: Final = 3600.0
FAILED: Final = 1
LAST_WORDS: Final = 300
"""As many characters as are told of what a command complained about."""
UNKNOWN: Final = frozenset({2, 126, 127})
"""Status of a program that knows no such application, or that this system does not have."""
STORE_PATH: Final = re.compile(r"'(/nix/store/[^/']+)")
"""As complaints about a damaged store name it."""
LONGEST_FOLDER: Final = 50
"""A socket's path has 108 bytes at most, and ssh appends to it while it connects."""
CONFIGURATION: Final = """Host {machine}
  HostName {host}
  Port {port}
  User root
  HostKeyAlias {machine}
  IdentityFile "{key}"
  IdentitiesOnly yes
  UserKnownHostsFile "{known_hosts}"
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  UpdateHostKeys no
  BatchMode yes
  PreferredAuthentications publickey
  ConnectTimeout 5
  ServerAliveInterval 3
  ServerAliveCountMax 3
  LogLevel ERROR
  ControlMaster no
  ControlPath "{socket}"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SshHost(Host):
    """A machine whose system brings the programs of `nix/standalone`, or ones like them."""

    connection: Connection
    nix: Nix

    @override
    async def look(self) -> Sighting:
        text = await self.connection.do(f"cat {BOOT_ID}; readlink -f /run/current-system || true")
        return reports.sighting(text)

    @override
    async def copy(self, system: System, *, verify: bool) -> None:
        await self.connection.open()
        environment = dict(self.nix.environment)
        environment["NIX_SSHOPTS"] = f"-F {self.connection.configuration}"
        argv = self.nix.copy(system, self.connection.machine)
        try:
            await self.connection.local(argv, environment=environment, seconds=COPY_SECONDS)
        except errors.CommandError as error:
            raise await self._explained(error) from error
        if verify:
            for path in await self._damaged(system):
                await self._repair(path)

    async def _explained(self, error: errors.CommandError) -> errors.FaultError:
        """Say whose disk is full when that is why a copy failed: its words do not tell."""
        if disk.is_full_at(self.nix.folder):
            return disk.full_here("nix copy")
        left = await self.connection.do("df -Pk /nix/store | awk 'END { print $4 }'")
        if disk.is_full(error.stderr) or int(left) * 1024 < disk.LEAST_BYTES:
            return disk.full_in(self.connection.machine)
        return error

    async def _damaged(self, system: System) -> list[str]:
        """Return the paths whose contents are not what was registered."""
        check = f"nix-store --verify-path $(nix-store -qR {system}) 2>&1 || true"
        text = await self.connection.do(check, seconds=COPY_SECONDS)
        named = set(STORE_PATH.findall(text))
        if not named:
            return []
        # A machine may name anything: it gets nothing that is not part of its own system.
        parts = await self.connection.local(
            self.nix.parts(system), environment=self.nix.environment
        )
        return sorted(named & set(parts.decode().splitlines()))

    async def _repair(self, path: str) -> None:
        archive = await self.connection.local(self.nix.dump(path), seconds=COPY_SECONDS)
        fresh = f"{path}.fresh"
        await self.connection.do(
            f"rm -rf {fresh} && nix-store --restore {fresh} && rm -rf {path} && "
            f"mv {fresh} {path} && sync",
            stdin=archive,
            seconds=COPY_SECONDS,
        )

    @override
    async def place(
        self, system: System, permit: Permit, secrets: Mapping[str, Mapping[str, bytes]]
    ) -> None:
        # place-permit refuses when the boot is not the permit's.
        command = (
            f"{system}/bin/place-permit {permit.epoch:d} {shlex.quote(permit.boot_id)} "
            f"{permit.known:d} && exec {system}/bin/place-secrets"
        )
        try:
            await self._within_boot(command, stdin=archived(secrets))
        except errors.CommandError as error:
            if error.status != OTHER_TIME:
                raise
            message = f"{self.connection.machine} was not started: {words.said(error.stderr)}"
            raise errors.ConflictError("machine.disk_of_another_time", message) from error

    @override
    async def start(self, boot_id: str, system: System) -> None:
        await self._within_boot(in_boot(boot_id, f"{system}/bin/switch-to-configuration test"))

    @override
    async def examine(self) -> Vitals:
        return vitals.read(await self.connection.do(vitals.COMMAND, seconds=vitals.SECONDS))

    @override
    async def switch(self, boot_id: str, system: System, seconds: int) -> Switch:
        program = f"{system}/bin/guarded-switch {PROFILE} {system} {seconds:d}"
        command = shlex.join(["/bin/sh", "-c", f"rm -f {MASKED}/*; exec {program}"])
        patience = seconds + COMMAND_SECONDS
        try:
            text = await self._within_boot(in_boot(boot_id, command), seconds=patience)
        except errors.UnavailableError as error:
            if error.code != process.TIMEOUT:
                raise
            return Switch(result=SwitchResult.ACTIVATING, generation=0)
        switch = reports.switch(text)
        if disk.is_full(switch.reason):
            return replace(switch, reason=disk.full_in(self.connection.machine).message)
        return switch

    @override
    async def confirm(self, boot_id: str, system: System) -> Switch:
        command = in_boot(boot_id, f"{system}/bin/confirm-switch")
        return reports.switch(await self._within_boot(command))

    @override
    async def renew(self) -> None:
        await self.connection.renew()

    @override
    async def refuse(self, boot_id: str, system: System, reason: str) -> Switch:
        refusal = shlex.join([f"{system}/bin/guarded-switch", "--refuse", reason])
        said = await self._within_boot(in_boot(boot_id, refusal), seconds=COPY_SECONDS)
        return reports.switch(said)

    @override
    async def units(self, boot_id: str, verb: UnitVerb, names: Sequence[str]) -> None:
        each = "; ".join(shlex.join([f"{CURRENT}/units", verb, name]) for name in names)
        command = shlex.join(["/bin/sh", "-c", f"set -e; {each}"])
        await self._within_boot(in_boot(boot_id, command), seconds=COPY_SECONDS)

    @override
    async def perform(self, boot_id: str, application: str, command: Sequence[str]) -> str:
        program = shlex.join([f"{CURRENT}/as-application", application, *command])
        # With a status of its own: what ssh fails with must not be taken for the command's.
        script = shlex.join(["/bin/sh", "-c", f"{program} 1>&2 || exit {FAILED}"])
        try:
            await self._within_boot(in_boot(boot_id, script), seconds=PERFORM_SECONDS)
        except errors.CommandError as error:
            if error.status != FAILED:
                raise
            return words.said(error.stderr, LAST_WORDS) or "it failed without a word"
        return ""

    @override
    async def folder(self, boot_id: str, verb: FolderVerb, application: str, export: str) -> Folder:
        program = shlex.join([f"{CURRENT}/state-folder", verb, application, export])
        try:
            said = await self._within_boot(in_boot(boot_id, program), seconds=COPY_SECONDS)
        except errors.CommandError as error:
            if verb is not FolderVerb.STATUS or error.status not in UNKNOWN:
                raise
            place = shlex.quote(f"{ASIDE}/{application}/{export}")
            script = f"if [ -e {place} ]; then echo aside; else echo none; fi"
            program = shlex.join(["/bin/sh", "-c", script])
            said = await self._within_boot(in_boot(boot_id, program))
        if said.strip() not in set(Folder):
            raise reports.unreadable(said)
        return Folder(said.strip())

    @override
    async def carry(
        self, boot_id: str, verb: StateVerb, application: str, document: str, told: Told
    ) -> Carried:
        program = shlex.join([state.PROGRAM, verb, application])
        try:
            return await state.carry(self.connection, in_boot(boot_id, program), document, told)
        except errors.CommandError as error:
            if error.status == REBOOTED:
                raise RebootedError(self.connection.machine) from error
            raise

    @override
    async def erase(self) -> None:
        await self.connection.do(
            # The permit first: whatever holds up the stop, nothing starts again.
            "rm -rf /run/fediversity/permit /run/fediversity/permits; "
            "/run/current-system/bin/units stop; "
            "rm -rf /run/fediversity/secrets.d"
        )

    async def _within_boot(
        self,
        command: str,
        *,
        stdin: bytes = b"",
        seconds: float = COMMAND_SECONDS,
    ) -> str:
        try:
            return await self.connection.do(command, stdin=stdin, seconds=seconds)
        except errors.CommandError as error:
            if error.status == REBOOTED:
                raise RebootedError(self.connection.machine) from error
            raise


def in_boot(boot_id: str, command: str) -> str:
    """Return a command that only runs in the boot that is meant."""
    return (
        f"read -r boot < {BOOT_ID}; "
        f'[ "$boot" = {shlex.quote(boot_id)} ] || exit {REBOOTED}; exec {command}'
    )


def archived(secrets: Mapping[str, Mapping[str, bytes]]) -> bytes:
    """Return secrets as the archive that place-secrets reads."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for application, files in sorted(secrets.items()):
            folder = tarfile.TarInfo(application)
            folder.type = tarfile.DIRTYPE
            folder.mode = 0o700
            archive.addfile(folder)
            for name, value in sorted(files.items()):
                entry = tarfile.TarInfo(f"{application}/{name}")
                entry.mode = 0o400
                entry.size = len(value)
                archive.addfile(entry, io.BytesIO(value))
    return buffer.getvalue()


@dataclass(slots=True, kw_only=True)
class SshHosts(Hosts):
    """Every machine that this process has to do with."""

    key_file: Path
    work_directory: Path
    """Holds no secret: configuration, host keys and sockets of the connections."""
    nix: Nix
    run: process.Run = process.run
    stream: process.Stream = process.stream
    _connections: dict[str, Connection] = field(default_factory=dict)

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(
        cls, *, key_file: Path, work_directory: Path, nix: Nix
    ) -> AsyncIterator[SshHosts]:
        """Yield the way to machines; every connection is closed at the end."""
        with _short_folder(work_directory) as folder:
            key = folder / "key"
            hosts = cls(key_file=key, work_directory=folder, nix=nix)
            try:
                _keep(key_file, key)
                yield hosts
            finally:
                key.unlink(missing_ok=True)
                for machine in list(hosts._connections):
                    await hosts.leave(machine)

    @override
    def at(self, machine: GrantedMachine) -> Host:
        name = machine.machine
        connection = self._connections.get(name)
        if connection is None:
            connection = Connection(
                machine=name,
                configuration=self._file(name, "conf"),
                socket=self._file(name, "s"),
                run=self.run,
                stream=self.stream,
            )
            self._connections[name] = connection
        self._describe(machine)
        return SshHost(connection=connection, nix=self.nix)

    @override
    async def leave(self, machine: str) -> None:
        if connection := self._connections.pop(machine, None):
            await connection.close()
        for kind in ("conf", "keys", "s"):
            self._file(machine, kind).unlink(missing_ok=True)

    def _describe(self, machine: GrantedMachine) -> None:
        name, ssh = machine.machine, machine.ssh
        text = CONFIGURATION.format(
            machine=name,
            host=ssh.host,
            port=ssh.port,
            key=self.key_file,
            known_hosts=self._file(name, "keys"),
            socket=self._file(name, "s"),
        )
        _write(self._file(name, "keys"), f"{name} {ssh.host_public_key}\n")
        _write(self._file(name, "conf"), text)

    def _file(self, machine: str, kind: str) -> Path:
        return self.work_directory / f"{machine}.{kind}"


def _write(file: Path, text: str) -> None:
    """Write a file unless it says so already."""
    with disk.writing(file):
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")


def _keep(secret: Path, file: Path) -> None:
    """Copy the key to where only we can read it: ssh takes no key that others can read."""
    try:
        text = secret.read_text(encoding="ascii").strip()
    except OSError as error:
        raise errors.InvalidError(
            "settings.ssh_key_file",
            f"the SSH key {secret} cannot be read: {error.strerror}; make one with "
            "`python -m services.deployer create-key FILE` and give its public half to provisioner",
        ) from error
    with disk.writing(file):
        file.unlink(missing_ok=True)
        file.touch(mode=0o600)
        file.write_text(f"{text}\n", encoding="ascii")


async def create_key(file: Path, run: process.Run = process.run) -> None:
    """Make the key pair that opens machines: `file`, and the public half in `file`.pub."""
    await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "deployer", "-f", str(file)])


@contextlib.contextmanager
def _short_folder(work_directory: Path) -> Iterator[Path]:
    """Yield a private folder whose path leaves room for the name of a socket."""
    folder = work_directory.resolve() / "ssh"
    if len(str(folder)) > LONGEST_FOLDER:
        with tempfile.TemporaryDirectory(prefix="fediversity-") as name:
            yield Path(name)
    else:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield folder
