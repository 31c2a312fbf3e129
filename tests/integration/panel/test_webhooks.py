"""Webhooks of a running panel: made, received, verified, sent again; also when it is killed."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING

import pytest
from nacl.signing import VerifyKey
from standardwebhooks.webhooks import Webhook

from shared import ids
from shared.contracts.deployer import Ailment, HealthChanged
from shared.contracts.happenings import HappeningType
from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support.eventually import eventually
from tests.support.receiver import receiving

if TYPE_CHECKING:
    import httpx2

    from tests.support.panel import Json, PanelRig
    from tests.support.receiver import Receiver

ALL = [it.value for it in HappeningType]
END = "run.succeeded"


async def endpoint(client: httpx2.AsyncClient, url: str, types: list[str] | None = None) -> Json:
    body = {"url": url} | ({"types": types} if types else {})
    answer = await client.post("/webhook-endpoints", json=body)
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


def types(receiver: Receiver) -> list[str]:
    in_order = sorted(receiver.received, key=lambda got: got.id)
    return [got.content["type"] for got in in_order]


def sequences(receiver: Receiver) -> list[int]:
    """Return what numbers the happenings of the run have."""
    found = (got.content for got in receiver.received)
    return sorted(it["sequence"] for it in found if "number" in it["data"])


def is_whole(receiver: Receiver) -> bool:
    """Say whether a run's end has come, and all that came before it: several are on their way."""
    ends = [it.content["sequence"] for it in receiver.received if it.content["type"] == END]
    return bool(ends) and len(sequences(receiver)) >= max(ends)


async def test_a_deploy_is_told_step_by_step_and_can_be_verified(panel: PanelRig) -> None:
    async with panel.operator() as client, receiving() as receiver, rigs.an_application() as url:
        made = await endpoint(client, receiver.url, ALL)
        live = await runs.live(panel, client, url)
        await eventually(lambda: is_whole(receiver), within=rigs.SOON)

    for got in receiver.received:
        Webhook(made["secret"]).verify(got.body, dict(got.headers))
        public = VerifyKey(base64.b64decode(made["keys"][0]["public_key"].removeprefix("whpk_")))
        signature = got.headers["webhook-signature"].rpartition("v1a,")[2]
        content = f"{got.id}.{got.headers['webhook-timestamp']}.".encode() + got.body
        public.verify(content, base64.b64decode(signature))
        assert len(got.body) < 20_000
    told = types(receiver)
    assert told[:3] == ["deployment.created", "run.queued", "run.started"]
    assert "run.step" in told
    assert told.count("run.succeeded") == 1
    last = next(it for it in receiver.received if it.content["type"] == "run.succeeded").content
    assert last["data"]["deployment"] == live["id"]
    assert last["data"]["domain"] == live["domain"]
    assert sequences(receiver) == list(range(1, len(sequences(receiver)) + 1))


async def test_backups_removals_failures_and_health_are_told(panel: PanelRig) -> None:
    async with panel.operator() as client, receiving() as receiver, rigs.an_application() as url:
        await endpoint(client, receiver.url)
        live = await runs.live(panel, client, url)
        await runs.backed_up(panel, client, live["id"])
        ill = Ailment(application="hello", kind="http", message="No answer.", since="2026-11-21")
        for at, ailments in (("09:00", (ill,)), ("09:01", (ill,)), ("09:02", ())):
            found = HealthChanged(
                deployment=live["id"], ailments=ailments, at=f"2026-11-21T{at}:00Z"
            )
            await panel.say("deployer", found)
        await eventually(lambda: "deployment.recovered" in types(receiver), within=rigs.SOON)
        asked = await runs.ask(client, f"/deployments/{live['id']}/restart")
        await runs.fail(panel, client, asked["id"])
        removal = (await client.delete(f"/deployments/{live['id']}")).json()
        await runs.succeed(panel, client, removal["id"])
        # Several are on their way at once.
        await receiver.until(9)
        told = types(receiver)

    assert sorted(told) == sorted(
        [
            *("deployment.created", "run.succeeded", "run.succeeded", "backup.succeeded"),
            *("deployment.degraded", "deployment.recovered", "run.failed"),
            *("run.succeeded", "deployment.deleted"),
        ]
    )
    failed = next(it for it in receiver.received if it.content["type"] == "run.failed")
    assert failed.content["data"]["failure"]["outcome"] == "unchanged"


async def test_a_panel_that_is_killed_in_mid_delivery_delivers_again_under_the_same_id(
    panel: PanelRig,
) -> None:
    async with panel.operator() as client, receiving() as receiver:
        receiver.hold = asyncio.Event()
        made = await endpoint(client, receiver.url)
        await rigs.create(client)
        await receiver.until(1)

        await panel.child.kill()
        async with panel.database() as database, database.transaction() as tx:
            # Nobody waits for the lease of the dead.
            await tx.execute("update webhook_deliveries set lease_until = now()")
        receiver.hold.set()
        await panel.start()
        await receiver.until(2)

        deliveries = f"/webhook-endpoints/{made['id']}/deliveries"

        async def is_delivered() -> bool:
            [found] = (await rigs.get(client, deliveries))["items"]
            return bool(found["state"] == "delivered")

        await eventually(is_delivered, within=rigs.SOON)
        [found] = (await rigs.get(client, deliveries))["items"]

    assert {got.id for got in receiver.received} == {found["message"]}
    assert found["attempt"] == 2


