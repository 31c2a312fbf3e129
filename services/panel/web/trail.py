"""The audit trail as pages narrow it down and give it away."""

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from fastapi import Depends, Query, Response
from fastapi.responses import StreamingResponse

from shared import errors, ids

from ..domain.audit import EARLIEST, LATEST, AuditEntry, AuditFilter
from ..domain.records import Page
from .dependencies import ITEMS, older
from .languages import gettext as _
from .languages import spoken
from .presenters import activity
from .presenters.moments import iso
from .presenters.refusals import NONE, Refusal, refusal_of

_JSON: Final = "application/json"
COLUMNS: Final = (
    *("at", "person", "person_name", "token_name", "operator_name", "action", "object"),
    *("details", "address", "request"),
)
# What spreadsheets take for a formula when a cell begins with it.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
Short = Annotated[str, Query(max_length=100)]
Format = Annotated[Literal["csv", "json"], Query(alias="format")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """How a list was narrowed down."""

    person: str
    action: str
    since: str
    until: str
    operator: str = ""
    """Only on the hosting provider's page."""

    def filter(self) -> AuditFilter:
        """Return which entries that means, by the clock of whoever asks.

        Raises:
            InvalidError: a day is none.
        """
        until = _day(self.until, "until")
        return AuditFilter(
            operator=self.operator if ids.is_id(self.operator) else None,
            person=self.person if ids.is_id(self.person) else None,
            action=self.action if self.action in activity.SUBJECTS else None,
            since=_day(self.since, "since"),
            until=until + timedelta(days=1) if until else None,
        )

    def try_filter(self) -> tuple[AuditFilter, Refusal]:
        """Return which entries that means; all of them, and why, where it means nothing."""
        try:
            return self.filter(), NONE
        except errors.InvalidError as error:
            return AuditFilter(), refusal_of(error, "since", "until")

    def query(self) -> str:
        """Return it as part of an address."""
        return urlencode({name: it for name, it in asdict(self).items() if it})


async def get_chosen(
    person: Short = "",
    action: Short = "",
    since: Short = "",
    until: Short = "",
    operator: Short = "",
) -> Chosen:
    """Return how the list is to be narrowed down."""
    return Chosen(person=person, action=action, since=since, until=until, operator=operator)


ChosenDependency = Annotated[Chosen, Depends(get_chosen)]


def listed(path: str, chosen: Chosen, page: Page, found: Sequence[AuditEntry]) -> dict[str, object]:
    """Return what every page with entries shows of them."""
    query = chosen.query()
    address = f"{path}?{query}" if query else path
    return {
        "deeds": [activity.present(it) for it in found[:ITEMS]],
        "chosen": chosen,
        "subjects": activity.subjects(),
        "before": older(found),
        "address": address,
        "first": address if page.before else "",
        "export": f"{path}/export?{query}",
    }


def taken_away(entries: AsyncIterator[AuditEntry], kind: Literal["csv", "json"]) -> Response:
    """Answer with entries as a file."""
    written, media = (_csv(entries), "text/csv") if kind == "csv" else (_json(entries), _JSON)
    return StreamingResponse(
        written,
        media_type=media,
        headers={"Content-Disposition": f'attachment; filename="activity.{kind}"'},
    )


def _day(text: str, name: str) -> datetime | None:
    if not text:
        return None
    try:
        day = datetime.fromisoformat(text).date()
        if not EARLIEST.year <= day.year < LATEST.year:
            raise ValueError(text)  # noqa: TRY301 - said as what is no day at all
        return datetime.combine(day, time(), spoken().zone)
    except ValueError as error:
        reason = _("Write a day as 2026-11-21.")
        raise errors.InvalidError("activity.day", reason, details={name: reason}) from error


def _row(it: AuditEntry) -> dict[str, object]:
    return {
        "at": iso(it.at),
        "person": it.person,
        "person_name": it.person_name,
        "token_name": it.token_name,
        "operator_name": it.operator_name,
        "action": it.action,
        "object": it.object,
        "details": dict(it.details),
        "address": it.address,
        "request": it.request,
    }


async def _csv(entries: AsyncIterator[AuditEntry]) -> AsyncIterator[str]:
    yield _line(COLUMNS)
    async for it in entries:
        row = _row(it)
        row["details"] = json.dumps(row["details"], ensure_ascii=False, sort_keys=True)
        yield _line([_inert("" if row[name] is None else str(row[name])) for name in COLUMNS])


async def _json(entries: AsyncIterator[AuditEntry]) -> AsyncIterator[str]:
    begin = "["
    async for it in entries:
        yield begin + json.dumps(_row(it), ensure_ascii=False)
        begin = ",\n"
    yield "[]\n" if begin == "[" else "]\n"


def _line(cells: Iterable[str]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()


def _inert(text: str) -> str:
    """Return a cell that a spreadsheet takes for text."""
    return f"'{text}" if text.startswith(FORMULA) else text
