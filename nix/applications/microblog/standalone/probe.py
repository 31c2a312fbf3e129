"""Whether a secret belongs to the data: `probe.py CONFIGURATION [column-key|actor-key]`.

Ends with status 0 only when the data holds a proof of the secret, and the secret fits it.
"""

from __future__ import annotations

import asyncio
import sys

import asyncpg
import database
from configuration import ConfigurationError, load, log
from keys import ACTOR, COLUMN, Secrets


async def strangers(path: str) -> list[str]:
    """Return the names of the secrets that do not belong to the data."""
    configuration = load(path)
    connection = await database.connected(configuration)
    try:
        return await Secrets(configuration).strangers(connection)
    finally:
        await connection.close()


def main() -> None:
    """Probe all secrets, or the one that is named."""
    path, *named = sys.argv[1:]
    try:
        found = asyncio.run(strangers(path))
    except (ConfigurationError, asyncpg.PostgresError, *database.AWAY) as error:
        log(f"nothing can be said about the secrets: {error}")
        sys.exit(2)
    wrong = [it for it in named or (ACTOR, COLUMN) if it in found]
    if wrong:
        log(f"{' and '.join(wrong)} do not belong to this data; restore them")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
