"""SeaweedFS with IAM: the object store, from the wheel, loopback only.

Its S3 and IAM endpoint wants a key. Its inner gRPC ports want none: every account of this computer
reaches all objects through them (docs/adr/0011-embedded-default.md).

Each http port has a gRPC twin 10000 above. An open port is not readiness here: the store is
ready when an object was written and read back.
"""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import httpx2
from pydantic import SecretStr
from typing_extensions import override

from shared.embedded import files, parts, programs
from shared.embedded.parts import Part
from shared.embedded.ports import LOOPBACK, OBJECTS_COUNT, TWIN, free_twins
from shared.embedded.processes import Command

from . import signature

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

REGION: Final = "us-east-1"
PROBE_BUCKET: Final = "fediversity-probe"
ROLES: Final = ("master", "volume", "filer", "s3", "admin")
S3: Final = ROLES.index("s3")
FLAGS: Final = (
    # On by default: it tells its authors how many servers and volumes there are.
    "-master.telemetry=false",
    # Every bucket has volumes of its own: small ones, and as many as a provider's buckets need.
    "-master.volumeSizeLimitMB=128",
    "-volume.max=2000",
    # Master, volumes and filer would hand out every object over plain HTTP without a key.
    "-disableHttp=true",
    # Doors to the same objects that nobody here uses.
    "-webdav=false",
    "-admin.ui=false",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
    # Storage makes a user with a key for each bucket; read only is the default.
    "-s3.iam=true",
    "-s3.iam.readOnly=false",
    # A mistyped name is an error, not a new bucket.
    "-s3.autoCreateBucket=false",
    # A bucket with an operator's data in it is never removed by one request.
    "-s3.allowDeleteBucketNotEmpty=false",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How the administrator reaches the store; IAM answers at the same endpoint."""

    endpoint: str
    region: str
    access_key_id: str
    secret_access_key: SecretStr


class SeaweedServer(Part):
    """One node that holds all buckets."""

    # It may wait up to 20 s for nobody; an end by SIGKILL loses nothing that was answered.
    grace_seconds: ClassVar[float] = 2.0

    def __init__(
        self, directory: Path, *, first_port: int, access_key_id: str, secret_access_key: SecretStr
    ) -> None:
        super().__init__("objects", directory)
        self._first_port = first_port
        self.access = Access(
            endpoint=f"http://{LOOPBACK}:{first_port + S3}",
            region=REGION,
            access_key_id=access_key_id,
            secret_access_key=secret_access_key,
        )

    @property
    @override
    def ports(self) -> Mapping[str, int]:
        named = range(self._first_port, self._first_port + OBJECTS_COUNT)
        return {
            f"objects+{port - self._first_port}": port
            for port in (*named, *(port + TWIN for port in named))
        }

    @override
    async def prepare(self) -> Command:
        data = files.directory(self.directory / "data", mode=0o700)
        log = files.directory(self.directory / "log", mode=0o700)
        listeners = [
            f"-{role}.port={self._first_port + offset}" for offset, role in enumerate(ROLES)
        ]
        return Command(
            argv=(
                *(programs.from_wheel("weed"), f"-logdir={log}", "mini", f"-dir={data}"),
                *(f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}", *listeners, *FLAGS),
                # Without a password the admin port lets everybody in. Every account of this
                # computer can read this one in the list of processes; nobody else gets there.
                f"-admin.password={secrets.token_hex(16)}",
            ),
            directory=self.directory,
            environment=parts.environment(
                GOMEMLIMIT="1GiB",
                AWS_ACCESS_KEY_ID=self.access.access_key_id,
                AWS_SECRET_ACCESS_KEY=self.access.secret_access_key.get_secret_value(),
            ),
        )

    @override
    async def answers(self) -> bool:
        content = secrets.token_bytes(16)
        probe = f"/{PROBE_BUCKET}/{content.hex()}"
        async with httpx2.AsyncClient(trust_env=False, timeout=5) as client:
            if not await self._succeeds(client, "PUT", f"/{PROBE_BUCKET}"):
                return False
            written = await self._succeeds(client, "PUT", probe, content)
            is_ready = written and await self._reads(client, probe, content)
            await self._succeeds(client, "DELETE", probe)
            await self._succeeds(client, "DELETE", f"/{PROBE_BUCKET}")
        return is_ready

    async def _succeeds(
        self, client: httpx2.AsyncClient, method: str, path: str, body: bytes = b""
    ) -> bool:
        answer = await self._request(client, method, path, body)
        # A bucket that an interrupted probe left is as good as a new one.
        return answer is not None and (answer.is_success or b"BucketAlready" in answer.content)

    async def _reads(self, client: httpx2.AsyncClient, path: str, content: bytes) -> bool:
        answer = await self._request(client, "GET", path)
        return answer is not None and answer.is_success and answer.content == content

    async def _request(
        self, client: httpx2.AsyncClient, method: str, path: str, body: bytes = b""
    ) -> httpx2.Response | None:
        url = f"{self.access.endpoint}{path}"
        signed = signature.headers(self.access, method, url, body)
        try:
            return await client.request(method, url, content=body, headers=signed)
        except httpx2.TransportError:
            return None


@asynccontextmanager
async def running(
    directory: Path, *, first_port: int | None = None
) -> AsyncIterator[SeaweedServer]:
    """Run an object store with new administrator credentials for the length of a block."""
    wanted = SeaweedServer(
        directory,
        first_port=first_port or free_twins(OBJECTS_COUNT),
        access_key_id=secrets.token_hex(10).upper(),
        secret_access_key=SecretStr(secrets.token_urlsafe(30)),
    )
    async with parts.running(wanted) as started:
        yield started
