"""A new deployment, its later pages: the form of each application, and a look at everything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Response
from fastapi.responses import JSONResponse

from shared import errors
from shared.catalogue import Application
from shared.database import Transaction

from ...domain.drafts import Draft, DraftedApplication
from ...domain.refusals import StaleError
from ...domain.runs import RunKind
from ...service.drafts import FilledIn
from ..dependencies import Asking, AskingDependency, Id, OnceDependency, see_other
from ..entered import Entered, EnteredDependency
from ..forms import controls, entries, parsing
from ..forms.fields import Form
from ..forms.parsing import Known, Problem, Submission
from ..languages import retell
from ..presenters import applications, configuring, drafts, moments
from ..presenters.drafts import Step
from ..presenters.refusals import REFUSED
from .drafts import CONFLICT, INVALID, following, open_draft

router = APIRouter(prefix="/drafts/{draft}")
Name = Annotated[str, Path(max_length=64)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The form of one application of a draft."""

    draft: Draft
    drafted: DraftedApplication
    application: Application
    form: Form

    @property
    def known(self) -> Known:
        return Known(secrets=self.drafted.sealed_options)

    @property
    def usual_host(self) -> str:
        return drafts.usual_host(self.application, self.draft.domain)


@dataclass(frozen=True, slots=True)
class _Filling:
    """What stands in a form, and what is wrong with it."""

    host: str
    entries: entries.Entries
    problems: tuple[Problem, ...] = ()
    wrong: str = ""
    """What is wrong with the host."""


@router.get("/applications/{name}")
async def ask_for_options(asking: AskingDependency, draft: Id, name: Name) -> Response:
    """Show the form of an application, as far as it was filled in."""
    place = _place(asking, await open_draft(asking, draft), name)
    stored = place.drafted.entries
    found = entries.of(place.form, {}) if stored is None else _entries(stored)
    return _show(asking, place, _Filling(place.drafted.host or place.usual_host, found))


@router.post("/applications/{name}")
async def fill_in(
    asking: AskingDependency, draft: Id, name: Name, entered: EnteredDependency
) -> Response:
    """Keep what was entered, and lead on; or say what is wrong with it, and keep it as well."""
    panel = asking.panel
    place = _place(asking, await open_draft(asking, draft), name)
    filled, filling = _read(asking, place, entered)
    try:
        async with panel.database.transaction() as tx:
            saved = await panel.drafts.fill(
                tx, asking.caller, draft, filled, expected=entered.expected
            )
    except StaleError:
        return await _show_conflict(asking, draft, name, entered)
    if filled.is_complete:
        return see_other(following(saved))
    return _show(asking, _place(asking, saved, name), filling)


@router.post("/applications/{name}/keep")
async def keep(
    asking: AskingDependency, draft: Id, name: Name, entered: EnteredDependency
) -> Response:
    """Keep what stands in a form while somebody writes in it; only scripts ask for that."""
    panel = asking.panel
    place = _place(asking, await open_draft(asking, draft), name)
    filled, _filling = _read(asking, place, entered)
    try:
        async with panel.database.transaction() as tx:
            kept = await panel.drafts.keep(
                tx, asking.caller, draft, filled, expected=entered.expected
            )
    except StaleError:
        now = await open_draft(asking, draft)
        return JSONResponse({"by": now.saved_by}, CONFLICT)
    return JSONResponse({"version": kept.version})


@router.get("/check")
async def check(asking: AskingDependency, draft: Id) -> Response:
    """Show everything that was chosen, and what it makes, before it is made."""
    return await _show_check(asking, await open_draft(asking, draft))


@router.post("/deploy")
async def deploy(
    asking: AskingDependency, draft: Id, entered: EnteredDependency, once: OnceDependency
) -> Response:
    """Make the deployment, and lead to the run that brings it."""
    panel = asking.panel

    async def work(tx: Transaction) -> str:
        found = await panel.drafts.get(tx, asking.caller, draft)
        asked = await panel.drafts.deploy(
            tx,
            asking.caller,
            draft,
            drafts.options_of(found, panel.offer),
            expected=entered.expected,
        )
        return f"/runs/{asked.run.id}"

    try:
        return await once.go(work)
    except REFUSED as error:
        async with panel.database.transaction() as tx:
            found = await panel.drafts.get(tx, asking.caller, draft)
        if found.run is not None:
            return see_other(following(found))
        return await _show_check(asking, found, error)