async def test_a_test_shows_what_the_receiver_really_answered(panel: PanelRig) -> None:
    async with panel.operator() as client, receiving(status=418) as receiver:
        receiver.body = b"I am a teapot"
        made = await endpoint(client, receiver.url)
        answer = (await client.post(f"/webhook-endpoints/{made['id']}/test")).json()

        assert (answer["state"], answer["type"]) == ("failed", "test")
        assert answer["answer"]["status"] == 418
        assert answer["answer"]["text"] == "I am a teapot"
        assert answer["next_at"] is None
    assert receiver.received[0].content["data"]["url"] == f"http://{receiver.address}"


async def test_a_message_is_sent_again_under_the_same_id(panel: PanelRig) -> None:
    async with panel.operator() as client, receiving() as receiver:
        made = await endpoint(client, receiver.url)
        place = f"/webhook-endpoints/{made['id']}"
        sent = (await client.post(f"{place}/test")).json()
        again = await client.post(f"{place}/deliveries/{sent['id']}/resend")
        await receiver.until(2)
        shown = await rigs.get(client, f"{place}/deliveries/{again.json()['id']}")

    assert again.status_code == 202
    assert {got.id for got in receiver.received} == {sent["message"]}
    assert shown["body"] == receiver.received[0].content


async def test_the_secret_is_told_once_and_anew_after_a_rotation(panel: PanelRig) -> None:
    async with panel.operator() as client, receiving() as receiver:
        made = await endpoint(client, receiver.url)
        place = f"/webhook-endpoints/{made['id']}"
        shown = await rigs.get(client, place)
        rotated = (await client.post(f"{place}/rotate", json={"overlap_hours": 1})).json()
        await client.post(f"{place}/test")

    assert "secret" not in shown
    assert rotated["secret"] != made["secret"]
    assert len(rotated["keys"]) == 2
    [got] = receiver.received
    for secret in (made["secret"], rotated["secret"]):
        Webhook(secret).verify(got.body, dict(got.headers))


async def test_an_endpoint_is_changed_switched_off_and_removed(panel: PanelRig) -> None:
    async with panel.operator() as client, receiving() as receiver:
        made = await endpoint(client, receiver.url)
        place = f"/webhook-endpoints/{made['id']}"
        tag = (await client.get(place)).headers["etag"]
        off = await client.patch(place, json={"enabled": False}, headers={"If-Match": tag})
        stale = await client.patch(place, json={"enabled": True}, headers={"If-Match": tag})
        bare = await client.patch(place, json={"enabled": True})
        await rigs.create(client)
        on = await client.patch(place, json={"enabled": True}, headers=rigs.ANY_VERSION)
        await rigs.create(client)
        await receiver.until(1)
        removed = await client.delete(place)
        gone = await client.get(place)

    assert (off.json()["enabled"], on.json()["enabled"]) == (False, True)
    assert (stale.status_code, bare.status_code) == (412, 428)
    assert stale.json()["code"] == "endpoint.stale"
    assert len(receiver.received) == 1
    assert (removed.status_code, gone.status_code) == (204, 404)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:x@hooks.example/",
        "ftp://hooks.example/",
        "http://hooks.example:25/",
        "x" * 2000,
    ],
)
async def test_urls_that_lead_nowhere_good_are_refused(panel: PanelRig, url: str) -> None:
    async with panel.operator() as client:
        answer = await client.post("/webhook-endpoints", json={"url": url})

    assert answer.status_code == 422
    assert [it["pointer"] for it in answer.json()["errors"]] == ["/url"]


async def test_an_address_that_is_not_public_is_refused_when_it_is_reached(panel: PanelRig) -> None:
    async with panel.operator() as client:
        made = await endpoint(client, "http://169.254.169.254/latest/meta-data")
        answer = (await client.post(f"/webhook-endpoints/{made['id']}/test")).json()

    assert answer["answer"]["status"] is None
    assert "does not send" in answer["answer"]["reason"]


async def test_there_are_ten_endpoints_at_most_and_nobody_sees_those_of_others(
    panel: PanelRig,
) -> None:
    async with panel.operator() as client, panel.operator() as stranger:
        made = [await endpoint(client, "http://127.0.0.1:9999/") for _ in range(10)]
        refused = await client.post("/webhook-endpoints", json={"url": "http://127.0.0.1:9999/"})
        theirs = await stranger.get(f"/webhook-endpoints/{made[0]['id']}")
        nobodys = await stranger.get(f"/webhook-endpoints/{ids.new_id()}")
        listed = await rigs.get(stranger, "/webhook-endpoints")

    assert (refused.status_code, refused.json()["code"]) == (409, "webhook.too_many")
    assert listed["items"] == []
    differing = {"instance", "request_id"}
    assert {k: v for k, v in theirs.json().items() if k not in differing} == {
        k: v for k, v in nobodys.json().items() if k not in differing
    }
