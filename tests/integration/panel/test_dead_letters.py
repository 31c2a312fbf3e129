"""Messages that could not be handled: listed, replayed, discarded, and seen in their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.panel.domain.identity import Scope
from shared.contracts.panel import DeadLetterDiscardRequested, DeadLetterReplayRequested
from tests.support import panel as rigs
from tests.support.eventually import eventually
from tests.support.panel_runs import a_letter

if TYPE_CHECKING:
    import httpx2

    from tests.support.panel import Json, PanelRig


async def until_held(client: httpx2.AsyncClient, run: str, letter: str | None) -> None:
    async def is_held() -> bool:
        return bool((await rigs.get(client, f"/runs/{run}"))["held_by"] == letter)

    await eventually(is_held, within=rigs.SOON)


async def until_stated(panel: PanelRig, kind: type, deployment: str) -> Json:
    async def is_stated() -> bool:
        return bool(await panel.stated(kind, deployment))

    await eventually(is_stated, within=rigs.SOON)
    return (await panel.stated(kind, deployment))[0]


async def test_a_run_is_held_by_a_dead_letter_until_it_is_replayed(panel: PanelRig) -> None:
    async with panel.operator(*Scope) as client:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        letter = a_letter(run)
        await panel.say("storage", letter)
        await until_held(client, run["id"], letter.dead_letter)
        held = await rigs.get(client, f"/runs/{run['id']}")
        listed = await rigs.get(client, "/dead-letters")

        replayed = await client.post(f"/dead-letters/{letter.dead_letter}/replay")
        event = await until_stated(panel, DeadLetterReplayRequested, deployment["id"])
        free = await rigs.get(client, f"/runs/{run['id']}")

    assert held["state"] == "running"
    assert letter.dead_letter in {it["id"] for it in listed["items"]}
    assert replayed.json()["state"] == "replayed"
    assert (event["service"], event["dead_letter"]) == ("storage", letter.dead_letter)
    assert (free["state"], free["held_by"]) == ("running", None)


async def test_a_replay_that_fails_holds_the_run_again(panel: PanelRig) -> None:
    async with panel.operator(*Scope) as client:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        letter = a_letter(run)
        await panel.say("storage", letter)
        await until_held(client, run["id"], letter.dead_letter)
        await client.post(f"/dead-letters/{letter.dead_letter}/replay")
        await panel.say("storage", a_letter(run, letter.dead_letter, "storage.fault: still no"))
        await until_held(client, run["id"], letter.dead_letter)
        found = await rigs.get(client, f"/dead-letters/{letter.dead_letter}")

    assert (found["state"], found["reason"]) == ("waiting", "storage.fault: still no")


async def test_discarding_ends_the_run_and_lets_the_next_one_start(panel: PanelRig) -> None:
    async with panel.operator(*Scope) as client:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        waiting = await rigs.deploy(client, deployment["id"])
        letter = a_letter(run)
        await panel.say("storage", letter)
        await until_held(client, run["id"], letter.dead_letter)

        discarded = await client.post(f"/dead-letters/{letter.dead_letter}/discard")
        again = await client.post(f"/dead-letters/{letter.dead_letter}/replay")
        ended = await rigs.get(client, f"/runs/{run['id']}")
        following = await rigs.get(client, f"/runs/{waiting['id']}")
        event = await until_stated(panel, DeadLetterDiscardRequested, deployment["id"])

    assert discarded.json()["state"] == "discarded"
    assert again.status_code == 409
    assert (ended["state"], ended["held_by"]) == ("failed", None)
    assert ended["failure"]["code"] == "dead_letter.discarded"
    assert "storage.fault: no" in ended["failure"]["why"]
    assert following["state"] == "running"
    assert (event["dead_letter"], event["run"]) == (letter.dead_letter, run["id"])


async def test_what_belongs_to_an_ended_run_is_discarded_and_not_replayed(panel: PanelRig) -> None:
    async with panel.operator(*Scope) as client:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        letter = a_letter(run)
        path = f"/dead-letters/{letter.dead_letter}"
        await panel.say("storage", letter)
        await until_held(client, run["id"], letter.dead_letter)
        await panel.say("provisioner", rigs.a_failure(run))
        await rigs.until_state(client, run["id"], "failed")

        refused = await client.post(f"{path}/replay")
        found = await rigs.get(client, path)
        discarded = await client.post(f"{path}/discard")
        stated = await panel.stated(DeadLetterReplayRequested, deployment["id"])

    assert (refused.status_code, refused.json()["code"]) == (409, "dead_letter.run_ended")
    assert "Discard it" in refused.json()["detail"]
    assert found["state"] == "waiting"
    assert discarded.json()["state"] == "discarded"
    assert stated == []


async def test_what_panel_itself_cannot_read_is_listed_and_can_be_decided(panel: PanelRig) -> None:
    async with panel.operator(*Scope) as client:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        _, event = rigs.answers_of_a_deploy(run, "http://x")[0]
        await panel.say_nonsense("provisioner", event)

        async def is_held() -> bool:
            return bool((await rigs.get(client, f"/runs/{run['id']}"))["held_by"])

        await eventually(is_held, within=rigs.SOON)
        letter = (await rigs.get(client, f"/runs/{run['id']}"))["held_by"]
        shown = await rigs.get(client, f"/dead-letters/{letter}")
        replayed = await client.post(f"/dead-letters/{letter}/replay")
        held = await rigs.get(client, f"/runs/{run['id']}")
        await client.post(f"/dead-letters/{letter}/discard")
        ended = await rigs.get(client, f"/runs/{run['id']}")

    assert (shown["service"], shown["event"], shown["state"]) == ("panel", "VMReady", "waiting")
    assert shown["reason"].startswith("message.payload")
    assert replayed.json()["state"] == "waiting"
    assert held["held_by"] == letter
    assert ended["state"] == "failed"
