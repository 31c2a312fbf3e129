"""Runs as pages show them: where they are, how long that takes, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ...domain.advice import CANCELLED, NOT_BEGUN, advise
from ...domain.failures import why
from ...domain.runs import RunKind, RunState, StepStatus
from ..languages import N_, retell
from ..languages import gettext as _
from . import moments, quantities, states, wording

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from ...domain.history import ListedRun
    from ...domain.runs import Run, RunFailure, RunStep
    from .states import StateView

    Usual = Mapping[tuple[str, str], float]

LONGER: Final = 2
"""How many times its usual length a step may take before that is said."""
QUIET_SECONDS: Final = 60
"""How long nothing may be heard of a run before that is said."""
_AT_WORK: Final = frozenset({StepStatus.RUNNING, StepStatus.RETRYING})
_OVER: Final = frozenset({StepStatus.SUCCEEDED, StepStatus.FAILED, StepStatus.SKIPPED})
_BRINGING: Final = frozenset({RunKind.DEPLOY, RunKind.RESTORE, RunKind.RESTART, RunKind.RESUME})
_UNITS: Final[Mapping[str, str]] = {
    "files": N_("files"),
    "objects": N_("objects"),
    "pages": N_("pages"),
    "buckets": N_("stores"),
    "keys": N_("keys"),
}
_FAVICONS: Final[Mapping[RunState, str]] = {
    RunState.QUEUED: "waiting",
    RunState.RUNNING: "running",
    RunState.CANCELLING: "running",
    RunState.SUCCEEDED: "succeeded",
    RunState.FAILED: "failed",
    RunState.CANCELLED: "waiting",
    RunState.SUPERSEDED: "waiting",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One step of a run."""

    title: str
    word: str
    tone: str
    icon: str
    is_turning: bool
    is_current: bool
    detail: str = ""
    took: str = ""
    """How long it took, or usually takes."""
    progress: int | None = None
    """In percent, where a total is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureView:
    """What failed, why, what state that left, and what to do next."""

    what: str
    why: str
    left: str
    next: str
    code: str
    place: str
    """Service and step at which it failed, as its log names them."""
    is_about_configuration: bool
    """Whether the way on leads over the configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietView:
    """How long nothing was heard of a run that goes on, and what is normal."""

    seconds: int
    is_long: bool
    """Whether that is to be said."""
    minutes: int
    normal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """One run, as its page shows it."""

    id: str
    number: int
    deployment: str
    domain: str
    by: str
    kind: str
    icon: str
    headline: str
    title: str
    """Of the tab: with how far it is, while it goes on."""
    favicon: str
    state: StateView
    sequence: int
    created_at: datetime
    took: str
    usual: str
    """How long such a run usually takes; empty when nobody knows."""
    place: int
    """Number of the step that goes on, or of all when all are done."""
    steps: Sequence[StepView]
    failure: FailureView | None
    is_over: bool
    is_waiting: bool
    is_held: bool
    has_succeeded: bool
    can_cancel: bool
    can_retry: bool
    brought_applications: bool
    """Whether applications answer because of it."""
    backup: str | None
    """The backup that it made or brought back."""
    brought_nothing: bool
    """Whether it was a deploy that found everything as it should be."""
    says: str
    """What those who listen are told."""
    quiet: QuietView | None
    """What to say when nothing is heard; None where nothing is to be heard."""

    @property
    def percent(self) -> int:
        """How many steps of a hundred are done."""
        if not self.steps:
            return 0
        partly = next((it.progress or 0 for it in self.steps if it.is_current), 0) / 100
        done = len(self.steps) if self.has_succeeded else max(0, self.place - 1) + partly
        return round(100 * done / len(self.steps))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run in a list."""

    id: str
    number: int
    domain: str
    deployment: str
    by: str
    kind: str
    icon: str
    state: StateView
    created_at: datetime
    took: str
    can_cancel: bool


@dataclass(frozen=True, slots=True)
class FollowingView:
    """A run that begins after another has succeeded."""

    id: str
    number: int
    kind: str
    state: StateView
    is_over: bool


def following(found: Sequence[Run]) -> list[FollowingView]:
    """Return what begins after a run, as its page shows it; what was given up is left out."""
    return [
        FollowingView(
            it.id, it.number, wording.kind(it), states.of_run(it.state), it.state.has_ended
        )
        for it in found
        if it.failure is None or it.failure.failure.code != NOT_BEGUN
    ]


def present(
    listed: ListedRun,
    steps: Sequence[RunStep],
    usual: Usual,
    now: datetime,
    heard_at: datetime | None = None,
) -> RunView:
    """Return a run as its page shows it; `heard_at` is when something happened in it last."""
    run = listed.run
    shown = [_step(run, it, usual, now) for it in steps]
    current = next((n for n, it in enumerate(shown, 1) if it.is_current), None)
    over = sum(it.status in _OVER for it in steps)
    place = current or min(over + 1, len(steps))
    headline = wording.headline(run, listed.domain)
    is_on_its_way = run.state in {RunState.RUNNING, RunState.CANCELLING}
    title = f"({place}/{len(steps)}) {headline}" if is_on_its_way and steps else headline
    return RunView(
        id=run.id,
        number=run.number,
        deployment=run.deployment,
        domain=listed.domain,
        by=listed.by,
        kind=wording.kind(run),
        icon=wording.icon(run),
        headline=headline,
        title=title,
        favicon=_FAVICONS[run.state],
        state=states.of_run(run.state),
        sequence=run.sequence,
        created_at=run.created_at,
        took=took(run, now),
        usual=_usual_of_all(steps, usual),
        place=place,
        steps=shown,
        failure=_failure(run) if run.failure else None,
        is_over=run.state.has_ended,
        is_waiting=run.state is RunState.QUEUED,
        is_held=run.held_by is not None,
        has_succeeded=run.state is RunState.SUCCEEDED,
        can_cancel=can_cancel(run),
        can_retry=_can_retry(run),
        brought_applications=run.kind in _BRINGING and not run.prepares,
        backup=run.backup if run.kind is not RunKind.REMOVE_BACKUP else None,
        brought_nothing=run.changed is False,
        says=_says(headline, shown, current),
        quiet=_quiet(run, steps, usual, now - (heard_at or now)) if is_on_its_way else None,
    )


def row(listed: ListedRun, now: datetime) -> RunRow:
    """Return a run as a list shows it."""
    run = listed.run
    return RunRow(
        id=run.id,
        number=run.number,
        domain=listed.domain,
        deployment=run.deployment,
        by=listed.by,
        kind=wording.kind(run),
        icon=wording.icon(run),
        state=states.of_run(run.state),
        created_at=run.created_at,
        took=took(run, now),
        can_cancel=can_cancel(run),
    )


def took(run: Run, now: datetime) -> str:
    """Return how long a run has taken so far, or took."""
    if run.started_at is None:
        return ""
    end = run.ended_at or now
    return moments.duration(max(0.0, (end - run.started_at).total_seconds()))


def can_cancel(run: Run) -> bool:
    """Say whether a run can be asked to stop."""
    return run.state in {RunState.QUEUED, RunState.RUNNING} and not run.kind.removes


def _can_retry(run: Run) -> bool:
    if run.state not in {RunState.FAILED, RunState.CANCELLED}:
        return False
    return run.failure is None or run.failure.failure.code != NOT_BEGUN


def _step(run: Run, step: RunStep, usual: Usual, now: datetime) -> StepView:
    state = states.of_step(step.status)
    is_current = step.status in _AT_WORK
    return StepView(
        title=wording.step(run.kind, step.service, step.name),
        word=_retrying(step) if step.status is StepStatus.RETRYING else state.word,
        tone=state.tone,
        icon=state.icon,
        is_turning=state.is_turning,
        is_current=is_current,
        detail=_detail(step, usual, now) if is_current else "",
        took=_took(step, usual),
        progress=_percent(step) if is_current else None,
    )


def _retrying(step: RunStep) -> str:
    return _("Trying again (%(attempt)s)") % {"attempt": step.attempt}


def _took(step: RunStep, usual: Usual) -> str:
    if step.seconds is not None and step.status is not StepStatus.SKIPPED:
        return moments.duration(step.seconds)
    expected = usual.get((step.service, step.name))
    if step.status is StepStatus.SKIPPED or expected is None or expected < moments.NOW_SECONDS:
        return ""
    return moments.expectation(expected)


def _detail(step: RunStep, usual: Usual, now: datetime) -> str:
    said = [_counted(step)] if step.total else []
    expected = usual.get((step.service, step.name))
    if expected and step.started_at is not None:
        so_far = (now - step.started_at).total_seconds()
        if so_far > max(LONGER * expected, moments.NOW_SECONDS):
            said.append(_("Taking longer than usual"))
    return " · ".join(said)


def _counted(step: RunStep) -> str:
    done, total = step.done or 0, step.total or 0
    if step.unit == "bytes":
        numbers = {"done": quantities.size(done), "total": quantities.size(total)}
        return _("%(done)s of %(total)s") % numbers
    return _("%(done)s of %(total)s %(unit)s") % {
        "done": quantities.number(done),
        "total": quantities.number(total),
        "unit": retell(_UNITS.get(step.unit or "", step.unit or "")),
    }


def _percent(step: RunStep) -> int | None:
    if not step.total:
        return None
    return min(100, round(100 * (step.done or 0) / step.total))


def _usual_of_all(steps: Sequence[RunStep], usual: Usual) -> str:
    known = [usual.get((it.service, it.name)) for it in steps]
    found = [it for it in known if it is not None]
    return moments.expectation(sum(found)) if found and len(found) == len(known) else ""


def _quiet(
    run: Run, steps: Sequence[RunStep], usual: Usual, silence: timedelta
) -> QuietView | None:
    if run.held_by is not None:
        return None
    seconds = max(0, int(silence.total_seconds()))
    return QuietView(
        seconds=seconds,
        is_long=seconds >= QUIET_SECONDS,
        minutes=max(1, seconds // moments.MINUTE),
        normal=_normal(run, steps, usual),
    )


def _normal(run: Run, steps: Sequence[RunStep], usual: Usual) -> str:
    """Return what is normal at the step that goes on, the slowest if there are several."""
    known = [
        (usual[it.service, it.name], it)
        for it in steps
        if it.status in _AT_WORK and (it.service, it.name) in usual
    ]
    if not known:
        return _("Some steps take several minutes and say nothing meanwhile.")
    seconds, step = max(known, key=lambda it: it[0])
    return _("The step “%(step)s” usually takes %(usual)s.") % {
        "step": wording.step(run.kind, step.service, step.name),
        "usual": moments.expectation(seconds),
    }


def _failure(run: Run) -> FailureView | None:
    found: RunFailure | None = run.failure
    if found is None:
        return None
    advice = advise(run.kind, found)
    return FailureView(
        what=_what(run, found),
        why=why(found.failure.code, found.failure.message, _),
        left=_(advice.left),
        next=_(advice.next),
        code=found.failure.code,
        place=f"{found.service}.{found.stage}",
        is_about_configuration=advice.is_about_configuration,
    )


def _what(run: Run, failure: RunFailure) -> str:
    if failure.failure.code == NOT_BEGUN:
        return _("This run was never begun.")
    step = wording.step(run.kind, failure.service, failure.stage)
    if failure.failure.code == CANCELLED:
        return _("It was stopped at the step “%(step)s”.") % {"step": step}
    return _("The step “%(step)s” did not work.") % {"step": step}


def _says(headline: str, steps: Sequence[StepView], current: int | None) -> str:
    if current is None:
        return headline
    return _("Step %(place)s of %(all)s: %(title)s") % {
        "place": current,
        "all": len(steps),
        "title": steps[current - 1].title,
    }
