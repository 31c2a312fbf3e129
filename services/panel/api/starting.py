"""Requests that become a run, and how they are answered."""

from collections.abc import Awaitable, Callable

from fastapi.responses import JSONResponse

from shared.database import Transaction

from ..service.requests import RunDetails
from .dependencies import PREFIX, Done, Once
from .schemas.runs import RunAnswer


async def begin(once: Once, ask: Callable[[Transaction], Awaitable[RunDetails]]) -> JSONResponse:
    """Ask for a run once, and answer with where it can be watched."""

    async def work(tx: Transaction) -> Done:
        run = RunAnswer.of_details(await ask(tx))
        return Done(status=202, location=f"{PREFIX}/runs/{run.id}", body=run)

    return await once.answer(work)
