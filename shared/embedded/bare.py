"""The yardstick: the same image and closure by plain QEMU, Nix and SSH, without our services.

A second machine is started with the very command line of the running one, on a disk of its own;
then the system that runs there is copied to it and switched to, by the plain commands. As with a
deployment the end is an application that answers: the switch gets the start permit and the secrets
that units need to start, and lasts until the health page is good.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared import errors

from . import identity, parts
from .ports import LOOPBACK, free

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

BOOT_SECONDS: Final = 120.0
COPY_SECONDS: Final = 120.0
ANSWER_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.05
KNOCK_SECONDS: Final = 0.25
"""For one look at a machine that boots: its network answers nothing until it is up."""
SSH_PORT: Final = 22
BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"
SECRETS: Final = "/run/fediversity/secrets"
PROFILE: Final = "/nix/var/nix/profiles/system"
HEALTHY: Final = re.compile(rb"HTTP/1\.[01] 2")
NIX: Final = """substituters =
build-users-group =
sandbox = false
experimental-features = nix-command flakes
"""


@dataclass(frozen=True, slots=True)
class Bare:
    """Seconds that each part takes on its own."""

    boot: float
    """Until SSH greets."""
    copy: float
    switch: float
    """Until the command has ended."""
    health: float
    """From there until the application answers."""

    @property
    def total(self) -> float:
        """Return the sum of the parts."""
        return self.boot + self.copy + self.switch + self.health

    def document(self) -> dict[str, float]:
        """Return what is written with `--json`; a switch lasts until the application answers."""
        switch = self.switch + self.health
        parts = {"boot": self.boot, "copy": self.copy, "switch": switch, "sum": self.total}
        return {name: round(seconds, 3) for name, seconds in parts.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A running machine, as its process shows it."""

    argv: tuple[str, ...]
    folder: Path
    """Where its disk lies."""

    @classmethod
    def of(cls, deployment: str, machines: Path) -> Model:
        """Find the machine of a deployment; `machines` holds a folder for each.

        Raises:
            NotFoundError: it does not run here.
        """
        prefix = f"fdv-{deployment}-"
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                named = [it for it in words if it.startswith(prefix)]
                if "qemu-system" in words[0] and named:
                    argv = tuple(it for it in words if it)
                    return cls(argv=argv, folder=machines / named[0])
        raise errors.NotFoundError("bare.no_machine", f"no machine of {deployment} runs here")

    def value(self, option: str) -> str:
        """Return what follows an option."""
        return self.argv[self.argv.index(option) + 1]

    @property
    def forwards(self) -> tuple[int, ...]:
        """The ports of the machine that this computer leads to."""
        parts = self.value("-netdev").split(",")
        return tuple(int(it.rpartition(":")[2]) for it in parts if it.startswith("hostfwd="))

    def forward(self, inside: int) -> int:
        """Return the port of this computer that leads to a port of the machine."""
        for part in self.value("-netdev").split(","):
            if part.startswith("hostfwd=") and part.endswith(f"-:{inside}"):
                return int(part.rpartition("-")[0].rpartition(":")[2])
        raise errors.NotFoundError("bare.no_port", f"port {inside} of the machine is not forwarded")


async def measure(
    deployment: str, *, machines: Path, key: Path, store: Path | None, health: str
) -> Bare:
    """Measure the parts of a deployment that runs, one after the other, on a fresh machine.

    Args:
        deployment: what runs.
        machines: holds the folder of each machine.
        key: the SSH key that opens its machine.
        store: the Nix store's root, where it is not the computer's own.
        health: path of the page by which each of its applications says that it is well.
    """
    model = Model.of(deployment, machines)
    with tempfile.TemporaryDirectory(prefix="fediversity-bare-") as name:
        work = Path(name)
        system, secrets = await _taken_from(model, key)
        began = time.monotonic()
        async with _machine(model, work) as ports:
            booted = time.monotonic()
            options = _ssh_options(work, ports.ssh, key)
            await _run(
                ["nix", "copy", "--to", f"ssh://root@{LOOPBACK}", system, *_store(store)],
                {"NIX_CONFIG": NIX, "NIX_SSHOPTS": " ".join(options)},
            )
            copied = time.monotonic()
            switch = (
                f"{system}/bin/place-permit 1 $(cat {BOOT_ID}) && "
                f"{system}/bin/place-secrets && "
                f"nix-env -p {PROFILE} --set {system} && "
                f"{system}/bin/switch-to-configuration switch"
            )
            await _run(["ssh", *options, f"root@{LOOPBACK}", switch], {}, stdin=secrets)
            switched = time.monotonic()
            await asyncio.gather(*(_healthy(it, health) for it in ports.http))
            healthy = time.monotonic()
    return Bare(
        boot=booted - began,
        copy=copied - booted,
        switch=switched - copied,
        health=healthy - switched,
    )


def _store(store: Path | None) -> list[str]:
    return [] if store is None else ["--store", str(store)]


async def _taken_from(model: Model, key: Path) -> tuple[str, bytes]:
    """Return the store path of the system that the running machine has, and its secrets as tar."""
    system = await inside(model, key, "readlink -f /run/current-system")
    secrets = await inside(model, key, f"cd {SECRETS} && tar -c -f - *")
    return system.decode().strip(), secrets


async def inside(model: Model, key: Path, script: str) -> bytes:
    """Run a script as root in a running machine and return what it says."""
    with tempfile.TemporaryDirectory(prefix="fediversity-bare-") as name:
        work = Path(name)
        (work / "hostkey.pub").write_text(_public(model.folder / "hostkey.pub"), encoding="utf-8")
        options = _ssh_options(work, model.forward(SSH_PORT), key)
        return await _run(["ssh", *options, f"root@{LOOPBACK}", script], {})


