"""The command `fediversity`, run as people run it, against a real panel."""

from __future__ import annotations

import asyncio
import json
import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from services.panel.domain.identity import is_token
from shared import ids
from shared.contracts.progress import StepState
from shared.embedded.ports import free
from tests.integration.panel.command_line import assert_is_a_mistake, shell
from tests.support import panel as rigs
from tests.support.eventually import eventually
from tests.support.panel_runs import a_letter

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.panel.command_line import CommandLine
    from tests.support.panel import Json, PanelRig


async def the_run(panel: PanelRig, line: CommandLine, domain: str) -> Json:
    """Return the run that a command has asked for, once it has."""
    with open(line.environment["FEDIVERSITY_TOKEN_FILE"], encoding="utf-8") as file:  # noqa: ASYNC230, PTH123 - a line
        token = file.read().strip()
    found: list[Json] = []
    async with panel.client(token) as client:

        async def is_there() -> bool:
            listed = await rigs.get(client, "/deployments")
            found[:] = [it for it in listed["items"] if it["domain"] == domain]
            return bool(found and found[0]["active_run"])

        await eventually(is_there, within=rigs.STARTED)
        return await rigs.get(client, f"/runs/{found[0]['active_run']['id']}")


async def test_a_token_is_kept_by_login_and_never_shown(panel: PanelRig, tmp_path: Path) -> None:
    token = await panel.token()
    line = shell(tmp_path)

    before = await line.run("deployments")
    login = await line.run("login", "--url", panel.url, "--token-stdin", given=token + "\n")
    after = await line.run("me", "--json")

    assert (before.status, before.stdout) == (3, "")
    assert "fediversity login" in before.stderr
    assert login.status == 0, login.stderr
    assert json.loads(after.stdout)["role"] == "owner"
    assert token not in login.stdout + login.stderr + after.stdout
    kept = tmp_path / ".config" / "fediversity" / "profile.json"
    assert kept.stat().st_mode & 0o777 == 0o600


async def test_a_wrong_token_is_not_kept(panel: PanelRig, tmp_path: Path) -> None:
    line = shell(tmp_path)

    login = await line.run("login", "--url", panel.url, "--token-stdin", given="fdv_wrong\n")

    assert login.status == 3
    assert login.stderr == "fediversity: This token is not known here.\n"
    assert not (tmp_path / ".config").exists()


async def test_deploy_waits_shows_steps_with_durations_and_prints_the_url(
    panel: PanelRig, signed_in: CommandLine
) -> None:
    domain = rigs.a_domain()
    async with rigs.an_application() as url:
        options = ("--application", "hello", "--option", "title=Hi", "--option", "languages=en,de")
        process = await signed_in.begin("deploy", domain, *options, "--wait")
        run = await the_run(panel, signed_in, domain)
        await panel.report(rigs.progress(run, "image", StepState.RUNNING))
        for service, event in rigs.answers_of_a_deploy(run, url):
            await panel.say(service, event)
        ended = await signed_in.end(process)

    assert ended.status == 0, ended.stderr
    assert "✓ provisioner image" in ended.stderr
    assert " s\n" in ended.stderr
    assert f"Run {run['number']} succeeded in" in ended.stderr
    assert ended.stdout.startswith("hello\t")


async def test_deploy_as_json_is_one_document_and_the_second_one_changes_options(
    signed_in: CommandLine,
) -> None:
    domain = rigs.a_domain()
    first = await signed_in.run("deploy", domain, "-a", "hello", "--json")
    again = await signed_in.run("deploy", domain, "-a", "hello", "-o", "title=Two", "--json")
    listed = await signed_in.run("deployments", "--json")
    shown = await signed_in.run("deployments", domain)

    assert json.loads(first.stdout)["state"] == "running"
    assert json.loads(again.stdout)["revision"] == 2
    [deployment] = json.loads(listed.stdout)
    assert deployment["domain"] == domain
    assert shown.stdout.split("\t")[:3] == [deployment["id"], domain, "deploying"]


