"""The command line of the hosting provider."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from services.panel.domain.identity import Scope
from tests.integration.panel.command_line import assert_is_a_mistake, shell
from tests.support import panel as rigs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.panel.command_line import CommandLine
    from tests.support.panel import PanelRig


async def test_operators_are_listed_and_limited(panel: PanelRig, signed_in: CommandLine) -> None:
    async with panel.operator() as client:
        me = await rigs.get(client, "/me")
        await rigs.create(client)
    limited = await signed_in.call(
        "provider", "quota", me["operator"], "--deployments", "3", "--backups", "5"
    )
    less = await signed_in.call("provider", "quota", me["operator"], "--backups", "unlimited")
    one = json.loads(
        (await signed_in.call("provider", "operators", me["operator"], "--json")).stdout
    )
    listed = await signed_in.call("provider", "operators")
    nothing = await signed_in.call("provider", "quota", me["operator"])
    nonsense = await signed_in.call("provider", "quota", me["operator"], "--backups", "-1")

    shown = f"{me['operator']}\t{me['operator_name']}\t1 of 3\t1\t0\t"
    assert limited.stdout == f"{shown}0 of 5\n"
    assert less.stdout == f"{shown}0\n"
    assert one["quota"]["deployments"] == 3
    assert one["quota"]["backups"] is None
    assert f"{shown}0\n" in listed.stdout
    assert_is_a_mistake(nothing, 2, "say what to change")
    assert_is_a_mistake(nonsense, 2, "give a number, or unlimited")


async def test_the_catalogue_and_the_notice_are_decided(signed_in: CommandLine) -> None:
    withheld = await signed_in.call("provider", "withhold", "notes", "A fix is tested.")
    offered = await signed_in.call("provider", "offer", "notes")
    unknown = await signed_in.call("provider", "offer", "nothing")
    said = await signed_in.call("provider", "notice", "Tonight at 2.")
    shown = await signed_in.call("provider", "notice", "--json")
    silent = await signed_in.call("provider", "notice", "--withdraw")
    both = await signed_in.call("provider", "notice", "x", "--withdraw")

    assert "notes cannot be chosen: A fix is tested." in withheld.stderr
    assert "notes can be chosen." in offered.stderr
    assert_is_a_mistake(unknown, 4, "There is no such application here.")
    assert "Every page says: Tonight at 2." in said.stderr
    assert json.loads(shown.stdout)["message"] == "Tonight at 2."
    assert "Pages say nothing." in silent.stderr
    assert_is_a_mistake(both, 2, "not both")


async def test_runs_in_trouble_machines_and_activity_are_listed(
    panel: PanelRig, signed_in: CommandLine
) -> None:
    async with panel.operator() as client:
        me = await rigs.get(client, "/me")
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        await panel.say("provisioner", rigs.a_failure(run))
        await rigs.until_state(client, run["id"], "failed")
    troubled = await signed_in.call("provider", "runs")
    machines = await signed_in.call("provider", "machines")
    of_one = ("provider", "activity", "--operator", me["operator"])
    done = await signed_in.call(*of_one)
    taken = await signed_in.call(*of_one, "--export", "csv")

    [found] = [it for it in troubled.stdout.splitlines() if it.startswith(run["id"])]
    assert found.endswith(f"\t{deployment['domain']}\tdeploy\tfailed\tThe disk is full.")
    assert machines.status == 0
    assert [it.split("\t")[2] for it in done.stdout.splitlines()] == [
        "deploy.requested",
        "configuration.staged",
        "deployment.created",
    ]
    rows = list(csv.DictReader(io.StringIO(taken.stdout)))
    assert {it["operator_name"] for it in rows} == {me["operator_name"]}


async def test_an_operator_is_refused(panel: PanelRig, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(await panel.token(scopes=(Scope.READ, Scope.WRITE)))
    line = shell(tmp_path, FEDIVERSITY_URL=panel.url, FEDIVERSITY_TOKEN_FILE=str(token))

    refused = await line.call("provider", "operators")

    assert_is_a_mistake(refused, 3, "")
