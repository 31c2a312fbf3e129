"""Backups as panel sees them: asked for, made, listed, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.panel.domain import advice
from shared import ids
from shared.contracts.failures import Outcome
from shared.contracts.panel import BackupRemovalRequested, BackupRequested
from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from tests.support.panel import PanelRig


async def test_a_backup_says_what_to_carry_and_then_what_it_holds(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        path = f"/deployments/{deployment['id']}/backups"
        run = await runs.ask(client, path)
        making = await rigs.get(client, f"/backups/{run['id']}")
        during = await rigs.get(client, f"/deployments/{deployment['id']}")
        ended = await runs.succeed(panel, client, run["id"])
        found = await rigs.get(client, f"/backups/{run['id']}")
        listed = await rigs.get(client, path)
        event = await runs.stated(panel, BackupRequested, deployment["id"])

    assert (run["kind"], run["backup"], run["revision"]) == ("backup", run["id"], 1)
    assert (making["state"], making["applications"]) == ("making", [])
    assert during["status"] == "live"
    assert event["backup"] == run["id"]
    assert event["applications"] == [
        {
            "application": "hello",
            "version": "1.0.0",
            "buckets": [{"purpose": "entries", "prefixes": ["entries/"], "excludes": []}],
        }
    ]
    assert {it["status"] for it in ended["steps"]} == {"succeeded"}
    assert (found["state"], found["automatic"], found["bytes"]) == ("complete", False, 512)
    assert found["taken_at"] == runs.TAKEN_AT
    assert found["domain"] == deployment["domain"]
    assert found["applications"] == [runs.HELD.model_dump(mode="json")]
    assert listed["items"] == [found]


async def test_a_backup_is_of_what_runs_when_its_turn_comes(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        path = f"/deployments/{deployment['id']}"
        wish = {"applications": [{"application": "hello", "options": {"visitors_book": False}}]}
        assert (
            await client.post(f"{path}/configuration", json=wish, headers=rigs.ANY_VERSION)
        ).is_success
        deploy = await rigs.deploy(client, deployment["id"])
        asked = await runs.ask(client, f"{path}/backups")
        await runs.succeed(panel, client, deploy["id"], url)
        begun = await rigs.until_state(client, asked["id"], "running")
        event = await runs.stated(panel, BackupRequested, deployment["id"])

    assert (asked["state"], asked["revision"]) == ("queued", None)
    assert begun["revision"] == event["revision"] == 2
    assert event["applications"][0]["buckets"] == []


async def test_a_backup_is_of_what_runs_also_when_nothing_leads_to_it(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        path = f"/deployments/{deployment['id']}"
        notes = {"application": "notes", "options": {"password": "correct horse"}}
        wish = {"applications": [{"application": "hello"}, notes]}
        assert (
            await client.post(f"{path}/configuration", json=wish, headers=rigs.ANY_VERSION)
        ).is_success
        deploy = await runs.run_unreached(panel, client, deployment["id"])
        asked = await runs.ask(client, f"{path}/backups")
        event = await runs.stated(panel, BackupRequested, deployment["id"])
        found = await rigs.get(client, path)

    assert (deploy["state"], found["deployed_revision"]) == ("failed", 1)
    assert (asked["state"], event["revision"]) == ("running", 2)
    assert [it["application"] for it in event["applications"]] == ["hello", "notes"]


async def test_what_runs_can_be_backed_up_although_it_never_answered(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client)
        await runs.run_unreached(panel, client, deployment["id"])
        asked = await runs.ask(client, f"/deployments/{deployment['id']}/backups")

    assert (asked["state"], asked["revision"]) == ("running", 1)


@pytest.mark.parametrize("service", ["storage", "deployer"])
async def test_a_backup_that_failed_is_shown_as_such_and_can_be_tried_again(
    panel: PanelRig, service: str
) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        run = await runs.ask(client, f"/deployments/{deployment['id']}/backups")
        ended = await runs.fail(panel, client, run["id"], service=service)
        failed = await rigs.get(client, f"/backups/{run['id']}")
        refused = await client.post(f"/backups/{run['id']}/restore", json={})
        again = await runs.ask(client, f"/runs/{run['id']}/retry")
        await runs.succeed(panel, client, again["id"])
        found = await rigs.get(client, f"/backups/{again['id']}")
        after = await rigs.get(client, f"/deployments/{deployment['id']}")

    assert failed["state"] == "failed"
    assert ended["failure"]["left"] == advice.NO_BACKUP
    assert ended["failure"]["next"] == advice.AGAIN
    assert (refused.status_code, refused.json()["code"]) == (409, "backup.failed")
    assert again["retry_of"] == run["id"]
    assert found["state"] == "complete"
    assert after["status"] == "live"


async def test_what_was_never_deployed_has_nothing_to_back_up(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client)
        refused = await client.post(f"/deployments/{deployment['id']}/backups")

    assert (refused.status_code, refused.json()["code"]) == (409, "deployment.not_deployed")


async def test_a_backup_is_removed_once_and_is_then_in_no_list(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        backup = await runs.backed_up(panel, client, deployment["id"])
        path = f"/backups/{backup['id']}"
        run = (await client.delete(path)).json()
        again = (await client.delete(path)).json()
        refused = await client.post(f"{path}/restore", json={})
        leaving = await rigs.get(client, path)
        await runs.succeed(panel, client, run["id"])
        gone = await rigs.get(client, path)
        twice = await client.delete(path)
        listed = await rigs.get(client, "/backups")
        everything = await rigs.get(client, "/backups?removed=true")
        event = await runs.stated(panel, BackupRemovalRequested, deployment["id"])

    assert (run["kind"], again["id"]) == ("remove_backup", run["id"])
    assert (leaving["state"], leaving["run"]) == ("removing", run["id"])
    assert refused.json()["code"] == "backup.removing"
    assert event["backup"] == backup["id"]
    assert gone["state"] == "removed"
    assert (twice.status_code, twice.json()["code"]) == (409, "backup.removed")
    assert listed["items"] == []
    assert [it["id"] for it in everything["items"]] == [backup["id"]]


@pytest.mark.parametrize(
    ("outcome", "state"), [(Outcome.UNCHANGED, "complete"), (Outcome.PARTIAL, "removing")]
)
async def test_a_removal_that_failed_tells_whether_the_backup_is_whole(
    panel: PanelRig, outcome: Outcome, state: str
) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        backup = await runs.backed_up(panel, client, deployment["id"])
        run = (await client.delete(f"/backups/{backup['id']}")).json()
        await runs.fail(panel, client, run["id"], outcome, "storage")
        found = await rigs.get(client, f"/backups/{backup['id']}")
        again = await runs.ask(client, f"/runs/{run['id']}/retry")
        await runs.succeed(panel, client, again["id"])
        gone = await rigs.get(client, f"/backups/{backup['id']}")

    assert found["state"] == state
    assert again["retry_of"] == run["id"]
    assert gone["state"] == "removed"


async def test_backups_of_a_removed_deployment_stay_and_can_be_removed(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        backup = await runs.backed_up(panel, client, deployment["id"])
        removal = (await client.delete(f"/deployments/{deployment['id']}")).json()
        await runs.succeed(panel, client, removal["id"])
        listed = await rigs.get(client, f"/deployments/{deployment['id']}/backups")
        run = (await client.delete(f"/backups/{backup['id']}")).json()
        await runs.succeed(panel, client, run["id"])
        after = await rigs.get(client, f"/deployments/{deployment['id']}")

    assert [it["id"] for it in listed["items"]] == [backup["id"]]
    assert after["status"] == "removed"


async def test_a_backup_that_waits_is_made_before_the_deployment_is_removed(
    panel: PanelRig,
) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        path = f"/deployments/{deployment['id']}"
        restart = await runs.ask(client, f"{path}/restart")
        backup = await runs.ask(client, f"{path}/backups")
        removal = (await client.delete(path)).json()
        for run in (restart, backup, removal):
            await runs.succeed(panel, client, run["id"])
        kept = await rigs.get(client, f"/backups/{backup['id']}")

    assert (backup["state"], removal["state"]) == ("queued", "queued")
    assert kept["state"] == "complete"


async def test_a_backup_that_completes_after_all_is_there(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        run = await runs.ask(client, f"/deployments/{deployment['id']}/backups")
        ended = await runs.fail(panel, client, run["id"])
        await panel.say("storage", runs.backup_completed(ended))

        async def is_complete() -> bool:
            found = await rigs.get(client, f"/backups/{run['id']}")
            return bool(found["state"] == "complete")

        await eventually(is_complete, within=rigs.SOON)
        same = await rigs.get(client, f"/runs/{run['id']}")

    assert same["state"] == "failed"


async def test_backups_of_somebody_else_answer_as_if_they_did_not_exist(panel: PanelRig) -> None:
    async with panel.operator() as owner, panel.operator() as other, rigs.an_application() as url:
        deployment = await runs.live(panel, owner, url)
        backup = await runs.backed_up(panel, owner, deployment["id"])
        theirs = await other.get(f"/backups/{backup['id']}")
        nobodys = await other.get(f"/backups/{ids.new_id()}")
        listed = await rigs.get(other, "/backups")

    differing = {"instance", "request_id"}
    assert {k: v for k, v in theirs.json().items() if k not in differing} == {
        k: v for k, v in nobodys.json().items() if k not in differing
    }
    assert listed["items"] == []


async def test_the_same_key_makes_one_backup(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        path = f"/deployments/{deployment['id']}/backups"
        first, second = [
            await client.post(path, headers={"Idempotency-Key": "one"}) for _ in range(2)
        ]
        listed = await rigs.get(client, path)

    assert first.json() == second.json()
    assert len(listed["items"]) == 1
