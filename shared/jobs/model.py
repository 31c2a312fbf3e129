"""What a job is: a kind, its steps, and what each of them recorded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from shared import errors
from shared.contracts.messages import Event, Value
from shared.contracts.progress import Progress, StepState

if TYPE_CHECKING:
    from shared.contracts.failures import Failure
    from shared.database import Transaction

V = TypeVar("V", bound=Value)
CANCELLED: Final = "cancelled"
"""The code of the failure with which a job of a cancelled run ends."""
Publish = Callable[[Progress], Awaitable[None]]


class ReenterError(Exception):
    """Go on at an earlier step, because the world has changed below the later ones."""

    def __init__(self, step: str) -> None:
        self.step = step
        super().__init__(step)


class RunCancelledError(errors.HostingError):
    """The run was cancelled, and a step beyond the last exit has taken back what was begun."""

    retryable = True

    def __init__(self, message: str, *, details: Mapping[str, str]) -> None:
        super().__init__(CANCELLED, message, details=details)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    """Why a job failed, and at which step."""

    failure: Failure
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How far a step is."""

    lines: Sequence[str] = ()
    done: int | None = None
    total: int | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One piece of work for one run, as its steps see it."""

    id: str
    kind: str
    deployment: str
    revision: int
    run: str
    attempt: int
    """How often the current step has been begun, from 1."""
    arguments: Mapping[str, Any]
    results: Mapping[str, Any]
    earlier: Mapping[str, Any]
    tell: Callable[[Report, StepState], Awaitable[None]]
    is_cancelled: bool = False
    """Whether the run was cancelled; only steps after the last exit ever see that it was."""

    def asked(self, model: type[V]) -> V:
        """Return the arguments that the job was enqueued with."""
        return model.model_validate(self.arguments)

    def result(self, step: str, model: type[V]) -> V:
        """Return what an earlier step recorded in this run.

        Raises:
            FaultError: the step has not been done.
        """
        if step not in self.results:
            raise errors.FaultError("job.no_result", f"step {step} of {self.kind} has no result")
        return model.model_validate(self.results[step])

    def previous(self, step: str, model: type[V]) -> V | None:
        """Return what a step recorded last, in whichever run: verify it in the world first."""
        found = self.earlier.get(step)
        return None if found is None else model.model_validate(found)

    async def report(
        self,
        *lines: str,
        done: int | None = None,
        total: int | None = None,
        unit: str | None = None,
    ) -> None:
        """Tell those who watch the run how far the current step is."""
        await self.tell(Report(lines=lines, done=done, total=total, unit=unit), StepState.RUNNING)


@dataclass(frozen=True, slots=True)
class Step:
    """A named part of a job."""

    name: str
    do: Callable[[Job], Awaitable[Value | None]]
    patience_seconds: float = 300.0
    """How long to go on trying while the world is not ready."""
    margin_seconds: float = 300.0
    """How much longer than that one attempt may take before it is cut off."""
    last_exit: bool = False
    """Whether the job goes on to its end, also in a cancelled run, once this step has begun.

    Then the steps that follow see `Job.is_cancelled`, and keep or take back what was begun.
    """

    @property
    def limit_seconds(self) -> float:
        """How long one attempt may take at most."""
        return self.patience_seconds + self.margin_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of job: its steps in order, and how it ends."""

    name: str
    steps: tuple[Step, ...]
    finish: Callable[[Job, Transaction], Awaitable[Sequence[Event]]]
    """Write the new state and return what to announce, in the transaction that ends the job."""
    failed: Callable[[Job, Fall, Transaction], Awaitable[Sequence[Event]]]
    """Write the state that things were left in and return what to announce."""
    can_be_cancelled: bool = True
    """False for work that is done because a run was cancelled: cleaning up after it."""

    def next_step(self, results: Mapping[str, Any]) -> Step | None:
        """Return the first step without a result, or None when all have one."""
        return next((it for it in self.steps if it.name not in results), None)

    def is_bound(self, step: Step, results: Mapping[str, Any], *, begun: bool) -> bool:
        """Say whether the job has to go on, with this step, also when its run is cancelled."""
        if not self.can_be_cancelled:
            return True
        done = any(it.last_exit and it.name in results for it in self.steps)
        return done or (step.last_exit and begun)

    def before(self, step: str) -> list[str]:
        """Return the names of the steps before one."""
        names = [it.name for it in self.steps]
        return names[: names.index(step)]


@dataclass(frozen=True, slots=True)
class Watch:
    """Something to look after for every deployment that has it, again and again."""

    name: str
    look: Callable[[str], Awaitable[None]]
    """Called with the deployment."""
    every_seconds: float = 2.0
