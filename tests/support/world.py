"""What truly exists outside our databases, counted where it is: processes, buckets, keys, routes.

Nothing here asks one of our services.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aioboto3
from botocore.config import Config
from typing_extensions import override

from shared import http
from shared import provider as providers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import httpx2

    from shared.provider import ObjectStore, Provider

CONFIG = Config(
    s3={"addressing_style": "path", "payload_signing_enabled": False},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
# It keeps what it knows of S3; a new one reads that again, for a tenth of a second.
SESSION = aioboto3.Session()


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of each belong to one deployment."""

    machines: int
    folders: int
    """Of machines, whether they run or not."""
    buckets: int
    keys: int
    routes: int
    records: int

    @override
    def __str__(self) -> str:
        return ", ".join(f"{value} {name}" for name, value in asdict(self).items())


ONE_EACH = Counts(machines=1, folders=1, buckets=1, keys=1, routes=1, records=1)
NOTHING = Counts(machines=0, folders=0, buckets=0, keys=0, routes=0, records=0)


@dataclass(frozen=True, slots=True)
class World:
    """The world around one data directory of the embedded default."""

    provider: Provider
    machines: Path
    """Holds the folder of each machine."""

    @classmethod
    def around(cls, provider_file: Path) -> World:
        machines = provider_file.parent / "provisioner" / "machines"
        return cls(providers.load(provider_file), machines)

    async def counts(self, deployment: str, domain: str) -> Counts:
        store = self.provider.object_stores[0]
        prefix = f"fdv-{deployment}-"
        return Counts(
            machines=len(machines(prefix)),
            folders=len([*self.machines.glob(f"{prefix}*")]),
            buckets=len(await buckets(store, prefix)),
            keys=len(await keys(store, prefix)),
            routes=len([it for it in await self.routes() if belongs(it, domain)]),
            records=len([it for it in await self.records() if belongs(it, domain)]),
        )

    async def routes(self) -> list[str]:
        """Every host of every route in the edge's own configuration, doubles included."""
        async with http.client(base_url=self.provider.edge.admin) as admin:
            answer = await admin.get("/config/apps/http/servers/edge/routes")
        return [
            host
            for route in answer.json() or []
            for match in route.get("match", [])
            for host in match.get("host", [])
        ]

    async def records(self) -> list[str]:
        async with self._front() as front:
            answer = await front.get("/records")
        return list(answer.raise_for_status().json())

    @asynccontextmanager
    async def published(self, host: str, address: str) -> AsyncIterator[None]:
        """Let a name outside the provider lead to an address for the length of a block."""
        async with self._front() as front:
            answer = await front.put(f"/records/{host}", json={"address": address})
            answer.raise_for_status()
            yield
            (await front.delete(f"/records/{host}")).raise_for_status()

    def _front(self) -> httpx2.AsyncClient:
        zone = self.provider.zones[0]
        token = zone.token_file.read_text(encoding="utf-8").strip()
        return http.client(base_url=zone.endpoint, headers={"authorization": f"Bearer {token}"})


def belongs(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def machines(prefix: str) -> list[int]:
    """Pids of the QEMU processes of machines whose name begins so."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                argv = (folder / "cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            is_qemu = argv[0].rsplit(b"/", 1)[-1].startswith(b"qemu-system")
            if is_qemu and any(_names(it.decode(errors="replace"), prefix) for it in argv):
                found.append(int(folder.name))
    return found


def _names(argument: str, prefix: str) -> bool:
    return argument.startswith((prefix, f"guest={prefix}"))


async def buckets(store: ObjectStore, prefix: str) -> list[str]:
    async with _client(store, "s3") as s3:
        answer = await s3.list_buckets()
    return [it["Name"] for it in answer.get("Buckets", []) if it["Name"].startswith(prefix)]


async def objects(store: ObjectStore, prefix: str) -> dict[str, bytes]:
    """Return every object of every bucket whose name begins so: its place → its content."""
    found = {}
    for bucket in await buckets(store, prefix):
        async with _client(store, "s3") as s3:
            async for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                for it in page.get("Contents", []):
                    answer = await s3.get_object(Bucket=bucket, Key=it["Key"])
                    found[f"{bucket}/{it['Key']}"] = await answer["Body"].read()
    return found


async def keys(store: ObjectStore, prefix: str) -> list[str]:
    """Every access key of every user whose name begins so."""
    found: list[str] = []
    async with _client(store, "iam") as iam:
        for user in [it["UserName"] for it in (await iam.list_users())["Users"]]:
            if user.startswith(prefix):
                answer = await iam.list_access_keys(UserName=user)
                found += [it["AccessKeyId"] for it in answer["AccessKeyMetadata"]]
    return found


async def plant_bucket(store: ObjectStore, name: str) -> None:
    async with _client(store, "s3") as s3:
        await s3.create_bucket(Bucket=name)


async def remove_buckets(store: ObjectStore, names: Sequence[str]) -> None:
    async with _client(store, "s3") as s3:
        for name in names:
            await s3.delete_bucket(Bucket=name)


def _client(store: ObjectStore, kind: str) -> Any:  # noqa: ANN401 - the library has no types
    return SESSION.client(
        kind,
        endpoint_url=store.endpoint,
        region_name=store.region,
        aws_access_key_id=store.access_key_id,
        aws_secret_access_key=store.secret_key_file.read_text(encoding="utf-8").strip(),
        config=CONFIG,
    )
