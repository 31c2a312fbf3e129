"""Secrets of applications: the same through deploys and power cuts, and seen by nobody."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx2

from services.deployer.adapters import process
from services.deployer.adapters.nix import Nix
from services.deployer.adapters.postgres import PostgresApplicationSecrets
from services.deployer.adapters.ssh import SshHost, SshHosts
from shared import http
from shared.sealing import Unsealer
from tests.integration.deployer.conftest import IDENTITY, PANEL, SOON
from tests.support.eventually import eventually
from tests.support.servers import throwaway_directory
from tests.support.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.embedded.servers.postgres import Access
    from tests.integration.deployer.conftest import World
    from tests.support.guests import Guest

NAMES = ["page-key", "signing-key", "writer"]


async def digests(world: World) -> dict[str, str]:
    """Return what the application shows: name → SHA-256 of the secret that it reads."""
    async with http.client(timeout_seconds=5) as client:
        try:
            answer = await client.get(f"http://{world.machine.http}/secrets.txt")
        except httpx2.HTTPError:
            return {}
    lines = answer.text.splitlines() if answer.is_success else []
    return {name: digest for digest, name in (line.split() for line in lines)}


async def deployed(world: World, note: str = "") -> dict[str, Any]:
    row = await world.end_of(await world.ask("diary", options={"note": note}))
    payload: dict[str, Any] = json.loads(row["payload"])
    return payload


async def values(world: World) -> dict[str, str]:
    kept = await PostgresApplicationSecrets(world.database).of(world.deployment)
    return {it.name: Unsealer(IDENTITY).unseal(it.sealed) for it in kept}


def needles(secrets: Mapping[str, str]) -> list[str]:
    """Return what betrays a secret wherever it stands, however its lines are ended there."""
    return [max(value.splitlines(), key=len) for value in secrets.values()]


async def test_secrets_stay_the_same_through_deploys_and_power_cuts(
    world: World, guest: Guest
) -> None:
    async with world.working():
        first = await deployed(world)
        assert first["changed"]
        before = await digests(world)
        assert sorted(before) == NAMES
        kept = await values(world)
        assert before == {n: hashlib.sha256(it.encode()).hexdigest() for n, it in kept.items()}

        second = await deployed(world, "again")
        assert second["changed"]
        assert await digests(world) == before
        [credential] = first["credentials"]
        assert (credential["application"], credential["user"]) == ("diary", "writer")
        assert Unsealer(PANEL).unseal(credential["sealed_password"]) == kept["writer"]
        assert second["credentials"] == []

        await guest.kill()
        assert await digests(world) == {}
        await guest.start()

        async def are_back() -> bool:
            return await digests(world) == before

        await eventually(are_back, within=SOON)


async def test_secrets_are_on_no_disk_and_in_no_command(world: World, guest: Guest) -> None:
    async with world.working():
        end = await deployed(world)
    betraying = needles(await values(world))
    system = end["systems"][0]["system"]
    assert world.directory is not None

    dump = await process.run(Nix.usual(world.directory).dump(system))
    files = [it.read_bytes() for it in world.directory.rglob("*") if it.is_file()]
    texts = [dump, *files, *(it.encode() for it in world.commands)]
    assert any(b"/run/fediversity/secrets/diary/writer" in it for it in texts)
    assert any("place-secrets" in it for it in world.commands)
    assert not [text for text in texts for it in betraying if it.encode() in text]

    folders = f"$(nix-store -qR {system}) /etc /root /tmp /var /run /proc/[0-9]*/cmdline"
    search = f"grep -rlF -f - {folders} 2> /dev/null || true"
    async with SshHosts.opened(
        key_file=guest.key_file,
        work_directory=world.directory,
        nix=Nix.usual(world.directory),
    ) as hosts:
        host = hosts.at(world.machine)
        assert isinstance(host, SshHost)
        found = await host.connection.do(search, stdin="\n".join(betraying).encode())
    place = f"/run/fediversity/secrets.d/{system.rpartition('/')[2]}/diary"
    assert sorted(found.split()) == [f"{place}/{name}" for name in NAMES]


async def test_secrets_are_in_no_event_row_log_line_or_span(postgres: Access) -> None:
    with throwaway_directory() as directory:
        told = {
            "database": {
                "host": str(postgres.host),
                "port": postgres.port,
                "database": postgres.database,
                "user": postgres.user,
            },
            "password": postgres.password.get_secret_value(),
            "directory": str(directory),
        }
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "tests.integration.deployer.in_memory"],
            input=json.dumps(told).encode(),
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        spans = (directory / "deployer.jsonl").read_text()
    answer = json.loads(done.stdout)
    logged, secrets = done.stderr.decode(), answer.pop("values")

    assert sorted(secrets) == NAMES
    assert "contents_restored" in logged
    assert '"step build"' in spans
    rows = "\n".join(answer["rows"])
    for wanted in ("ConfigDeployed", "sealed_password", "signing-key", "SystemRemoved"):
        assert wanted in rows
    everything = logged + spans + rows + json.dumps(answer["progress"])
    betrayed = zip(secrets, needles(secrets), strict=True)
    assert [name for name, it in betrayed if it in everything] == []
