"""A deployment's life as panel sees it: configured, deployed, changed, removed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shared import ids
from shared.contracts.panel import DeploymentRemovalRequested, DeploymentRequested
from shared.contracts.progress import StepState
from tests.support import panel as rigs
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from tests.support.panel import PanelRig


async def test_a_deploy_succeeds_once_its_application_answers_from_outside(
    panel: PanelRig,
) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await rigs.create(client, title="Garden")
        run = await rigs.deploy(client, deployment["id"])

        for service, event in rigs.answers_of_a_deploy(run, url):
            await panel.say(service, event)
        ended = await rigs.until_state(client, run["id"], "succeeded")
        found = await rigs.get(client, f"/deployments/{deployment['id']}")

    assert run["state"] == "running"
    assert ended["changed"] is True
    assert {it["status"] for it in ended["steps"]} == {"succeeded"}
    assert found["status"] == "live"
    assert found["deployed_revision"] == 1
    assert found["last_run"]["id"] == run["id"]
    assert found["active_run"] is None


async def test_the_request_on_the_bus_is_the_complete_desired_state(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client, title="Garden", languages=["de"])
        run = await rigs.deploy(client, deployment["id"])

        async def is_stated() -> bool:
            return bool(await panel.stated(DeploymentRequested, deployment["id"]))

        await eventually(is_stated, within=rigs.SOON)
        [event] = await panel.stated(DeploymentRequested, deployment["id"])

    assert event["run"] == run["id"]
    assert event["revision"] == 1
    assert event["mode"] == "active"
    assert event["domain"] == deployment["domain"]
    [application] = event["applications"]
    assert application["host"] == f"hello.{deployment['domain']}"
    assert application["options"] == {
        "title": "Garden",
        "languages": ["de"],
        "colour": "#2f6f4f",
        "visitors_book": True,
    }
    assert {it["kind"] for it in event["resources"]} == {"machine", "bucket"}


async def test_progress_is_shown_and_events_end_steps_that_progress_forgot(
    panel: PanelRig,
) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        await panel.report(
            rigs.progress(run, "image", StepState.RUNNING, "fetching", done=1, total=4, unit="MB"),
            rigs.progress(run, "image", StepState.SUCCEEDED),
            rigs.progress(run, "machine", StepState.RETRYING, attempt=2),
        )

        async def is_retrying() -> bool:
            found = await rigs.get(client, f"/runs/{run['id']}")
            return [it["status"] for it in found["steps"][:2]] == ["succeeded", "retrying"]

        await eventually(is_retrying, within=rigs.SOON)
        shown = await rigs.get(client, f"/runs/{run['id']}")
        for service, event in rigs.answers_of_a_deploy(run, url):
            await panel.say(service, event)
        ended = await rigs.until_state(client, run["id"], "succeeded")

    assert shown["steps"][0]["total"] == 4
    assert shown["steps"][1]["attempt"] == 2
    assert shown["steps"][2]["status"] == "pending"
    assert {it["status"] for it in ended["steps"]} == {"succeeded"}


async def test_late_progress_does_not_open_a_step_again(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        service, event = rigs.answers_of_a_deploy(run, "http://x")[0]
        await panel.say(service, event)

        async def is_booted() -> bool:
            found = await rigs.get(client, f"/runs/{run['id']}")
            return bool(found["steps"][2]["status"] == "succeeded")

        await eventually(is_booted, within=rigs.SOON)
        await panel.report(
            rigs.progress(run, "boot", StepState.RUNNING),
            rigs.progress(run, "bucket", StepState.RUNNING),
        )

        async def is_later() -> bool:
            found = await rigs.get(client, f"/runs/{run['id']}")
            return bool(found["steps"][3]["status"] == "running")

        await eventually(is_later, within=rigs.SOON)
        shown = await rigs.get(client, f"/runs/{run['id']}")

    assert shown["steps"][2]["status"] == "succeeded"


async def test_an_application_that_does_not_answer_outside_fails_the_run(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application(status=502) as url:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])

        for service, event in rigs.answers_of_a_deploy(run, url):
            await panel.say(service, event)
        ended = await rigs.until_state(client, run["id"], "failed")
        found = await rigs.get(client, f"/deployments/{deployment['id']}")

    assert ended["failure"]["what"] == "panel failed at check"
    assert "status 502" in ended["failure"]["why"]
    assert ended["failure"]["outcome"] == "partial"
    assert ended["steps"][-1]["status"] == "failed"
    assert found["status"] == "failed"
    assert found["deployed_revision"] is None


async def test_a_failure_says_what_why_state_and_next_and_can_be_retried(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        await panel.say("provisioner", rigs.a_failure(run))
        ended = await rigs.until_state(client, run["id"], "failed")

        answer = await client.post(f"/runs/{run['id']}/retry")
        retried = answer.json()
        for service, event in rigs.answers_of_a_deploy(retried, url):
            await panel.say(service, event)
        again = await rigs.until_state(client, retried["id"], "succeeded")

    assert ended["failure"] == {
        "code": "machine.disk_full",
        "what": "provisioner failed at boot",
        "why": "The disk is full.",
        "outcome": "unchanged",
        "left": "Some of it may exist already, but no application runs yet.",
        "next": "Try again, or remove the deployment.",
        "retryable": True,
    }
    assert [it["status"] for it in ended["steps"][:4]] == [
        "skipped",
        "skipped",
        "failed",
        "skipped",
    ]
    assert answer.status_code == 202
    assert again["retry_of"] == run["id"]
    assert again["revision"] == run["revision"]


async def test_two_deploys_at_once_are_one_run_and_then_the_next(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await rigs.create(client)
        first = await rigs.deploy(client, deployment["id"])
        second = await rigs.deploy(client, deployment["id"])
        requested = await panel.stated(DeploymentRequested, deployment["id"])

        for service, event in rigs.answers_of_a_deploy(first, url):
            await panel.say(service, event)
        await rigs.until_state(client, first["id"], "succeeded")
        started = await rigs.until_state(client, second["id"], "running")

    assert (first["state"], second["state"]) == ("running", "queued")
    assert len(requested) <= 1
    assert started["revision"] == first["revision"]


async def test_a_queued_run_that_is_overtaken_ends_superseded_unstarted(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client, title="One")
        path = f"/deployments/{deployment['id']}"
        runs = [await rigs.deploy(client, deployment["id"])]
        for title in ("Two", "Three"):
            wish = {"applications": [{"application": "hello", "options": {"title": title}}]}
            assert (
                await client.post(f"{path}/configuration", json=wish, headers=rigs.ANY_VERSION)
            ).is_success
            runs.append(await rigs.deploy(client, deployment["id"]))
        overtaken = await rigs.get(client, f"/runs/{runs[1]['id']}")
        await panel.say("provisioner", rigs.a_failure(runs[0]))
        started = await rigs.until_state(client, runs[2]["id"], "running")
        listed = await rigs.get(client, f"{path}/runs")

    assert overtaken["state"] == "superseded"
    assert overtaken["started_at"] is None
    assert started["revision"] == 3
    assert [it["state"] for it in listed["items"]] == ["running", "superseded", "failed"]
    assert [it["number"] for it in listed["items"]] == [3, 2, 1]


async def test_a_run_that_cannot_be_started_fails_alone(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client)
        path = f"/deployments/{deployment['id']}"
        first = await rigs.deploy(client, deployment["id"])
        wish = {"applications": [{"application": "hello", "options": {"title": "Two"}}]}
        assert (
            await client.post(f"{path}/configuration", json=wish, headers=rigs.ANY_VERSION)
        ).is_success
        waiting = [await rigs.deploy(client, deployment["id"]) for _ in range(2)]
        async with panel.database() as database, database.transaction() as tx:
            # More than the bus takes, which no configuration that the API accepts becomes.
            await tx.execute(
                """update revisions set applications = jsonb_set(
                    applications, '{0,options,title}', to_jsonb(repeat('x', 2000000)))
                where deployment = $1 and number = 2""",
                deployment["id"],
            )
        await panel.say("provisioner", rigs.a_failure(first))
        ended = await rigs.until_state(client, first["id"], "failed")
        unstarted = [await rigs.get(client, f"/runs/{it['id']}") for it in waiting]
        answer = await client.delete(path)

    assert ended["failure"]["code"] == "machine.disk_full"
    assert [it["state"] for it in unstarted] == ["failed", "failed"]
    assert unstarted[0]["failure"]["what"] == "panel failed at start"
    assert unstarted[0]["failure"]["code"] == "event.too_large"
    assert unstarted[0]["failure"]["outcome"] == "unchanged"
    assert answer.json()["state"] == "running"


async def test_a_removal_ends_when_all_three_have_answered(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client)
        answer = await client.delete(f"/deployments/{deployment['id']}")
        run = answer.json()
        events = rigs.answers_of_a_removal(run)
        for service, event in events[:2]:
            await panel.say(service, event)

        async def has_two_parts() -> bool:
            found = await rigs.get(client, f"/runs/{run['id']}")
            return [it["status"] for it in found["steps"]].count("succeeded") == 5

        await eventually(has_two_parts, within=rigs.SOON)
        waiting = await rigs.get(client, f"/runs/{run['id']}")
        await panel.say(*events[2])
        ended = await rigs.until_state(client, run["id"], "succeeded")
        stated = await panel.stated(DeploymentRemovalRequested, deployment["id"])

    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/v1/runs/{run['id']}"
    assert waiting["state"] == "running"
    assert ended["receipt"] == {
        "machines": ["fdv-x-1"],
        "buckets_kept": [{"bucket": "fdv-x", "until": "2026-12-24T00:00:00Z"}],
    }
    assert len(stated) == 1


async def test_what_was_removed_is_gone_and_its_domain_is_free(panel: PanelRig) -> None:
    async with panel.operator() as client, panel.operator() as other:
        deployment = await rigs.create(client)
        path = f"/deployments/{deployment['id']}"
        run = (await client.delete(path)).json()
        for service, event in rigs.answers_of_a_removal(run):
            await panel.say(service, event)
        await rigs.until_state(client, run["id"], "succeeded")
        found = await rigs.get(client, path)
        refused = await client.post(f"{path}/deploy")
        listed = await rigs.get(client, "/deployments")
        everything = await rigs.get(client, "/deployments?removed=true")
        again = await rigs.create(other, deployment["domain"])

    assert found["status"] == "removed"
    assert refused.status_code == 409
    assert listed["items"] == []
    assert [it["id"] for it in everything["items"]] == [deployment["id"]]
    assert again["domain"] == deployment["domain"]


async def test_a_removal_waits_for_what_runs_and_overtakes_what_waits(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client)
        path = f"/deployments/{deployment['id']}"
        running = await rigs.deploy(client, deployment["id"])
        waiting = await rigs.deploy(client, deployment["id"])
        removal = (await client.delete(path)).json()
        again = (await client.delete(path)).json()
        overtaken = await rigs.get(client, f"/runs/{waiting['id']}")
        refused = await client.post(f"{path}/deploy")
        await panel.say("provisioner", rigs.a_failure(running))
        started = await rigs.until_state(client, removal["id"], "running")

    assert removal["state"] == "queued"
    assert again["id"] == removal["id"]
    assert overtaken["state"] == "superseded"
    assert refused.json()["code"] == "deployment.removing"
    assert started["kind"] == "remove"


async def test_what_comes_after_the_end_of_a_run_changes_nothing(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        await panel.say("provisioner", rigs.a_failure(run))
        ended = await rigs.until_state(client, run["id"], "failed")
        for service, event in rigs.answers_of_a_deploy(run, "http://127.0.0.1:9"):
            await panel.say(service, event)
        other = await rigs.deploy(client, deployment["id"])
        await panel.say("provisioner", rigs.a_failure(other))
        await rigs.until_state(client, other["id"], "failed")

        assert await rigs.get(client, f"/runs/{run['id']}") == ended


async def test_deploying_what_runs_already_says_that_nothing_changed(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await rigs.create(client)
        changes = []
        for is_changed in (True, False):
            run = await rigs.deploy(client, deployment["id"])
            for service, event in rigs.answers_of_a_deploy(run, url, is_changed=is_changed):
                await panel.say(service, event)
            ended = await rigs.until_state(client, run["id"], "succeeded")
            changes.append((ended["revision"], ended["changed"]))

    assert changes == [(1, True), (1, False)]


async def test_a_host_is_free_again_once_its_application_does_not_run_any_more(
    panel: PanelRig,
) -> None:
    notes = {"application": "notes", "options": {"password": "correct horse"}}
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await rigs.create(client)
        path = f"/deployments/{deployment['id']}/configuration"
        statuses = []
        for wishes in ([{"application": "hello"}, notes], [{"application": "hello"}]):
            assert (
                await client.post(path, json={"applications": wishes}, headers=rigs.ANY_VERSION)
            ).is_success
            run = await rigs.deploy(client, deployment["id"])
            for service, event in rigs.answers_of_a_deploy(run, url):
                await panel.say(service, event)
            await rigs.until_state(client, run["id"], "succeeded")
            body = {"domain": deployment["domain"], "applications": [notes]}
            statuses.append((await client.post("/deployments", json=body)).status_code)

    assert statuses == [409, 201]


async def test_a_run_comes_after_those_of_a_replica_whose_clock_is_ahead(panel: PanelRig) -> None:
    an_hour_ahead = ids.new_id(time.time_ns() // 1_000_000 + 3_600_000)
    async with panel.operator() as client:
        deployment = await rigs.create(client)
        first = await rigs.deploy(client, deployment["id"])
        await panel.say("provisioner", rigs.a_failure(first))
        await rigs.until_state(client, first["id"], "failed")
        async with panel.database() as database, database.transaction() as tx:
            await tx.execute(
                """insert into runs select (jsonb_populate_record(
                    it, jsonb_build_object('id', $2::text, 'number', it.number + 1000))).*
                from runs it where id = $1""",
                first["id"],
                an_hour_ahead,
            )
        second = await rigs.deploy(client, deployment["id"])

    assert second["id"] > an_hour_ahead
    assert second["state"] == "running"
