"""The command line beside deploying: domains, history, webhooks, people, tokens, activity."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING

import pytest

from services.panel.domain.identity import Scope, is_token
from shared import ids
from tests.integration.panel.command_line import assert_is_a_mistake, shell
from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support.domain_scene import domain_scene
from tests.support.eventually import eventually
from tests.support.receiver import receiving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.panel.command_line import CommandLine
    from tests.support.panel import Json, PanelRig


@pytest.fixture
def operator() -> str:
    return f"Operator {ids.new_id()}"


@pytest.fixture
async def line(panel: PanelRig, operator: str, tmp_path: Path) -> CommandLine:
    """Return the shell of an owner who may do everything an operator may."""
    token = tmp_path / "token"
    scopes = (Scope.READ, Scope.WRITE, Scope.ACCESS)
    token.write_text(await panel.token(scopes=scopes, operator=operator))
    return shell(tmp_path, FEDIVERSITY_URL=panel.url, FEDIVERSITY_TOKEN_FILE=str(token))


async def data(line: CommandLine, *arguments: str) -> list[Json]:
    ended = await line.call(*arguments, "--json")
    assert ended.status == 0, ended.stderr
    found: list[Json] = json.loads(ended.stdout)
    return found


def told_once(stdout: str) -> dict[str, str]:
    """Return what a command prints this once, by name."""
    return dict(it.split("\t", 1) for it in stdout.splitlines())


async def test_domains_are_listed_shown_and_looked_at(
    panel: PanelRig, operator: str, line: CommandLine
) -> None:
    async with panel.operator(named=operator) as client, domain_scene(panel, client) as scene:
        before = await line.call("domains", "show", scene.domain)
        looked = await line.call("domains", "check", scene.domain.upper())
        listed = await line.call("domains", "list")
        [found] = await data(line, "domains", "list")
        unknown = await line.call("domains", "show", "nothing.localhost")

    record = f"A\thello\t{scene.name}\t127.0.0.1\t"
    assert f"{record}unchecked" in before.stdout
    assert f"{record}missing" in looked.stdout
    assert f"AAAA\thello\t{scene.name}\tnone\tgood" in looked.stdout
    assert "Add one where you manage" in looked.stderr
    assert listed.stdout.startswith(f"{scene.domain}\tpending\t")
    assert found["good_at"] is None
    assert_is_a_mistake(unknown, 4, "You have no such domain.")


async def test_what_was_deployed_is_listed_compared_and_deployed_again(
    panel: PanelRig, operator: str, line: CommandLine
) -> None:
    async with panel.operator(named=operator) as client, rigs.an_application() as url:
        live = await runs.live(panel, client, url, title="One")
        domain = live["domain"]
        await line.call("deploy", domain, "-a", "hello", "-o", "title=Two")
        [newest] = (await rigs.get(client, f"/deployments/{live['id']}/runs?limit=1"))["items"]
        await runs.succeed(panel, client, newest["id"], url)
        history = await line.call("configuration", "history", domain)
        first = await line.call("configuration", "show", domain, "1")
        staged = await line.call("configuration", "show", domain)
        changed = await line.call("configuration", "diff", domain, "2", "--since", "1")
        nothing = await line.call("configuration", "diff", domain)
        again = await line.call("configuration", "deploy", domain, "1", "--json")
        unknown = await line.call("configuration", "deploy", domain, "99")
        usage = await line.call("configuration", "diff", domain, "--since", "1")

    assert [it.split("\t")[0] for it in history.stdout.splitlines()] == ["2", "1"]
    assert "\tRobin\t" in history.stdout
    assert "\ttitle\tOne" in first.stdout
    assert "\ttitle\tTwo" in staged.stdout
    assert "hello\tchanged\ttitle\tOne\tTwo" in changed.stdout
    assert nothing.stdout == ""
    assert (again.status, json.loads(again.stdout)["revision"]) == (0, 3)
    assert_is_a_mistake(unknown, 4, "")
    assert_is_a_mistake(usage, 2, "--since is for a revision")


async def test_what_is_staged_is_discarded(
    panel: PanelRig, operator: str, line: CommandLine
) -> None:
    changed = {"applications": [{"application": "hello", "options": {"title": "Two"}}]}
    async with panel.operator(named=operator) as client, rigs.an_application() as url:
        live = await runs.live(panel, client, url, title="One")
        domain, place = live["domain"], f"/deployments/{live['id']}/configuration"
        staged = await client.post(place, json=changed, headers=rigs.ANY_VERSION)
        bare = await client.post(f"{place}/discard")
        stale = await client.post(f"{place}/discard", headers={"If-Match": '"1"'})
        kept = await line.call("configuration", "discard", domain, given="n\n")
        done = await line.call("configuration", "discard", domain, "--yes", "--json")
        again = await line.call("configuration", "discard", domain)
        found = await client.post(f"{place}/discard", headers=rigs.ANY_VERSION)
        never = await rigs.create(client)
        refused = await line.call("configuration", "discard", never["domain"], "--yes")

    assert staged.json()["has_changes"] is True
    assert (bare.status_code, stale.status_code) == (428, 412)
    assert kept.status == 1
    assert "What was changed of hello is lost." in kept.stderr
    [shown] = json.loads(done.stdout)["staged"]["applications"]
    assert (done.status, shown["options"]["title"]) == (0, "One")
    assert (again.status, again.stdout) == (0, "")
    assert "Nothing is different from what runs." in again.stderr
    assert (found.status_code, found.json()["has_changes"]) == (200, False)
    assert found.headers["ETag"].startswith('"3')
    assert_is_a_mistake(refused, 5, "")


async def test_webhooks_are_made_tried_and_removed(line: CommandLine) -> None:
    async with receiving() as receiver:
        url = f"{receiver.url}?key=secret"
        made = await line.call("webhooks", "add", "-", "-t", "test", given=f"{url}\n")
        endpoint = told_once(made.stdout)
        tried = await line.call("webhooks", "test", endpoint["id"])
    rotated = await line.call("webhooks", "rotate", endpoint["id"], "--overlap-hours", "0")
    kept = await line.call("webhooks", "remove", endpoint["id"], given="n\n")
    listed = await line.call("webhooks", "list")
    removed = await line.call("webhooks", "remove", endpoint["id"], "--yes")
    rest = await data(line, "webhooks", "list")

    assert receiver.received[0].path == "/hook?key=secret"
    assert endpoint["secret"].startswith("whsec_")
    assert "not shown again" in made.stderr
    assert endpoint["secret"] not in made.stderr + listed.stdout
    assert "is delivered. It answered 204." in tried.stderr
    assert told_once(rotated.stdout)["secret"] != endpoint["secret"]
    assert kept.status == 1
    assert listed.stdout.startswith(f"{endpoint['id']}\t{url}\tin use\t1\t")
    assert (removed.status, rest) == (0, [])


async def test_webhooks_are_changed_switched_off_and_on(line: CommandLine) -> None:
    made = told_once((await line.call("webhooks", "add", "http://127.0.0.1:9999/old")).stdout)["id"]
    url = "http://127.0.0.1:9999/hook?key=secret"
    changed = await line.call("webhooks", "change", made, "--url", "-", given=f"{url}\n")
    types = ("-t", "run.failed", "-t", "test", "--description", "Our chat")
    narrowed = json.loads((await line.call("webhooks", "change", made, *types, "--json")).stdout)
    off = await line.call("webhooks", "disable", made)
    listed = await line.call("webhooks", "list")
    on = await line.call("webhooks", "enable", made, "--json")
    empty = await line.call("webhooks", "change", made)
    wrong = await line.call("webhooks", "change", made, "--url", "ftp://hooks.example/")
    unknown = await line.call("webhooks", "enable", ids.new_id())

    assert (changed.status, off.status, on.status) == (0, 0, 0)
    assert (narrowed["url"], narrowed["types"]) == (url, ["run.failed", "test"])
    assert listed.stdout == f"{made}\t{url}\tswitched off\t2\tOur chat\n"
    assert json.loads(on.stdout)["enabled"] is True
    assert_is_a_mistake(empty, 2, "--url, --type and --description")
    assert_is_a_mistake(wrong, 2, "The URL must begin with")
    assert_is_a_mistake(unknown, 4, "")


async def test_deliveries_are_looked_at_and_sent_again(line: CommandLine) -> None:
    async with receiving() as receiver:
        made = await line.call("webhooks", "add", receiver.url, "-t", "token.created")
        endpoint = told_once(made.stdout)["id"]
        await line.call("tokens", "create", "robot", "--scope", "deployments:read")

        async def is_delivered() -> bool:
            found = await data(line, "webhooks", "deliveries", endpoint)
            return [it["state"] for it in found] == ["delivered"]

        await eventually(is_delivered, within=rigs.SOON, poll=0.2)
        sent = await line.call("webhooks", "deliveries", endpoint)
        delivery = sent.stdout.split("\t", 1)[0]
        one = await line.call("webhooks", "deliveries", endpoint, delivery)
        again = await line.call("webhooks", "resend", endpoint, delivery)
        await receiver.until(2)

    assert "\ttoken.created\tdelivered\t1\t" in sent.stdout
    assert json.loads(one.stdout)["body"]["data"]["name"] == "robot"
    assert again.status == 0
    assert len({it.id for it in receiver.received}) == 1


async def test_notifications_are_listed_and_read(
    panel: PanelRig, operator: str, line: CommandLine
) -> None:
    async with panel.operator(named=operator) as client:
        for _ in range(2):
            deployment = await rigs.create(client)
            run = await rigs.deploy(client, deployment["id"])
            await runs.fail(panel, client, run["id"])
    first = await data(line, "notifications", "list", "--unread")
    shown = await line.call("notifications", "list")
    one = await line.call("notifications", "read", first[0]["id"])
    second = await data(line, "notifications", "list", "--unread")
    everything = await line.call("notifications", "read", "--all")
    none = await data(line, "notifications", "list", "--unread")
    neither = await line.call("notifications", "read")

    assert (len(first), len(second), len(none)) == (2, 1, 0)
    assert "\tnew\tDeploying " in shown.stdout
    assert (one.status, everything.status) == (0, 0)
    assert_is_a_mistake(neither, 2, "--all")


async def test_people_are_invited_and_change_roles(
    panel: PanelRig, operator: str, line: CommandLine
) -> None:
    viewer = await panel.session(operator=operator)
    made = await line.call("invitations", "create", "kim@garden.example", "viewer")
    waiting = await line.call("invitations", "list")
    revoked = await line.call("invitations", "revoke", told_once(made.stdout)["id"])
    role = await line.call("people", "role", viewer.person, "viewer")
    people = await data(line, "people", "list")
    wrong = await line.call("people", "role", viewer.person, "king")
    removed = await line.call("people", "remove", viewer.person, "--yes")
    left = await line.call("people", "list")

    assert re.search(r"/invitation#\w+", told_once(made.stdout)["link"])
    assert "kim@garden.example\tviewer\tRobin" in waiting.stdout
    assert (revoked.status, role.status, removed.status) == (0, 0, 0)
    assert {it["id"]: it["role"] for it in people}[viewer.person] == "viewer"
    assert_is_a_mistake(wrong, 2, "")
    assert viewer.person not in left.stdout


async def test_a_token_is_printed_once_and_revoked(panel: PanelRig, line: CommandLine) -> None:
    made = await line.call("tokens", "create", "robot", "-s", "deployments:read", "--days", "7")
    token = told_once(made.stdout)
    async with panel.client(token["token"]) as robot:
        may = await robot.get("/deployments")
        listed = await line.call("tokens", "list")
        revoked = await line.call("tokens", "revoke", token["id"], "--yes")
        may_no_more = await robot.get("/deployments")
    too_much = await line.call("tokens", "create", "boss", "-s", "provider")

    assert is_token(token["token"])
    assert f"{token['id']}\trobot\tRobin\tdeployments:read\t" in listed.stdout
    assert token["token"] not in listed.stdout
    assert (may.status_code, revoked.status, may_no_more.status_code) == (200, 0, 401)
    assert_is_a_mistake(too_much, 3, "")


async def test_what_to_be_told_is_chosen(line: CommandLine) -> None:
    before = await line.call("notifications", "choices")
    off = await line.call("notifications", "choose", "run_failed", "bell", "--off")
    on = await line.call("notifications", "choose", "run_failed", "bell", "--on", "--json")
    wrong = await line.call("notifications", "choose", "moon", "bell", "--on")

    assert "run_failed\tbell\ton\n" in before.stdout
    assert "run_failed\tbell\toff\n" in off.stdout
    [found] = [
        it["wanted"]
        for it in json.loads(on.stdout)["choices"]
        if (it["topic"], it["channel"]) == ("run_failed", "bell")
    ]
    assert found is True
    assert_is_a_mistake(wrong, 2, "")


async def test_sessions_are_listed_and_ended(panel: PanelRig, tmp_path: Path) -> None:
    person, token = await panel.session(), tmp_path / "token"
    wish = {"name": "shell", "scopes": [Scope.READ.value, Scope.ACCESS.value], "days": "1"}
    async with person.browser() as browser:
        made = (await browser.post("/account/tokens", data=wish)).text
        token.write_text(next(it for it in re.findall(r"fdv_\w+", made) if is_token(it)))
        line = shell(tmp_path, FEDIVERSITY_URL=panel.url, FEDIVERSITY_TOKEN_FILE=str(token))
        [found] = await data(line, "sessions", "list")
        unknown = await line.call("sessions", "end", ids.new_id())
        neither = await line.call("sessions", "end")
        kept = await line.call("sessions", "end", "--all", given="n\n")
        there = (await browser.get("/deployments")).status_code
        ended = await line.call("sessions", "end", found["id"])
        gone = await browser.get("/deployments")
        none = await data(line, "sessions", "list")

    assert_is_a_mistake(unknown, 4, "")
    assert_is_a_mistake(neither, 2, "--all")
    assert (kept.status, there, ended.status) == (1, 200, 0)
    assert gone.headers["location"].startswith("/sign-in")
    assert none == []


async def test_activity_is_narrowed_down_and_taken_away(line: CommandLine) -> None:
    for name in ("=cmd()", "robot"):
        await line.call("tokens", "create", name, "-s", "deployments:read")
    newest = await line.call("activity", "list", "--action", "token", "--limit", "1")
    as_csv = await line.call("activity", "export", "--action", "token")
    as_lines = await line.call("activity", "export", "--format", "jsonl")
    none = await data(line, "activity", "list", "--until", "2020-01-01T00:00:00Z")

    [shown] = newest.stdout.splitlines()
    assert "\tRobin\ttoken.created\t" in shown
    assert shown.endswith("name: robot, scopes: deployments:read")
    rows = list(csv.DictReader(io.StringIO(as_csv.stdout)))
    assert [json.loads(it["details"])["name"] for it in rows] == ["robot", "=cmd()"]
    assert [json.loads(it)["action"] for it in as_lines.stdout.splitlines()] == [
        "token.created",
        "token.created",
    ]
    assert none == []