def _place(asking: Asking, draft: Draft, name: str) -> _Place:
    drafted = draft.find(name)
    application = asking.panel.offer.choose(name)
    form = applications.form_of(application)
    return _Place(draft=draft, drafted=drafted, application=application, form=form)


def _read(asking: Asking, place: _Place, entered: Entered) -> tuple[FilledIn, _Filling]:
    """Return what somebody sent of a form: as it is kept, and as it is shown again."""
    name, host = place.application.name, entered.text("host").strip()
    found = parsing.parse(place.form, entered.pairs, place.known)
    wrong = retell(asking.panel.drafts.objection_to_host(place.draft, name, host))
    filled = _filled(name, host, found, is_complete=not (found.problems or wrong))
    return filled, _Filling(host, found.entries, found.problems, wrong)


def _filled(name: str, host: str, found: Submission, *, is_complete: bool) -> FilledIn:
    # A secret beside a mistake is asked for again: the page says so, and none is kept unseen.
    secrets = {}
    if is_complete:
        secrets = {key: str(value) for key, value in found.secrets.items()}
    return FilledIn(
        application=name,
        host=host,
        entries=found.entries,
        secrets=secrets,
        is_complete=is_complete,
    )


def _entries(stored: Mapping[str, Sequence[str]]) -> entries.Entries:
    return {name: tuple(values) for name, values in stored.items()}


def _show(asking: Asking, place: _Place, filled: _Filling) -> Response:
    names = [it.application for it in place.draft.applications]
    return asking.show(
        "drafts/application.html",
        INVALID if filled.problems or filled.wrong else 200,
        draft=place.draft,
        application=place.application,
        form=controls.fill(
            place.form,
            filled.entries,
            place.known,
            filled.problems,
            is_refused=bool(filled.wrong),
        ),
        host=filled.host,
        wrong=filled.wrong,
        number=names.index(place.application.name) + 1,
        count=len(names),
        journey=drafts.journey(place.draft, Step.OPTIONS),
    )


async def _show_conflict(asking: Asking, draft: str, name: str, entered: Entered) -> Response:
    """Show both versions of a form that somebody else saved meanwhile."""
    place = _place(asking, await open_draft(asking, draft), name)
    found = parsing.parse(place.form, entered.pairs, place.known)
    mine = configuring.Side(host=entered.text("host") or place.usual_host, entries=found.entries)
    theirs = configuring.Side(
        host=place.drafted.host or place.usual_host,
        entries=_entries(place.drafted.entries or {}),
    )
    return asking.show(
        "configuring/conflict.html",
        CONFLICT,
        title=place.application.title,
        by=place.draft.saved_by,
        at=place.draft.saved_at,
        version=place.draft.version,
        clashes=configuring.clashes(place.form, mine, theirs),
        pairs=[("host", mine.host), *configuring.pairs_of(found.entries)],
        here=f"/drafts/{draft}/applications/{name}",
        loses_secrets=bool(found.secrets),
    )


async def _show_check(
    asking: Asking, draft: Draft, error: errors.HostingError | None = None
) -> Response:
    offer = asking.panel.offer
    async with asking.panel.database.transaction() as tx:
        usual = await asking.panel.history.usual_seconds(tx, RunKind.DEPLOY)
    shown = [drafts.present(it, offer, draft.domain) for it in draft.applications]
    status = 200
    if error is not None:
        status = INVALID if isinstance(error, errors.InvalidError) else CONFLICT
    return asking.show(
        "drafts/check.html",
        status,
        draft=draft,
        applications=shown,
        is_complete=bool(shown) and all(it.is_complete for it in shown),
        usual=moments.expectation(sum(usual.values())) if usual else "",
        wrong=drafts.mistakes(draft, error) if error else [],
        was_stale=isinstance(error, StaleError),
        journey=drafts.journey(draft, Step.CHECK),
    )
