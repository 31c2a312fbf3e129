"""The configuration of a deployment: looked at, edited, applications added and taken out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Path, Response

from shared import errors
from shared.catalogue import Application
from shared.contracts.deployments import ApplicationOrder

from ...domain.identity import Scope
from ...domain.refusals import StaleError
from ...service.configurations import ApplicationWish, Staged
from ..dependencies import Asking, AskingDependency, Id, see_other
from ..entered import Entered, EnteredDependency
from ..forms import controls, entries, parsing
from ..forms.fields import Form
from ..forms.parsing import Known, Problem
from ..languages import retell
from ..presenters import applications, configurations, configuring
from ..presenters.refusals import REFUSED

router = APIRouter(prefix="/deployments/{deployment}/configuration")
Name = Annotated[str, Path(max_length=64)]
INVALID = 422
CONFLICT = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The form of one application of a deployment."""

    staged: Staged
    application: Application
    order: ApplicationOrder | None
    """As it is staged; None: it is about to be added."""
    is_fixed: bool
    """Whether it was deployed, so that some of it can never change."""
    form: Form

    @property
    def known(self) -> Known:
        options = self.order.options if self.order else {}
        secrets = self.order.sealed_options if self.order else {}
        return Known(options=options, secrets=secrets, is_fixed=self.is_fixed)

    @property
    def host(self) -> str:
        usual = f"{self.application.host_label}.{self.staged.deployment.domain}"
        return self.order.host if self.order else usual


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filling:
    """What stands in a form, and what is wrong with it."""

    host: str
    entries: entries.Entries
    problems: tuple[Problem, ...] = ()
    wrong: str = ""
    """What is wrong with the host."""


@router.get("")
async def show_configuration(asking: AskingDependency, deployment: Id) -> Response:
    """Show what is staged, and how it differs from what runs."""
    staged = await _staged(asking, deployment)
    return asking.show(
        "configuration/show.html",
        deployment=staged.deployment,
        applications=configurations.present(staged, asking.panel.offer),
        has_changes=staged.has_changes,
        runs=staged.deployed is not None,
        staged_at=staged.configuration.staged_at,
        version=staged.configuration.version,
    )


@router.get("/add")
async def ask_what_to_add(asking: AskingDependency, deployment: Id) -> Response:
    """Show the applications that can be added."""
    asking.caller.require(Scope.WRITE)
    panel = asking.panel
    staged = await _staged(asking, deployment)
    async with panel.database.transaction() as tx:
        withheld = await panel.provider.withheld(tx)
        full = await panel.configurations.objection_to_more(tx, staged)
    there = {it.application for it in staged.configuration.applications}
    found = [it for it in panel.offer.list_applications() if it.name not in there]
    return asking.show(
        "configuration/add.html",
        deployment=staged.deployment,
        cards=[applications.card(it, panel.offer, withheld) for it in found],
        full=retell(full),
    )


@router.get("/applications/{name}")
async def edit_application(asking: AskingDependency, deployment: Id, name: Name) -> Response:
    """Show the form of an application, with what is staged or, if it is added, its defaults."""
    place = await _place(asking, deployment, name)
    found = entries.of(place.form, place.known.options)
    return _show(asking, place, _Filling(host=place.host, entries=found))


@router.post("/applications/{name}")
async def stage_application(
    asking: AskingDependency, deployment: Id, name: Name, entered: EnteredDependency
) -> Response:
    """Stage an application as it was entered; nothing runs differently until it is deployed."""
    place = await _place(asking, deployment, name)
    found = parsing.parse(place.form, entered.pairs, place.known)
    host = entered.text("host").strip() if not place.is_fixed else place.host
    filling = _Filling(host=host, entries=found.entries, problems=found.problems)
    if found.problems:
        return _show(asking, place, filling)
    wish = ApplicationWish(
        application=name,
        version=place.order.version if place.order else None,
        host=host or None,
        options=found.options,
    )
    try:
        await _stage(asking, deployment, _with(place.staged, wish), entered)
    except StaleError:
        return await _show_conflict(asking, deployment, name, entered)
    except REFUSED as error:
        return _show(asking, place, _objected(place, filling, error))
    return see_other(f"/deployments/{deployment}/configuration")


@router.get("/applications/{name}/remove")
async def ask_before_taking_out(asking: AskingDependency, deployment: Id, name: Name) -> Response:
    """Say what becomes of the data of an application that is taken out."""
    place = await _place(asking, deployment, name)
    return asking.show(
        "configuration/remove.html",
        deployment=place.staged.deployment,
        application=place.application,
        version=place.staged.configuration.version,
        fate=retell(asking.panel.offer.fate_of(name)) if place.is_fixed else "",
        is_last=len(place.staged.configuration.applications) == 1,
    )