async def test_a_failed_run_says_what_why_state_and_next(
    panel: PanelRig, signed_in: CommandLine
) -> None:
    domain = rigs.a_domain()
    process = await signed_in.begin("deploy", domain, "-a", "hello", "--wait")
    run = await the_run(panel, signed_in, domain)
    await panel.say("provisioner", rigs.a_failure(run))
    ended = await signed_in.end(process)
    watched = await signed_in.run("run", "watch", run["id"])
    shown = await signed_in.run("run", "show", run["id"])
    reported = await signed_in.run("run", "report", run["id"])
    retried = await signed_in.run("run", "retry", run["id"], "--json")

    assert ended.status == watched.status == 1
    for part in (
        "✗ provisioner boot",
        "Why:   The disk is full.",
        "State: Some of it may exist already, but no application runs yet.",
        "Next:  Try again, or remove the deployment.",
        f"fediversity: run {run['number']} failed: provisioner failed at boot",
    ):
        assert part in ended.stderr
    assert "boot\tfailed" in shown.stdout
    assert "Code:     machine.disk_full" in reported.stdout
    assert json.loads(retried.stdout)["retry_of"] == run["id"]


async def test_watching_survives_a_panel_that_is_killed(
    panel: PanelRig, signed_in: CommandLine
) -> None:
    domain = rigs.a_domain()
    async with rigs.an_application() as url:
        process = await signed_in.begin("deploy", domain, "-a", "hello", "--wait")
        run = await the_run(panel, signed_in, domain)
        await panel.child.kill()
        await asyncio.sleep(0.3)
        await panel.start()
        for service, event in rigs.answers_of_a_deploy(run, url):
            await panel.say(service, event)
        ended = await signed_in.end(process)

    assert ended.status == 0, ended.stderr
    assert ended.stderr.count("✓") == 13


async def test_an_interrupted_command_says_how_to_watch_on(
    panel: PanelRig, signed_in: CommandLine
) -> None:
    domain = rigs.a_domain()
    process = await signed_in.begin("deploy", domain, "-a", "hello", "--wait")
    run = await the_run(panel, signed_in, domain)
    await panel.report(rigs.progress(run, "image", StepState.RUNNING))
    await panel.report(rigs.progress(run, "image", StepState.SUCCEEDED))
    assert process.stderr is not None
    # Python drops an interrupt that comes in the middle of an import: only now does it watch.
    async with asyncio.timeout(rigs.SOON):
        while b"image" not in await process.stderr.readline():
            pass
    process.send_signal(signal.SIGINT)
    ended = await signed_in.end(process)

    assert ended.status == 130
    assert f"fediversity run watch {run['id']}" in ended.stderr


async def test_runs_are_listed_and_a_failed_one_is_tried_again(
    panel: PanelRig, signed_in: CommandLine
) -> None:
    domain = rigs.a_domain()
    created = await signed_in.run("deploy", domain, "-a", "hello", "--json")
    run = json.loads(created.stdout)
    await panel.say("provisioner", rigs.a_failure(run))

    async def has_failed() -> bool:
        return "\tfailed\t" in (await signed_in.run("run", "list", domain)).stdout

    await eventually(has_failed, within=40)
    retries = [
        await signed_in.run("run", "retry", run["id"], "--json", "--idempotency-key", "once")
        for _ in range(2)
    ]
    listed = await signed_in.run("run", "list", domain, "--json")

    found = json.loads(listed.stdout)
    assert [it["state"] for it in found] == ["running", "failed"]
    assert {json.loads(it.stdout)["id"] for it in retries} == {found[0]["id"]}


async def test_time_can_run_out_while_waiting(signed_in: CommandLine) -> None:
    waited = ("deploy", rigs.a_domain(), "-a", "hello", "--wait", "--timeout", "1")
    ended = await signed_in.run(*waited)

    assert ended.status == 6
    assert "fediversity run watch" in ended.stderr


