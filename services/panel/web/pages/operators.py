"""Operators, as the hosting provider sees them: what each has, and how much it may have."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Response

from ...domain.provider import Quota
from ...domain.refusals import StaleError
from ..dependencies import (
    ITEMS,
    Asking,
    AskingDependency,
    Id,
    PageDependency,
    older,
    see_other,
)
from ..languages import gettext as _
from ..presenters import provider

router = APIRouter(prefix="/provider/operators")
STATUS_INVALID: Final = 422
STATUS_STALE: Final = 409
MOST: Final = 1_000_000
FIELDS: Final = ("deployments", "applications", "storage_gib", "backups")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A quota as a form says it: empty fields are not limited."""

    version: int
    values: dict[str, str]

    @property
    def mistakes(self) -> dict[str, str]:
        """What is wrong with which field."""
        return {name: _mistake() for name, text in self.values.items() if not _is_limit(text)}

    @property
    def quota(self) -> Quota:
        """The quota; without mistakes only."""
        return Quota(**{name: int(text) for name, text in self.values.items() if text})


def read_wanted(
    version: Annotated[int, Form(ge=0)],
    deployments: Annotated[str, Form(max_length=20)] = "",
    applications: Annotated[str, Form(max_length=20)] = "",
    storage_gib: Annotated[str, Form(max_length=20)] = "",
    backups: Annotated[str, Form(max_length=20)] = "",
) -> Wanted:
    """Return the quota that a form asks for."""
    given = (deployments, applications, storage_gib, backups)
    return Wanted(version, {name: it.strip() for name, it in zip(FIELDS, given, strict=True)})


@router.get("")
async def list_operators(asking: AskingDependency, page: PageDependency) -> Response:
    """Show operators with what they have, newest first."""
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.provider.list_operators(tx, asking.caller, page)
    return asking.show(
        "provider/operators.html",
        operators=[provider.operator(it) for it in found[:ITEMS]],
        before=older(found),
        is_first=page.before is None,
    )


@router.get("/{operator}")
async def show_operator(asking: AskingDependency, operator: Id) -> Response:
    """Show an operator, and how much it may have."""
    return await _show(asking, operator)


@router.post("/{operator}/quota")
async def set_quota(
    asking: AskingDependency, operator: Id, wanted: Annotated[Wanted, Depends(read_wanted)]
) -> Response:
    """Replace how much an operator may have, unless somebody else did so since."""
    if wanted.mistakes:
        return await _show(asking, operator, wanted, STATUS_INVALID)
    try:
        async with asking.panel.database.transaction() as tx:
            await asking.panel.provider.set_quota(
                tx, asking.caller, operator, wanted.quota, expected={wanted.version}
            )
    except StaleError as error:
        changed = Wanted(error.current, wanted.values)
        return await _show(asking, operator, changed, STATUS_STALE, stale=True)
    return see_other(f"/provider/operators/{operator}")


async def _show(
    asking: Asking,
    operator: str,
    wanted: Wanted | None = None,
    status: int = 200,
    *,
    stale: bool = False,
) -> Response:
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.provider.get_operator(tx, asking.caller, operator)
    shown = provider.operator(found)
    values = {it.field: "" if it.limit is None else str(it.limit) for it in shown.shares}
    return asking.show(
        "provider/operator.html",
        status,
        operator=shown,
        values=wanted.values if wanted else values,
        mistakes=wanted.mistakes if wanted else {},
        version=wanted.version if wanted else shown.version,
        stale=stale,
    )


def _is_limit(text: str) -> bool:
    return not text or (text.isascii() and text.isdecimal() and int(text) <= MOST)


def _mistake() -> str:
    return _("Give a whole number from 0 to %(most)s, or leave it empty.") % {"most": MOST}
