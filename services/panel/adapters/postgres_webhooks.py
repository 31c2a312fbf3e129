"""Endpoints of webhooks and their keys in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.contracts.happenings import HappeningType

from ..domain.webhooks import Endpoint, KnownKey

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from shared.database import Row, Transaction

_ENDPOINT: Final = """
select id, operator, url, description, types, version, created_at, failing_since, disabled_at,
    disabled_reason
from webhook_endpoints
"""


class PostgresEndpointRegister:
    """Keep endpoints of webhooks and what signs for them."""

    async def add(self, tx: Transaction, endpoint: Endpoint) -> None:
        """Keep a new endpoint."""
        await tx.execute(
            """insert into webhook_endpoints (id, operator, url, description, types, created_at)
            values ($1, $2, $3, $4, $5, $6)""",
            endpoint.id,
            endpoint.operator,
            endpoint.url,
            endpoint.description,
            sorted(endpoint.types),
            endpoint.created_at,
        )

    async def find(self, tx: Transaction, endpoint: str) -> Endpoint | None:
        """Return an endpoint, or None."""
        row = await tx.fetchrow(f"{_ENDPOINT} where id = $1", endpoint)
        return _endpoint(row) if row else None

    async def lock(self, tx: Transaction, endpoint: str) -> Endpoint | None:
        """Return an endpoint that nobody else changes until the transaction ends, or None."""
        row = await tx.fetchrow(f"{_ENDPOINT} where id = $1 for no key update", endpoint)
        return _endpoint(row) if row else None

    async def list_all(
        self, tx: Transaction, operator: str, *, is_exclusive: bool = False
    ) -> Sequence[Endpoint]:
        """Return an operator's endpoints, newest first; exclusive: nobody adds one meanwhile."""
        if is_exclusive:
            await tx.execute("select from operators where id = $1 for no key update", operator)
        rows = await tx.fetch(f"{_ENDPOINT} where operator = $1 order by id desc", operator)
        return [_endpoint(row) for row in rows]

    async def list_listening(
        self, tx: Transaction, operator: str, kind: HappeningType
    ) -> Sequence[str]:
        """Return the ids of an operator's enabled endpoints that asked for a type."""
        rows = await tx.fetch(
            """select id from webhook_endpoints
            where operator = $1 and disabled_at is null and $2 = any(types) order by id""",
            operator,
            kind.value,
        )
        return [row["id"] for row in rows]

    async def save(self, tx: Transaction, endpoint: Endpoint) -> None:
        """Write what can change of an endpoint."""
        await tx.execute(
            """update webhook_endpoints set url = $2, description = $3, types = $4, version = $5,
                failing_since = $6, disabled_at = $7, disabled_reason = $8
            where id = $1""",
            endpoint.id,
            endpoint.url,
            endpoint.description,
            sorted(endpoint.types),
            endpoint.version,
            endpoint.failing_since,
            endpoint.disabled_at,
            endpoint.disabled_reason,
        )

    async def remove(self, tx: Transaction, endpoint: str) -> None:
        """Forget an endpoint, its keys and its deliveries."""
        await tx.execute("delete from webhook_endpoints where id = $1", endpoint)

    async def add_key(self, tx: Transaction, endpoint: str, key: KnownKey) -> None:
        """Keep the key that signs from now on."""
        await tx.execute(
            """insert into webhook_keys (id, endpoint, sealed, public_key, created_at)
            values ($1, $2, $3, $4, $5)""",
            key.id,
            endpoint,
            key.sealed,
            key.public_key,
            key.created_at,
        )

    async def retire_keys(
        self, tx: Transaction, endpoint: str, now: datetime, until: datetime
    ) -> None:
        """Let every key sign until then at most, and forget those that are over now."""
        await tx.execute(
            """update webhook_keys set expires_at = $2
            where endpoint = $1 and (expires_at is null or expires_at > $2)""",
            endpoint,
            until,
        )
        await tx.execute(
            "delete from webhook_keys where endpoint = $1 and expires_at <= $2", endpoint, now
        )

    async def list_keys(self, tx: Transaction, endpoint: str, now: datetime) -> Sequence[KnownKey]:
        """Return the keys of an endpoint that are good now, newest first."""
        rows = await tx.fetch(
            """select id, sealed, public_key, created_at, expires_at from webhook_keys
            where endpoint = $1 and (expires_at is null or expires_at > $2) order by id desc""",
            endpoint,
            now,
        )
        return [
            KnownKey(
                id=row["id"],
                sealed=row["sealed"],
                public_key=row["public_key"],
                created_at=row["created_at"],
                expires_at=row["expires_at"],
            )
            for row in rows
        ]


def _endpoint(row: Row) -> Endpoint:
    return Endpoint(
        id=row["id"],
        operator=row["operator"],
        url=row["url"],
        description=row["description"],
        types=frozenset(map(HappeningType, row["types"])),
        version=row["version"],
        created_at=row["created_at"],
        failing_since=row["failing_since"],
        disabled_at=row["disabled_at"],
        disabled_reason=row["disabled_reason"],
    )
