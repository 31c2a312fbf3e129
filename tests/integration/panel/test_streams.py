"""Watching a run: nothing is lost and nothing doubled, across any interruption."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

import httpx2

from services.panel.service.feed import MOST_STREAMS
from shared import ids
from shared.contracts.progress import StepState
from tests.support import panel as rigs
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.panel import Json, PanelRig

STREAM = {"Accept": "text/event-stream"}
LINES = 60


async def stream(
    client: httpx2.AsyncClient, run: str, after: int = 0
) -> AsyncIterator[tuple[int, str, dict[str, Any]]]:
    headers = {**STREAM, "Last-Event-ID": str(after)}
    async with client.stream("GET", f"/runs/{run}/events", headers=headers) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        async for line in response.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "data" in fields:
                yield int(fields["id"]), fields["event"], json.loads(fields["data"])
                fields = {}


async def to_the_end(
    client: httpx2.AsyncClient, run: str, events: list[Json], at_a_time: int = 10**6
) -> None:
    """Follow a run to its end, asking anew after so many events, or whenever it is cut off."""
    while True:
        try:
            count = 0
            async for number, kind, data in stream(client, run, len(events)):
                events.append({"id": number, "event": kind, "data": data})
                if kind == "end":
                    return
                count += 1
                if count == at_a_time:
                    break
        except httpx2.TransportError:
            await asyncio.sleep(0.05)


async def report_lines(panel: PanelRig, run: Json) -> None:
    for number in range(LINES):
        await panel.report(rigs.progress(run, "build", StepState.RUNNING, f"line {number}"))


async def lead_to_the_end(panel: PanelRig, run: Json, url: str, seen_by: list[Json]) -> None:
    """Play the other services: many lines, then every answer."""
    await report_lines(panel, run)
    # Reports travel beside events, and whoever watches does not wait for what comes after the end.
    await eventually(lambda: len(lines_of(seen_by)) == LINES, within=rigs.SOON)
    for service, event in rigs.answers_of_a_deploy(run, url):
        await panel.say(service, event)


def lines_of(events: list[Json]) -> list[int]:
    shown = [line for it in events if it["event"] == "log" for line in it["data"]["lines"]]
    return [int(it.removeprefix("line ")) for it in shown if it.startswith("line ")]


def check(events: list[Json], of: list[int] | None = None) -> None:
    assert [it["id"] for it in events] == list(range(1, len(events) + 1))
    lines = lines_of(events)
    assert lines == (list(range(LINES)) if of is None else sorted(set(of)))
    assert events[-1]["data"]["state"] == "succeeded"
    assert [it["event"] for it in events].count("end") == 1


async def test_a_stream_shows_every_event_of_a_run_to_its_end(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        events: list[Json] = []
        watching = asyncio.ensure_future(to_the_end(client, run["id"], events))
        await lead_to_the_end(panel, run, url, events)
        await asyncio.wait_for(watching, rigs.SOON)
        listed = await rigs.get(client, f"/runs/{run['id']}/events")
        rest = await rigs.get(client, f"/runs/{run['id']}/events?after={len(events) - 1}")
        ended = await rigs.get(client, f"/runs/{run['id']}")

    check(events)
    assert (listed["items"][: len(events)], listed["next"]) == (events, None)
    assert rest["items"] == listed["items"][len(events) - 1 :]
    assert ended["sequence"] >= len(events)


async def test_asking_again_and_again_loses_and_doubles_nothing(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        events: list[Json] = []
        watching = asyncio.ensure_future(to_the_end(client, run["id"], events, at_a_time=3))
        await lead_to_the_end(panel, run, url, events)
        await asyncio.wait_for(watching, rigs.SOON)

    check(events)


async def test_a_panel_that_is_killed_loses_and_doubles_nothing(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        events: list[Json] = []
        watching = asyncio.ensure_future(to_the_end(client, run["id"], events))
        leading = asyncio.ensure_future(report_lines(panel, run))
        for _ in range(2):
            await asyncio.sleep(0.2)
            await panel.child.kill()
            await panel.start()
        await leading
        await eventually(lambda: len(lines_of(events)) > LINES / 2, within=rigs.STARTED)
        for service, event in rigs.answers_of_a_deploy(run, url):
            await panel.say(service, event)
        await asyncio.wait_for(watching, rigs.SOON)
        listed = (await rigs.get(client, f"/runs/{run['id']}/events"))["items"]

    # A report in flight at a kill comes again after later ones, which is too late: lines can be
    # missing, but what panel recorded reaches whoever watches, once and in order.
    assert events == listed[: len(events)]
    check(events, of=lines_of(events))


async def test_lines_that_come_after_the_end_are_kept(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        for service, event in rigs.answers_of_a_deploy(run, url):
            await panel.say(service, event)
        ended = await rigs.until_state(client, run["id"], "succeeded")
        await panel.report(rigs.progress(run, "build", StepState.FAILED, "line 0"))

        async def has_come() -> bool:
            found = await rigs.get(client, f"/runs/{run['id']}/events")
            return lines_of(found["items"]) == [0]

        await eventually(has_come, within=rigs.SOON)
        after = await rigs.get(client, f"/runs/{run['id']}")
        whole = [it async for it in stream(client, run["id"])]
        rest = [it async for it in stream(client, run["id"], ended["sequence"])]
        nothing = [it async for it in stream(client, run["id"], after["sequence"])]

    assert (after["state"], after["steps"]) == (ended["state"], ended["steps"])
    kinds = [kind for _, kind, _ in whole]
    # The panel's own last lines come as late as those of others.
    assert set(kinds[kinds.index("end") + 1 :]) == {"log"}
    assert kinds.count("end") == 1
    # Whoever asks again is told that it is over, too.
    assert [kind for _, kind, _ in rest][-2:] == ["log", "end"]
    assert [kind for _, kind, _ in nothing] == ["end"]


async def test_a_panel_that_is_stopped_ends_its_streams_and_itself(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        seen: list[int] = []

        async def watch() -> None:
            async for number, _, _ in stream(client, run["id"]):
                seen.append(number)

        watching = asyncio.ensure_future(watch())
        await eventually(lambda: len(seen) >= 2, within=rigs.SOON)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await panel.child.stop()
        took = loop.time() - began
        await asyncio.wait_for(watching, rigs.SOON)
        await panel.start()

    assert took < 9, "as long as it takes until a stop is no longer asked for"
    assert panel.child.is_running


async def test_whoever_asks_after_the_end_gets_the_end_once_more(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        await panel.say("provisioner", rigs.a_failure(run))
        ended = await rigs.until_state(client, run["id"], "failed")
        events = [it async for it in stream(client, run["id"], after=ended["sequence"])]

    [(number, kind, data)] = events
    assert (number, kind) == (ended["sequence"], "end")
    assert data["failure"]["failure"]["code"] == "machine.disk_full"


async def test_the_header_wins_over_the_query(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        path = f"/runs/{run['id']}/events"
        both = await client.get(f"{path}?after=0", headers={"Last-Event-ID": "1"})
        wrong = await client.get(path, headers={"Last-Event-ID": "x"})
        wronger = await client.get(f"{path}?after=-1")

    assert [it["id"] for it in both.json()["items"]] == [2]
    assert (wrong.status_code, wronger.status_code) == (422, 422)


async def test_somebody_watches_only_so_many_runs_at_once(panel: PanelRig) -> None:
    operator = f"Operator {ids.new_id()}"
    person = await panel.session(operator=operator)
    async with panel.operator(named=operator) as client, person.browser() as browser:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        for asking, path in (
            (client, f"/runs/{run['id']}/events"),
            (browser, f"/runs/{run['id']}/live"),
        ):
            async with contextlib.AsyncExitStack() as watching:
                for _ in range(MOST_STREAMS):
                    opened = await watching.enter_async_context(
                        asking.stream("GET", path, headers=STREAM)
                    )
                    assert opened.status_code == 200
                refused = await asking.get(path, headers=STREAM)
                listed = await client.get(f"/runs/{run['id']}/events")
            assert refused.status_code == 429
            assert listed.status_code == 200

            async def has_room(asking: httpx2.AsyncClient = asking, path: str = path) -> bool:
                async with asking.stream("GET", path, headers=STREAM) as opened:
                    return opened.status_code == 200

            await eventually(has_room, within=rigs.SOON)
