"""Runs: all of them, and the page on which a person watches one."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.responses import PlainTextResponse, StreamingResponse

from shared.database import Transaction

from ...domain.identity import Scope
from ..dependencies import (
    ITEMS,
    AskingDependency,
    Id,
    OnceDependency,
    PageDependency,
    ProvenDependency,
    older,
    see_other,
)
from ..live import HEADERS, MEDIA_TYPE, Watch, read_log, snapshot
from ..presenters import backups, logs, runs
from ..presenters.logs import Wanted
from ..visitors import RecentDependency

router = APIRouter()


async def get_seat(asking: AskingDependency) -> AsyncIterator[None]:
    """Count a stream until it has ended."""
    with asking.panel.feed.seat(asking.caller.credential):
        yield


SeatDependency = Annotated[None, Depends(get_seat)]


@router.get("/runs")
async def list_runs(
    asking: AskingDependency,
    page: PageDependency,
) -> Response:
    """Show all runs of the operator, newest first."""
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.history.list_runs(tx, asking.caller, page)
    return asking.show(
        "runs/list.html",
        runs=[runs.row(it, asking.now) for it in found[:ITEMS]],
        before=older([it.run for it in found]),
        is_first=page.before is None,
    )


@router.get("/deployments/{deployment}/runs")
async def list_runs_of(
    asking: AskingDependency,
    deployment: Id,
    page: PageDependency,
) -> Response:
    """Show the runs of a deployment, newest first."""
    async with asking.panel.database.transaction() as tx:
        about = await asking.panel.runs.overview(tx, asking.caller, deployment)
        found = await asking.panel.history.list_runs(tx, asking.caller, page, deployment=deployment)
    return asking.show(
        "runs/of_deployment.html",
        deployment=about.deployment,
        runs=[runs.row(it, asking.now) for it in found[:ITEMS]],
        before=older([it.run for it in found]),
        is_first=page.before is None,
    )


@router.get("/runs/{run}")
async def show_run(
    asking: AskingDependency,
    run: Id,
    lines: Annotated[str, Query(max_length=16)] = "",
    step: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Show a run as it is now; what follows arrives by itself where scripts run."""
    async with asking.panel.database.transaction() as tx:
        found = await snapshot(asking.panel, tx, asking.caller, run)
        known = {place for place, _ in found.places}
        wanted = Wanted(lines=lines, step=step if step in known else "")
        log = await read_log(asking.panel, tx, found.run, wanted)
    return asking.show(
        "runs/show.html",
        run=found.view,
        log=log,
        wanted=wanted,
        levels=logs.levels(),
        places=found.places,
        ahead=found.ahead,
        following=found.following,
        routes=found.routes,
        favicon=found.view.favicon,
    )


@router.get("/runs/{run}/report")
async def give_report(asking: AskingDependency, run: Id) -> Response:
    """Give a run away as text for the hosting provider."""
    async with asking.panel.database.transaction() as tx:
        text = await asking.panel.reports.write(tx, asking.caller, run)
    return PlainTextResponse(
        text, headers={"Content-Disposition": f'attachment; filename="run-{run}.txt"'}
    )


@router.get("/runs/{run}/live")
async def watch_run(
    asking: AskingDependency,
    run: Id,
    _: SeatDependency,
    since: Annotated[int, Query(alias="from", ge=0, le=2**31 - 1)] = 0,
    last_event_id: Annotated[str | None, Header(pattern="^[0-9]{1,9}$")] = None,
) -> Response:
    """Tell what happens in a run after an event, as parts of its page, until it has ended."""
    async with asking.panel.database.transaction() as tx:
        found = (await asking.panel.runs.get(tx, asking.caller, run)).run
    place = int(last_event_id) if last_event_id else since
    watch = Watch(panel=asking.panel, pages=asking.pages, caller=asking.caller, run=found)
    return StreamingResponse(watch.follow(place), media_type=MEDIA_TYPE, headers=HEADERS)


@router.get("/runs/{run}/cancel")
async def ask_before_cancelling(
    asking: AskingDependency,
    run: Id,
) -> Response:
    """Say what stopping a run means, and ask whether that is wanted."""
    asking.caller.require(Scope.WRITE)
    async with asking.panel.database.transaction() as tx:
        found = await snapshot(asking.panel, tx, asking.caller, run)
    return asking.show("runs/cancel.html", run=found.view)


@router.post("/runs/{run}/cancel")
async def cancel(run: Id, once: OnceDependency) -> Response:
    """Stop a run, and lead back to it."""

    async def work(tx: Transaction) -> str:
        await once.panel.interventions.cancel(tx, once.caller, run)
        return f"/runs/{run}"

    return await once.go(work)


@router.post("/runs/{run}/retry")
async def retry(run: Id, once: OnceDependency) -> Response:
    """Try again what a run did not do, and lead to the new run; or ask first, where that is due."""

    async def work(tx: Transaction) -> str:
        if await once.panel.retrying.foresee(tx, once.caller, run) is not None:
            return f"/runs/{run}/repeat"
        asked = await once.panel.retrying.retry(tx, once.caller, run)
        return f"/runs/{asked.run.id}"

    return await once.go(work)


@router.get("/runs/{run}/repeat")
async def ask_before_repeating(asking: ProvenDependency, run: Id) -> Response:
    """Say what trying again replaces or removes, and ask whether that is wanted."""
    async with asking.panel.database.transaction() as tx:
        foreseen = await asking.panel.retrying.foresee(tx, asking.caller, run)
        if foreseen is None:
            return see_other(f"/runs/{run}")
        found = await snapshot(asking.panel, tx, asking.caller, run)
    return asking.show(
        "runs/repeat.html",
        run=found.view,
        kind=foreseen.kind.value,
        backup=backups.present(foreseen.backup) if foreseen.backup else None,
        is_kept=foreseen.is_kept,
        is_broken=foreseen.is_broken,
    )


@router.post("/runs/{run}/repeat")
async def repeat(run: Id, once: OnceDependency, _: RecentDependency) -> Response:
    """Try again what replaces or removes something, and lead to the new run."""

    async def work(tx: Transaction) -> str:
        asked = await once.panel.retrying.retry(tx, once.caller, run)
        return f"/runs/{asked.run.id}"

    return await once.go(work)
