"""Search what a provider writes for what it keeps secret.

Secrets are taken from where they are kept: the files of the data directory, and what deployer can
unseal in its own and storage's tables and in every event, where also those stand that lived for
one backup or restore. Each is looked for plain, in base64, in hex and as in a URL. The places are
tables and the files of their databases, events, command lines, logs, traces, the top
configurations, disks of machines, systems, and every object of every bucket.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from nats.aio.client import Client
from nats.js.errors import NotFoundError
from typing_extensions import override

from shared import errors
from shared.provider import read_secret
from shared.sealing import Unsealer, is_sealed
from tests.support import world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

    from tests.support.stack import Stack

FEWEST: Final = 20
"""What a provider keeps secret, at least."""
SHORTEST: Final = 12
"""What is shorter is found by chance."""
SERVICES: Final = ("panel", "provisioner", "storage", "deployer")
SAMPLE_SECONDS: Final = 0.02
YOUNG: Final = 10
"""Samples in which a process has become the program that it was begun for."""
ALL_EVERY: Final = 50


@dataclass(frozen=True, slots=True)
class Found:
    """A secret in a place where it must not be."""

    secret: str
    """Its name."""
    place: str


@dataclass(slots=True)
class Scan:
    """What was searched for, and where."""

    values: dict[str, str] = field(default_factory=dict)
    """Name → secret."""
    places: dict[str, int] = field(default_factory=dict)
    """Kind of place → how many of them."""
    found: list[Found] = field(default_factory=list)

    @override
    def __str__(self) -> str:
        """Return the figures."""
        places = ", ".join(f"{count} {name}" for name, count in self.places.items())
        return f"{len(self.values)} secrets in {len(needles(self.values))} forms, in {places}"


@dataclass(slots=True)
class CommandLines:
    """Samples of what every process of this computer was called with."""

    seen: set[bytes] = field(default_factory=set)
    _known: dict[str, int] = field(default_factory=dict)
    """How often each process was looked at."""

    def look(self, *, at_all: bool = False) -> None:
        """Take one sample, of processes that began a moment ago, or of all."""
        there = [it for it in os.listdir("/proc") if it.isdigit()]  # noqa: PTH208 - fifty times a second
        known = {it: self._known.get(it, 0) for it in there}
        self._known = {it: count + 1 for it, count in known.items()}
        for it in there if at_all else [it for it in there if known[it] < YOUNG]:
            with contextlib.suppress(OSError), open(f"/proc/{it}/cmdline", "rb") as words:  # noqa: PTH123 - as above
                self.seen.add(words.read())


@dataclass(slots=True, kw_only=True)
class Hunt:
    """A search that is repeated after each run, for all secrets that there ever were."""

    stack: Stack
    lines: CommandLines
    values: dict[str, str] = field(default_factory=dict)
    """Name → secret."""

    async def search(self) -> Scan:
        """Search for every secret that there was until now."""
        self.values |= await secrets_of(self.stack)
        return await search(self.stack, self.values, self.lines)

    async def assert_nothing(self, after: str) -> Scan:
        """See that no secret is anywhere after a run."""
        found = await self.search()
        assert found.found == [], after
        assert len(found.values) > FEWEST
        return found

    async def assert_noticed(self) -> None:
        """See that a secret is found where it was left on purpose."""
        planted = self.stack.data / "planted.log"
        planted.write_text(f"Bearer {self.values['token']}\n", encoding="utf-8")
        found = await self.search()
        planted.unlink()
        assert [it.secret for it in found.found] == ["token"]


@contextlib.asynccontextmanager
async def hunting(stack: Stack) -> AsyncIterator[Hunt]:
    """Sample the arguments of all processes for the length of a block, and search them too."""
    async with sampled() as lines:
        yield Hunt(stack=stack, lines=lines)


@contextlib.asynccontextmanager
async def sampled() -> AsyncIterator[CommandLines]:
    """Sample the arguments of all processes for the length of a block."""
    lines = CommandLines()

    async def forever() -> None:
        for number in itertools.count():
            lines.look(at_all=number % ALL_EVERY == 0)
            await asyncio.sleep(SAMPLE_SECONDS)

    task = asyncio.create_task(forever())
    try:
        yield lines
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def secrets_of(stack: Stack) -> dict[str, str]:
    """Return everything that the provider keeps secret now: name → value."""
    found = dict(_files(stack.data / "secrets"))
    told = {f"event.{number}": it for number, it in enumerate(await _sealed_in_events(stack))}
    identity = stack.data / "secrets" / "services" / "deployer" / "deployer_age_identity"
    unsealer = Unsealer(read_secret(identity))
    for name, sealed in ((await _sealed(stack)) | told).items():
        # What is sealed to somebody else, deployer cannot open.
        with contextlib.suppress(errors.HostingError):
            found[name] = unsealer.unseal(sealed)
    return found


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        is_public = path.suffix in {".pub", ".public"} or path.name == "store_key_id"
        if path.is_file() and not is_public:
            yield path.name, path.read_text(encoding="utf-8").strip()


async def _sealed(stack: Stack) -> dict[str, str]:
    """Return every sealed value in deployer's and storage's tables."""
    found: dict[str, str] = {}
    for service in ("deployer", "storage"):
        for table, rows in (await _tables(stack, service)).items():
            for number, row in enumerate(rows):
                for place, text in _texts(json.loads(row)):
                    if is_sealed(text):
                        found[f"{service}.{table}[{number}].{place}"] = text
    return found


async def _sealed_in_events(stack: Stack) -> list[str]:
    """Return every sealed value in any event, once; requests of a run outlive what they carried."""
    found: dict[str, None] = {}
    for data, _ in await _messages(stack):
        with contextlib.suppress(ValueError):
            found |= {it: None for _, it in _texts(json.loads(data)) if is_sealed(it)}
    return list(found)


def _texts(value: Any, place: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any JSON
    match value:
        case dict():
            for name, it in value.items():
                yield from _texts(it, f"{place}.{name}")
        case list():
            for number, it in enumerate(value):
                yield from _texts(it, f"{place}.{number}")
        case str():
            yield place, value
        case _:
            pass


async def _tables(stack: Stack, service: str) -> dict[str, list[str]]:
    """Return every row of every table of a service, as JSON."""
    async with stack.database(service) as database:
        names = await database.fetch("select tablename from pg_tables where schemaname = 'public'")
        return {
            name: [
                it[0]
                for it in await database.fetch(f'select to_jsonb(it)::text from "{name}" it')  # noqa: S608 - its own catalogue
            ]
            for (name,) in names
        }


def needles(values: Mapping[str, str]) -> dict[bytes, str]:
    """Return what betrays each secret, wherever it stands: bytes → the name of the secret."""
    found: dict[bytes, str] = {}
    for name, value in values.items():
        # A key in PEM is wrapped differently in different places: one of its lines betrays it. The
        # first one says what kind of key it is, and is the same in many.
        lines = [it for it in value.splitlines() if it and not it.startswith("-----")]
        longest = max(lines[1:] or lines, key=len, default="")
        if len(longest) < SHORTEST:
            continue
        for form in _forms(longest.encode()):
            found.setdefault(form, name)
    return found


def _forms(value: bytes) -> Iterable[bytes]:
    yield value
    yield value.hex().encode()
    yield value.hex().upper().encode()
    yield quote(value, safe="").encode()
    for skipped in range(3):
        # Base64 of a longer text looks different by where in it the value begins.
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            whole = encode(b"\0" * skipped + value)
            yield whole[4 if skipped else 0 : len(whole) // 4 * 4 - 4]


async def search(stack: Stack, values: Mapping[str, str], lines: CommandLines) -> Scan:
    """Search every place for every secret.

    Not searched: the folder of secrets; and the store's own tables of keys, as it has to know them
    to check a signature.
    """
    scan = Scan(values={name: it for name, it in values.items() if len(it) >= SHORTEST})
    with tempfile.TemporaryDirectory(prefix="fediversity-scan-") as name:
        work = Path(name)
        for service in SERVICES:
            tables = await _tables(stack, service)
            scan.places["tables"] = scan.places.get("tables", 0) + len(tables)
            text = "\n".join(row for rows in tables.values() for row in rows)
            (work / f"tables-{service}").write_text(text, encoding="utf-8")
        messages = await _messages(stack)
        scan.places["events"] = len(messages)
        (work / "events").write_bytes(b"\n".join(part for it in messages for part in it))
        objects = await world.objects(stack.world.provider.object_stores[0], "fdv-")
        scan.places["objects"] = len(objects)
        (work / "objects").write_bytes(b"\n".join(objects.values()))
        (work / "command-lines").write_bytes(b"\n".join(lines.seen))
        scan.places["command lines"] = len(lines.seen)
        places = {
            "logs": [*stack.data.glob("*/*.log"), *stack.data.glob("*.log")],
            "traces": [*(stack.data / "traces").glob("*")],
            "configurations": [*stack.data.glob("*.toml"), *stack.data.glob("*.json")],
            "database files": [it for it in (stack.data / "postgres").rglob("*") if it.is_file()],
            "disks": [*(stack.data / "provisioner" / "machines").glob("*/*.qcow2")],
            "systems": await asyncio.to_thread(_systems),
        }
        for kind, found in places.items():
            scan.places[kind] = len(found)
        everything = [it for found in places.values() for it in found]
        scan.found = await asyncio.to_thread(_grep, work, everything, needles(scan.values))
    return scan


async def _messages(stack: Stack) -> list[tuple[bytes, bytes]]:
    """Return data and headers of every message of every stream."""
    seed = read_secret(stack.data / "secrets" / "bus_administrator").get_secret_value()
    client = Client()
    await client.connect(f"nats://127.0.0.1:{stack.port('nats')}", nkeys_seed_str=seed)
    try:
        stream = client.jetstream()
        found = []
        for info in await stream.streams_info():
            for number in range(info.state.first_seq, info.state.last_seq + 1):
                with contextlib.suppress(NotFoundError):
                    it = await stream.get_msg(str(info.config.name), number)
                    found.append((it.data or b"", json.dumps(it.headers or {}).encode()))
        return found
    finally:
        await client.close()


def _systems() -> list[Path]:
    """Return every system that was built on this computer, and how that was asked for."""
    found = Path("/nix/store").glob("*-fediversity-system-*")
    # A lock is empty, and goes when another build ends.
    return [it for it in found if it.suffix != ".lock"]


def _grep(work: Path, places: Iterable[Path], wanted: Mapping[bytes, str]) -> list[Found]:
    places = [*places, *work.iterdir()]
    patterns = work / "patterns"
    patterns.write_bytes(b"\n".join(wanted) + b"\n")
    done = subprocess.run(
        ["grep", "-a", "-r", "-o", "-F", "-H", "-f", str(patterns), "--", *map(str, places)],
        capture_output=True,
        check=False,
    )
    patterns.unlink()
    complaints = done.stderr.decode(errors="replace").splitlines()
    # Servers go on, and files of theirs come and go.
    assert [it for it in complaints if not it.endswith(": No such file or directory")] == []
    found = []
    for line in done.stdout.splitlines():
        place, _, match = line.partition(b":")
        found.append(Found(wanted.get(match, "?"), place.decode(errors="replace")))
    return found