async def test_removal_asks_first_and_shows_what_is_kept(
    panel: PanelRig, signed_in: CommandLine
) -> None:
    domain = rigs.a_domain()
    created = await signed_in.run("deploy", domain, "-a", "hello", "--json")
    await panel.say("provisioner", rigs.a_failure(json.loads(created.stdout)))
    refused = await signed_in.run("remove", domain, given="n\n")
    process = await signed_in.begin("remove", domain, "--yes", "--wait")
    run = await the_run(panel, signed_in, domain)
    for service, event in rigs.answers_of_a_removal(run):
        await panel.say(service, event)
    ended = await signed_in.end(process)

    assert refused.status == 1
    assert ended.status == 0, ended.stderr
    assert "Kept until 2026-12-24T00:00:00Z: fdv-x" in ended.stderr


async def test_a_first_password_is_printed_once_to_stdout_alone(
    panel: PanelRig, signed_in: CommandLine
) -> None:
    domain, password = rigs.a_domain(), f"pw-{ids.new_id()}"
    created = await signed_in.run("deploy", domain, "-a", "hello", "--json")
    told = [
        panel.first_credential(password, application=it, user=f"{it}-admin")
        for it in ("hello", "notes")
    ]
    await panel.say("deployer", rigs.config_deployed(json.loads(created.stdout), *told))

    async def is_listed() -> bool:
        return "hello" in (await signed_in.run("credentials", domain)).stdout

    await eventually(is_listed, within=40)
    listed = await signed_in.run("credentials", domain)
    revealed = await signed_in.run("credentials", domain, "--reveal", "hello")
    as_json = await signed_in.run("credentials", domain, "--reveal", "notes", "--json")
    again = await signed_in.run("credentials", domain, "--reveal", "hello")
    unknown = await signed_in.run("credentials", domain, "--reveal", "../../x")
    after = await signed_in.run("credentials", domain, "--json")

    assert listed.stdout.splitlines() == [
        "hello\thello-admin\tnot revealed yet\t",
        "notes\tnotes-admin\tnot revealed yet\t",
    ]
    assert revealed.status == 0, revealed.stderr
    assert revealed.stdout == f"user\thello-admin\npassword\t{password}\nurl\t\n"
    assert json.loads(as_json.stdout)["password"] == password
    assert (again.status, again.stdout) == (5, "")
    assert "the hosting provider can still find it out" in again.stderr
    assert (unknown.status, unknown.stdout) == (4, "")
    assert [it["revealed"] for it in json.loads(after.stdout)] == [True, True]
    prose = [it.stderr for it in (listed, revealed, as_json, again, after)]
    assert password not in "".join(prose) + listed.stdout + after.stdout


