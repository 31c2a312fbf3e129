"""Backups, restores, pauses and cancelling from the command line, against a real panel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from shared.contracts.deployer import Ailment, HealthChanged
from tests.integration.panel.command_line import assert_is_a_mistake
from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from tests.integration.panel.command_line import CommandLine
    from tests.support.panel import Json, PanelRig


@pytest_asyncio.fixture
async def client(panel: PanelRig, signed_in: CommandLine) -> AsyncIterator[httpx2.AsyncClient]:
    """Yield a client of the one who is signed in."""
    with open(signed_in.environment["FEDIVERSITY_TOKEN_FILE"], encoding="utf-8") as file:  # noqa: ASYNC230, PTH123 - a line
        token = file.read().strip()
    async with panel.client(token) as found:
        yield found


async def begun(client: httpx2.AsyncClient, deployment: str, kind: str) -> Json:
    """Return the run of a kind that a command has asked for, once it has begun."""
    found: list[Json] = []

    async def is_there() -> bool:
        listed = await rigs.get(client, f"/deployments/{deployment}/runs")
        found[:] = [it for it in listed["items"] if (it["kind"], it["state"]) == (kind, "running")]
        return bool(found)

    await eventually(is_there, within=40)
    return await rigs.get(client, f"/runs/{found[0]['id']}")


async def test_a_backup_is_made_listed_shown_and_removed(
    panel: PanelRig, signed_in: CommandLine, client: httpx2.AsyncClient
) -> None:
    async with rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
    domain = deployment["domain"]
    process = await signed_in.begin("backups", "create", domain, "--wait")
    run = await begun(client, deployment["id"], "backup")
    await runs.succeed(panel, client, run["id"])
    created = await signed_in.end(process)
    listed = await signed_in.run("backups", "list", domain)
    shown = await signed_in.run("backups", "show", run["id"])
    kept = await signed_in.run("backups", "remove", run["id"], given="n\n")
    removed = await signed_in.run("backups", "remove", run["id"], "--yes", "--json")

    assert created.status == 0, created.stderr
    assert f"Backup {run['id']} of {domain}." in created.stderr
    assert "✓ deployer export" in created.stderr
    assert listed.stdout == f"{run['id']}\t{domain}\tcomplete\t{runs.TAKEN_AT}\t512 B\n"
    assert shown.stdout == "hello\t1.0.0\t3\t0\t2\t700 B\n"
    assert "hello: not included: cache" in shown.stderr
    assert kept.status == 1
    assert "There is no way back." in kept.stderr
    assert json.loads(removed.stdout)["kind"] == "remove_backup"


async def test_a_restore_is_watched_run_by_run(
    panel: PanelRig, signed_in: CommandLine, client: httpx2.AsyncClient
) -> None:
    async with rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
    backup = await runs.backed_up(panel, client, deployment["id"])
    process = await signed_in.begin("restore", backup["id"], "--wait")
    for kind in ("backup", "restore"):
        run = await begun(client, deployment["id"], kind)
        await runs.succeed(panel, client, run["id"])
    ended = await signed_in.end(process)
    everything = await signed_in.run("backups", "list", "--json")

    assert ended.status == 0, ended.stderr
    assert f"on {deployment['domain']}: runs" in ended.stderr
    assert "✓ storage index" in ended.stderr
    assert "✓ storage prune" in ended.stderr
    assert f"Run {run['number']} succeeded" in ended.stderr
    assert [it["automatic"] for it in json.loads(everything.stdout)] == [True, False]


async def test_a_restore_ends_with_the_run_that_failed(
    panel: PanelRig, signed_in: CommandLine, client: httpx2.AsyncClient
) -> None:
    async with rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
    backup = await runs.backed_up(panel, client, deployment["id"])
    process = await signed_in.begin("restore", backup["id"], "--wait")
    run = await begun(client, deployment["id"], "backup")
    await runs.fail(panel, client, run["id"])
    ended = await signed_in.end(process)
    [restore] = (await rigs.get(client, f"/deployments/{deployment['id']}/runs?limit=1"))["items"]
    unbegun = await signed_in.run("run", "watch", restore["id"])
    domain = rigs.a_domain()
    asked = await signed_in.run("restore", backup["id"], "--domain", domain, "--json")

    assert ended.status == unbegun.status == 1
    assert f"run {run['number']} failed: deployer failed at export" in ended.stderr
    assert f"run {restore['number']} was cancelled: panel stopped at start" in unbegun.stderr
    assert "had to succeed first" in unbegun.stderr
    assert f"Warning: {deployment['domain']} goes on as it is" in asked.stderr
    assert len(json.loads(asked.stdout)["warnings"]) == asked.stderr.count("Warning: ") == 2
    assert [it["kind"] for it in json.loads(asked.stdout)["runs"]] == [
        "deploy",
        "restore",
        "deploy",
    ]


async def test_a_deployment_is_paused_resumed_and_restarted(
    panel: PanelRig, signed_in: CommandLine, client: httpx2.AsyncClient
) -> None:
    async with rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
    ended = []
    for verb in ("restart", "pause", "resume"):
        process = await signed_in.begin(verb, deployment["domain"], "--wait")
        run = await begun(client, deployment["id"], verb)
        await runs.succeed(panel, client, run["id"])
        ended.append(await signed_in.end(process))
    refused = await signed_in.run("resume", deployment["domain"])

    assert [it.status for it in ended] == [0, 0, 0], ended
    assert "✓ provisioner maintenance" in ended[1].stderr
    assert (refused.status, refused.stdout) == (5, "")
    assert refused.stderr == "fediversity: This deployment is not paused.\n"


async def test_a_run_is_cancelled(
    panel: PanelRig, signed_in: CommandLine, client: httpx2.AsyncClient
) -> None:
    deployment = await rigs.create(client)
    first = await rigs.deploy(client, deployment["id"])
    second = await rigs.deploy(client, deployment["id"])
    waiting = await signed_in.run("run", "cancel", second["id"])
    running = await signed_in.run("run", "cancel", first["id"])
    as_json = await signed_in.run("run", "cancel", first["id"], "--json")
    await runs.fail_cancelled(panel, client, first)
    watched = await signed_in.run("run", "watch", first["id"])

    assert (waiting.status, running.status) == (0, 0)
    assert f"Run {second['number']} is cancelled" in waiting.stderr
    assert f"Run {first['number']} stops after its current step" in running.stderr
    assert json.loads(as_json.stdout)["state"] == "cancelling"
    assert watched.status == 1
    assert f"run {first['number']} was cancelled: provisioner stopped at image" in watched.stderr


async def test_what_is_wrong_is_said_beside_the_status(
    panel: PanelRig, signed_in: CommandLine, client: httpx2.AsyncClient
) -> None:
    async with rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
    since = "2026-11-21T09:00:00Z"
    ailment = Ailment(application="hello", kind="http", message="It is silent.", since=since)
    event = HealthChanged(deployment=deployment["id"], at=since, ailments=(ailment,))
    await panel.say("deployer", event)

    async def is_degraded() -> bool:
        found = await rigs.get(client, f"/deployments/{deployment['id']}")
        return bool(found["status"] == "degraded")

    await eventually(is_degraded, within=rigs.SOON)
    shown = await signed_in.run("deployments", deployment["domain"])

    assert shown.stdout.split("\t")[2] == "degraded"
    assert f"hello: It is silent. (since {since})" in shown.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("backups", "show", "0" * 26), 4, "no such backup"),
        (("restore", "x"), 4, "x is not the id of a backup"),
        (("restore", "0" * 26, "--timeout", "3"), 2, "give --wait as well"),
        (("pause", "other.localhost"), 4, "you have no deployment other.localhost"),
    ],
)
async def test_a_mistake_is_one_line_and_an_exit_status(
    signed_in: CommandLine, arguments: tuple[str, ...], status: int, said: str
) -> None:
    assert_is_a_mistake(await signed_in.run(*arguments), status, said)
