"""Runs: look at one, watch its events, report it, cancel it, retry it."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from pydantic import AfterValidator

from . import examples, problems
from .dependencies import CallerDependency, OnceDependency, PanelDependency, get_id
from .schemas.runs import EventAnswer, RunAnswer
from .schemas.shape import part
from .starting import begin
from .streams import MEDIA_TYPE, PlaceDependency, SeatDependency, follow

router = APIRouter(prefix="/runs", tags=["runs"])
Id = Annotated[str, AfterValidator(get_id), Path(examples=[examples.RUN_ID])]
MOST_EVENTS: Final = 1000
STREAM_HEADERS: Final = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
_EVENTS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The events after a number; as a stream, until the run has ended.",
        "content": {
            MEDIA_TYPE: {"schema": {"type": "string"}, "example": examples.STREAM},
            "application/json": {"example": {"items": [examples.EVENT], "next": None}},
        },
    }
}


@router.get("/{run}", operation_id="getRun", responses=problems.LOOKING)
async def get_run(
    run: Id, panel: PanelDependency, caller: CallerDependency, response: Response
) -> RunAnswer:
    """Show a run: its state, its steps, and what failed if it did."""
    async with panel.database.transaction() as tx:
        found = await panel.runs.get(tx, caller, run)
    if not found.run.state.has_ended:
        response.headers["Retry-After"] = "1"
    return RunAnswer.of_details(found)


@router.get(
    "/{run}/events",
    operation_id="watchRun",
    response_model=None,
    responses=problems.LOOKING | _EVENTS,
)
async def watch_run(
    run: Id,
    panel: PanelDependency,
    caller: CallerDependency,
    place: PlaceDependency,
    is_stream: SeatDependency,
) -> Response:
    """Watch a run: every event has a number, and asking after one loses and doubles nothing."""
    async with panel.database.transaction() as tx:
        found = (await panel.runs.get(tx, caller, run)).run
    if is_stream:
        return StreamingResponse(
            follow(panel, found.id, place), media_type=MEDIA_TYPE, headers=STREAM_HEADERS
        )
    async with panel.database.transaction() as tx:
        events = await panel.runs.list_events(tx, found.id, after=place, limit=MOST_EVENTS)
    answer = part([EventAnswer.of(it) for it in events], MOST_EVENTS)
    return JSONResponse(answer.model_dump(mode="json"))


@router.get(
    "/{run}/report",
    operation_id="reportRun",
    response_class=PlainTextResponse,
    responses=problems.LOOKING | {200: {"content": {"text/plain": {"example": examples.REPORT}}}},
)
async def report_run(run: Id, panel: PanelDependency, caller: CallerDependency) -> str:
    """Show a run as text to give to the hosting provider.

    What has the form of a secret, an e-mail address or an IP address is taken out, and so are the
    names of people.
    """
    async with panel.database.transaction() as tx:
        return await panel.reports.write(tx, caller, run)


@router.post(
    "/{run}/cancel",
    operation_id="cancelRun",
    status_code=202,
    response_model=RunAnswer,
    responses=problems.CHANGING,
)
async def cancel_run(run: Id, once: OnceDependency) -> JSONResponse:
    """Cancel a run: one that waits ends at once, one that has begun after its current step.

    It may still end otherwise, when that comes first. Asked again, it stays as it is. Removals
    cannot be cancelled.
    """
    return await begin(once, lambda tx: once.panel.interventions.cancel(tx, once.caller, run))


@router.post(
    "/{run}/retry",
    operation_id="retryRun",
    status_code=202,
    response_model=RunAnswer,
    responses=problems.CHANGING,
)
async def retry_run(run: Id, once: OnceDependency) -> JSONResponse:
    """Try again what a run did not do: a new run of the same, and what waited for it after it."""
    return await begin(once, lambda tx: once.panel.retrying.retry(tx, once.caller, run))