def _public(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _ssh_options(work: Path, port: int, key: Path) -> list[str]:
    known = work / f"known-{port}"
    host_key = " ".join(_public(work / "hostkey.pub").split()[:2])
    known.write_text(f"[{LOOPBACK}]:{port} {host_key}\n", encoding="utf-8")
    named = {
        "UserKnownHostsFile": str(known),
        "StrictHostKeyChecking": "yes",
        "BatchMode": "yes",
        "LogLevel": "ERROR",
    }
    options = [word for name, value in named.items() for word in ("-o", f"{name}={value}")]
    return ["-F", os.devnull, "-p", str(port), "-i", str(key), *options]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Ports of this computer that lead into a machine."""

    ssh: int
    http: tuple[int, ...]
    """One for each application."""


@contextlib.asynccontextmanager
async def _machine(model: Model, work: Path) -> AsyncIterator[Ports]:
    """Start a machine like the model and yield where it is reached, once SSH answers there."""
    await _prepare(model, work)
    inside_ports = [it for it in model.forwards if it != SSH_PORT]
    ports = Ports(ssh=free(), http=tuple(free() for _ in inside_ports))
    moves = {SSH_PORT: ports.ssh, **dict(zip(inside_ports, ports.http, strict=True))}
    argv = [_moved(it, model, moves) for it in model.argv]
    argv[argv.index("-name") + 1] = "bare"
    async with machine(argv, work):
        await _greeted(ports.ssh)
        yield ports


@contextlib.asynccontextmanager
async def machine(argv: Sequence[str], folder: Path) -> AsyncIterator[str]:
    """Keep a machine that makes itself a daemon running, with a new UUID, which is yielded.

    Whatever interrupts its start or its life, it ends: it is found by its UUID.
    """
    name, words = str(uuid.uuid4()), list(argv)
    words[words.index("-uuid") + 1] = name
    try:
        await _run(words, {}, folder=folder)
        if not _processes(name):
            raise errors.FaultError("bare.gone", "the machine ended as soon as it was started")
        yield name
    finally:
        # A machine that is about to become a daemon is several processes, one after the other.
        while found := _processes(name):
            for who in found:
                await identity.end(who, first=signal.SIGKILL)


async def _prepare(model: Model, work: Path) -> None:
    """Lay out a directory like the model's, with a fresh disk and a host key of its own."""
    for option in ("-kernel", "-initrd"):
        (work / model.value(option)).symlink_to((model.folder / model.value(option)).resolve())
    for seed in ("hostname", "authorized_keys"):
        shutil.copyfile(model.folder / seed, work / seed)
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(work / "hostkey")]
    await _run(words, {})
    drive = dict(it.partition("=")[::2] for it in model.value("-drive").split(","))
    disk = drive["file"]
    # The running machine holds the lock of its own disk; its base is only read.
    info = ["qemu-img", "info", "-U", "--output=json", str(model.folder / disk)]
    found = json.loads(await _run(info, {}))
    base = found["full-backing-filename"]
    size = str(found["virtual-size"])
    create = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", disk, size]
    await _run(create, {}, folder=work)


def _moved(word: str, model: Model, moves: Mapping[int, int]) -> str:
    for inside_port, new in moves.items():
        old = f"{LOOPBACK}:{model.forward(inside_port)}-:{inside_port}"
        word = re.sub(f"{re.escape(old)}(?![0-9])", f"{LOOPBACK}:{new}-:{inside_port}", word)
    return word


def _processes(name: str) -> list[identity.Identity]:
    """Return every process of the machine with this UUID."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            # Known before it is looked at: a recycled pid is another identity.
            who = identity.of(int(folder.name))
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if who is not None and b"qemu-system" in words[0] and name.encode() in words:
                found.append(who)
    return found


async def _greeted(port: int) -> None:
    """Return once SSH greets."""
    async with _limit("boot", BOOT_SECONDS):
        while await _said(port, b"", KNOCK_SECONDS) != b"SSH-":  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(POLL_SECONDS)


async def _healthy(port: int, path: str) -> None:
    """Return once the application says that it is well."""
    request = f"GET {path} HTTP/1.0\r\nHost: {LOOPBACK}\r\n\r\n".encode()
    async with _limit("application", ANSWER_SECONDS):
        while not HEALTHY.match(await _said(port, request, ANSWER_SECONDS)):  # noqa: ASYNC110 - as above
            await asyncio.sleep(POLL_SECONDS)


async def _said(port: int, request: bytes, within: float) -> bytes:
    """Return the first bytes that are heard at a port, or none."""
    try:
        async with parts.conversation(port, within) as (reader, writer):
            writer.write(request)
            return await reader.readexactly(len(b"HTTP/1.1 2") if request else len(b"SSH-"))
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return b""


@contextlib.asynccontextmanager
async def _limit(what: str, seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise errors.UnavailableError(
            "bare.time_out", f"the yardstick's {what} took more than {seconds:g} s"
        ) from error


async def _run(
    argv: Sequence[str],
    variables: Mapping[str, str],
    *,
    folder: Path | None = None,
    stdin: bytes = b"",
) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **variables},
        cwd=folder,
    )
    try:
        async with _limit(argv[0], COPY_SECONDS):
            out, err = await process.communicate(stdin)
    except BaseException:
        # Not `process.wait`: it also waits for the pipes, which a daemon may have inherited.
        if who := identity.of(process.pid):
            await identity.end(who, first=signal.SIGKILL)
        raise
    if process.returncode:
        raise errors.CommandError(argv, process.returncode, err.decode(errors="replace"))
    return out