async def test_dead_letters_are_listed_shown_and_decided(
    panel: PanelRig, signed_in: CommandLine
) -> None:
    created = await signed_in.run("deploy", rigs.a_domain(), "-a", "hello", "--json")
    run = json.loads(created.stdout)
    letter = a_letter(run, reason="no")
    await panel.say("storage", letter)

    async def is_listed() -> bool:
        listed = await signed_in.run("dead-letters", "list")
        return letter.dead_letter in listed.stdout

    await eventually(is_listed, within=40)
    shown = await signed_in.run("dead-letters", "show", letter.dead_letter)
    replayed = await signed_in.run("dead-letters", "replay", letter.dead_letter, "--json")
    discarded = await signed_in.run("dead-letters", "discard", letter.dead_letter, "--json")
    ended = await signed_in.run("run", "show", run["id"], "--json")

    assert "storage could not handle DeploymentRequested" in shown.stderr
    assert "it waits for a decision" in shown.stderr
    assert json.loads(replayed.stdout)["state"] == "replayed"
    assert json.loads(discarded.stdout)["state"] == "discarded"
    assert json.loads(ended.stdout)["state"] == "failed"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("deploy", "garden.localhost.", "-a", "hello"), 2, "Leave out the dot"),
        (("deploy", "new.localhost"), 2, "--application NAME"),
        (("deploy", "new.localhost", "-a", "wordpress"), 2, "There are: hello"),
        (("deploy", "new.localhost", "-a", "notes", "-o", "password=x"), 2, "--option-file"),
        (("deploy", "new.localhost", "-a", "hello", "-o", "title"), 2, "name=value"),
        (("deploy", "new.localhost", "-o", "title=x"), 2, "--application NAME"),
        (("deploy", "new.localhost", "-a", "hello", "--timeout", "9"), 2, "give --wait as well"),
        (("login", "--url", "garden", "--token-stdin"), 2, "no address of a panel"),
        (("run", "show", "x"), 4, "x is not the id of a run"),
        (("run", "list", "other.localhost"), 4, "you have no deployment other.localhost"),
        (("dead-letters", "replay", "x"), 4, "x is not the id of a dead letter"),
        (("run", "show", "0" * 26), 4, "no such run"),
        (("credentials", "other.localhost"), 4, "you have no deployment other.localhost"),
        (("deployments", "other.localhost"), 4, "you have no deployment other.localhost"),
        (("deploy", "panel.demo.localhost", "-a", "hello"), 2, "belongs to this panel"),
        (("nothing",), 2, "No such command"),
    ],
)
async def test_a_mistake_is_one_line_and_an_exit_status(
    signed_in: CommandLine, arguments: tuple[str, ...], status: int, said: str
) -> None:
    assert_is_a_mistake(await signed_in.run(*arguments), status, said)


async def test_a_panel_that_is_away_is_named(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("fdv_any")
    url = f"http://127.0.0.1:{free()}"
    line = shell(tmp_path, FEDIVERSITY_URL=url, FEDIVERSITY_TOKEN_FILE=str(token))

    ended = await line.run("deployments")

    assert ended.status == 7
    assert ended.stderr.startswith(f"fediversity: the panel at {url} does not answer")
    assert ended.stderr.count("\n") == 1


async def test_applications_are_listed_with_their_options(signed_in: CommandLine) -> None:
    listed = await signed_in.run("applications")
    options = await signed_in.run("applications", "hello")
    schema = await signed_in.run("applications", "hello", "--json")

    found = [it.split("\t")[0] for it in listed.stdout.splitlines()]
    assert found == ["hello", "microblog", "notes", "workshop"]
    assert "visitors_book\tTrue" in options.stdout
    assert json.loads(schema.stdout)["title"] == "Hello"


@pytest.mark.parametrize(
    ("chosen", "scopes", "days"),
    [
        ((), {"deployments:read", "deployments:write"}, None),
        (("--provider",), {"deployments:read", "deployments:write", "provider"}, None),
        (("--expires-days", "2"), {"deployments:read", "deployments:write"}, 2),
    ],
)
async def test_the_first_person_is_made_with_a_token_that_is_printed_once(
    panel: PanelRig, tmp_path: Path, chosen: tuple[str, ...], scopes: set[str], days: int | None
) -> None:
    operator = f"Garden {ids.new_id()}"
    command = panel.command("create-admin", "--operator", operator, "--name", "Robin", *chosen)
    process = await asyncio.create_subprocess_exec(
        *command.argv,
        cwd=command.directory,
        env=dict(command.environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await asyncio.wait_for(process.communicate(), 40)
    token, link = stdout.decode().split()
    line = shell(tmp_path)
    await line.run("login", "--url", panel.url, "--token-stdin", given=token + "\n")
    me = json.loads((await line.run("me", "--json")).stdout)

    assert is_token(token)
    assert link.startswith("http://panel.demo.localhost:9/sign-in/once#fdv_once_")
    assert token not in stderr.decode()
    assert "fdv_" not in stderr.decode()
    assert (me["person_name"], me["operator_name"]) == ("Robin", operator)
    assert set(me["scopes"]) == scopes
    if days is None:
        assert me["expires_at"] is None
    else:
        left = datetime.fromisoformat(me["expires_at"]) - datetime.now(UTC)
        assert timedelta(days=days, minutes=-5) < left <= timedelta(days=days)
