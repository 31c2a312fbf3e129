"""How fast the state of an application is carried, and whether it is the same afterwards.

python -m tests.bench.state [--megabytes N] [--files N] [--json FILE]

A database and a folder are exported to a bucket, destroyed, and imported. Both are compared by
plain SQL and `sha256sum`, never by the program itself; and a single flipped bit has to show.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from shared.embedded import parts, ports
from shared.embedded.servers import seaweedfs
from tests.support import state
from tests.support.servers import throwaway_directory
from tests.support.state import Carrier, SocketPostgresServer

if TYPE_CHECKING:
    from collections.abc import Mapping

MEGA: Final = 1_000_000
ROW_BYTES: Final = 1000
ROWS: Final = """
create table entry (id bigint primary key, text text not null);
insert into entry select i, (
    select string_agg(md5(i::text || n::text || random()::text), '') from generate_series(1, 31) n)
from generate_series(1, {count}) i;
"""
DIGEST: Final = (
    "select count(*), sum(hashtext(id::text || text)::numeric), sum(length(text)) from entry"
)


async def measure(megabytes: int, files: int) -> dict[str, Any]:
    """Export, destroy, import, compare; return figures and what the comparison said."""
    with throwaway_directory() as place:
        server = SocketPostgresServer(
            place / "postgres", port=ports.free(), password=SecretStr(secrets.token_urlsafe(18))
        )
        async with parts.running(server), seaweedfs.running(place / "store") as store:
            carrier = Carrier(server, store, await state.create_bucket(store), place / "work")
            async with state.with_database(carrier):
                return await _carry(carrier, place / "files", megabytes, files)


async def _carry(carrier: Carrier, folder: Path, megabytes: int, files: int) -> dict[str, Any]:
    server = carrier.owned
    await server.run_as_owner(carrier.name, ROWS.format(count=megabytes * MEGA // ROW_BYTES))
    written = _fill(folder, files, server.account)
    carrier.path(folder, owner=server.user)
    before = await seen(carrier, folder)
    async with server.connected(carrier.name) as connection:
        size = int(await connection.fetchval("select pg_total_relation_size('entry')"))

    exported = carrier.run("export").result
    await carrier.moved_aside()
    shutil.rmtree(folder)
    imported = carrier.run("import", manifest_sha256=exported["sha256"]).result

    after = await seen(carrier, folder)
    _flip(folder)
    is_noticed = await seen(carrier, folder) != after
    return {
        "ok": before == after and is_noticed,
        "database_mb": round(size / MEGA, 1),
        "files": files,
        "files_mb": round(written / MEGA, 1),
        **_figures("export", exported["seconds"], size + written),
        **_figures("import", imported["seconds"], size + written),
        "same": before == after,
        "flipped_bit_noticed": is_noticed,
    }


def _figures(verb: str, seconds: float, carried: int) -> dict[str, float]:
    return {
        f"{verb}_seconds": round(seconds, 2),
        f"{verb}_mb_per_second": round(carried / MEGA / seconds, 1),
    }


async def seen(carrier: Carrier, folder: Path) -> tuple[str, str]:
    """Return what plain SQL and `sha256sum` say."""
    async with carrier.owned.connected(carrier.name) as connection:
        rows = str(tuple(await connection.fetchrow(DIGEST)))
    return rows, await asyncio.to_thread(_sums, folder)


def _sums(folder: Path) -> str:
    script = "find . -type f -print0 | sort -z | xargs -0r sha256sum"
    done = subprocess.run(("sh", "-c", script), cwd=folder, capture_output=True, check=True)
    return done.stdout.decode()


def _fill(folder: Path, count: int, account: tuple[int, int] | None) -> int:
    """Write so many files of different sizes, and return how many bytes that were."""
    sizes = random.Random(1)  # noqa: S311 - the same sizes each time
    written = 0
    for number in range(count):
        place = folder / f"{number % 50:02}"
        place.mkdir(parents=True, exist_ok=True)
        content = os.urandom(int(sizes.expovariate(1 / 100_000)))
        (place / f"{number}.bin").write_bytes(content)
        written += len(content)
    if account:
        for it in (folder, *folder.rglob("*")):
            os.chown(it, *account)
    return written


def _flip(folder: Path) -> None:
    file = max(folder.rglob("*.bin"), key=lambda it: it.stat().st_size)
    file.write_bytes(state.flipped(file.read_bytes(), 17))


def main() -> None:
    """Measure, print, and write what `--json` names."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found: Mapping[str, Any] = asyncio.run(measure(given.megabytes, given.files))
    text = json.dumps(found, indent=1)
    print(text)  # noqa: T201 - a program
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")
    sys.exit(0 if found["ok"] else 1)


if __name__ == "__main__":
    main()