@router.post("/applications/{name}/remove")
async def take_out(
    asking: AskingDependency, deployment: Id, name: Name, entered: EnteredDependency
) -> Response:
    """Stage the configuration without an application."""
    staged = await _staged(asking, deployment)
    wishes = [it for it in _wishes(staged) if it.application != name]
    await _stage(asking, deployment, wishes, entered)
    return see_other(f"/deployments/{deployment}/configuration")


async def _staged(asking: Asking, deployment: str) -> Staged:
    async with asking.panel.database.transaction() as tx:
        return await asking.panel.configurations.get(tx, asking.caller, deployment)


async def _stage(
    asking: Asking, deployment: str, wishes: Sequence[ApplicationWish], entered: Entered
) -> None:
    panel = asking.panel
    async with panel.database.transaction() as tx:
        await panel.configurations.stage(
            tx, asking.caller, deployment, wishes, expected=entered.expected
        )


async def _place(asking: Asking, deployment: str, name: str) -> _Place:
    panel, caller = asking.panel, asking.caller
    caller.require(Scope.WRITE)
    application = panel.offer.find(name)
    async with panel.database.transaction() as tx:
        staged = await panel.configurations.get(tx, caller, deployment)
        newest = await panel.past_revisions.list_revisions(tx, caller, deployment, limit=1)
    if application is None:
        raise errors.NotFoundError("application.not_found", "There is no such application here.")
    staged.deployment.require_changeable()
    orders = staged.configuration.applications
    return _Place(
        staged=staged,
        application=application,
        order=next((it for it in orders if it.application == name), None),
        is_fixed=bool(newest and newest[0].revision.find(name)),
        form=applications.form_of(application),
    )


def _wishes(staged: Staged) -> list[ApplicationWish]:
    return [
        ApplicationWish(
            application=it.application, version=it.version, host=it.host, options=it.options
        )
        for it in staged.configuration.applications
    ]


def _with(staged: Staged, wish: ApplicationWish) -> list[ApplicationWish]:
    """Return what is staged, one application of it as it is wished for, or added at the end."""
    found = {it.application: it for it in _wishes(staged)}
    return list({**found, wish.application: wish}.values())


def _objected(place: _Place, filling: _Filling, error: errors.HostingError) -> _Filling:
    """Return a form with what the service says of it, where the form shows it."""
    hosts = [reason for pointer, reason in error.details.items() if pointer.endswith("/host")]
    if hosts:
        return replace(filling, wrong=retell(hosts[0]))
    reasons = error.details or {"": error.message}
    problems = []
    for pointer, reason in reasons.items():
        field = place.form.find(pointer.partition("/options/")[2].split("/"))
        problems.append(Problem(field.path if field else (), retell(reason)))
    return replace(filling, problems=tuple(problems))


def _show(asking: Asking, place: _Place, filling: _Filling) -> Response:
    return asking.show(
        "configuration/application.html",
        INVALID if filling.problems or filling.wrong else 200,
        deployment=place.staged.deployment,
        application=place.application,
        is_new=place.order is None,
        is_fixed=place.is_fixed,
        form=controls.fill(
            place.form,
            filling.entries,
            place.known,
            filling.problems,
            is_refused=bool(filling.wrong),
        ),
        host=filling.host,
        wrong=filling.wrong,
        version=place.staged.configuration.version,
    )


async def _show_conflict(asking: Asking, deployment: str, name: str, entered: Entered) -> Response:
    """Show both versions of a form that somebody else staged meanwhile."""
    place = await _place(asking, deployment, name)
    found = parsing.parse(place.form, entered.pairs, place.known)
    mine = configuring.Side(host=entered.text("host") or place.host, entries=found.entries)
    theirs = configuring.Side(host=place.host, entries=entries.of(place.form, place.known.options))
    pairs = list(configuring.pairs_of(found.entries))
    async with asking.panel.database.transaction() as tx:
        by = await asking.panel.history.name_of(tx, place.staged.configuration.staged_by)
    return asking.show(
        "configuring/conflict.html",
        CONFLICT,
        title=place.application.title,
        by=by,
        at=place.staged.configuration.staged_at,
        version=place.staged.configuration.version,
        clashes=configuring.clashes(place.form, mine, theirs),
        pairs=[*pairs, *([] if place.is_fixed else [("host", mine.host)])],
        here=f"/deployments/{deployment}/configuration/applications/{name}",
        loses_secrets=bool(found.secrets),
    )
