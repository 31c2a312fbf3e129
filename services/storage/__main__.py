"""Run the storage service: read settings, connect adapters, serve until stopped.

fediversity-storage                       serve
fediversity-storage --print-settings      the settings, as a table
"""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final, TypedDict

from shared import provider, runtime, sealing, settings_table
from shared import settings as pieces

from .adapters.iam import IamObjectStore
from .adapters.postgres import PostgresBucketRepository
from .adapters.postgres_backups import PostgresBackupRepository
from .adapters.s3 import S3ObjectCopier
from .service import ADDRESSEE, Storage, Store, Stores
from .settings import Settings

if TYPE_CHECKING:
    from pydantic import SecretStr

    from shared.provider import Provider

SCHEMAS: Final = ("shared", "services.storage")


class _Access(TypedDict):
    """How an administrator reaches a store."""

    endpoint: str
    region: str
    access_key_id: str
    secret_key: SecretStr


async def serve(settings: Settings) -> None:
    """Serve requests for buckets."""
    offered = provider.load(settings.provider_file)
    sealer = sealing.Sealer(settings.recipients)
    sealer.require(ADDRESSEE)
    async with AsyncExitStack() as stack:
        stores = await connect_stores(offered, stack)
        service = await stack.enter_async_context(
            runtime.service("storage", settings, schemas=SCHEMAS)
        )
        storage = Storage(
            database=service.database,
            buckets=PostgresBucketRepository(),
            backups=PostgresBackupRepository(),
            stores=stores,
            sealer=sealer,
            retention_seconds=settings.retention_seconds,
        )
        service.digests = {"provider_file": offered.digest}
        await service.serve(
            routes=storage.routes(), kinds=storage.kinds(), watches=storage.watches()
        )


async def connect_stores(offered: Provider, stack: AsyncExitStack) -> Stores:
    """Return the stores of the provider configuration, open until the stack is left."""
    stores = {}
    for it in offered.object_stores:
        access: _Access = {
            "endpoint": it.endpoint,
            "region": it.region,
            "access_key_id": it.access_key_id,
            "secret_key": provider.read_secret(it.secret_key_file),
        }
        stores[it.name] = Store(
            administration=await stack.enter_async_context(IamObjectStore.connect(**access)),
            objects=await stack.enter_async_context(S3ObjectCopier.connect(**access)),
            endpoint=it.endpoint,
            region=it.region,
            retention_days=it.retention_days,
        )
    return Stores(stores)


def main() -> None:
    """Start the storage service, or show its settings."""
    match sys.argv[1:]:
        case []:
            _run()
        case ["--print-settings"]:
            sys.stdout.write(settings_table.render(Settings) + "\n")
        case _:
            sys.exit(__doc__)


def _run() -> None:
    with runtime.explained("storage"):
        settings = pieces.load(Settings)
        runtime.run("storage", settings, serve(settings))


if __name__ == "__main__":
    main()
