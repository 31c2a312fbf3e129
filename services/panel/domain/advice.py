"""Advice: what a person can do now that a run did not reach its goal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.contracts.failures import Outcome

from .runs import RunKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .runs import RunFailure

CANCELLED: Final = "cancelled"
"""Code of the failure with which a service answers that it stopped because a person asked."""
NOT_BEGUN: Final = "run.not_begun"
"""Code of the failure of a run whose predecessor did not succeed."""
_STATE: Final[Mapping[Outcome, str]] = {
    Outcome.UNCHANGED: "Nothing was changed.",
    Outcome.ROLLED_BACK: "The earlier state is back.",
    Outcome.PARTIAL: "Some of it was done.",
}
_INSTEAD: Final[Mapping[RunKind, str]] = {
    RunKind.DEPLOY: "Change the configuration, then deploy again.",
    RunKind.RESTORE: "Choose another backup, or ask the hosting provider.",
}
_ASK: Final = "Trying the same again does not help: ask the hosting provider."


def next_step(kind: RunKind, failure: RunFailure) -> str:
    """Return what can be done after a failure of a run of this kind."""
    if failure.failure.code == NOT_BEGUN:
        return "Try the run that it waited for again: this one is then queued again."
    if failure.outcome is Outcome.ROLLBACK_FAILED:
        return "Tell the hosting provider: a person has to look at the machine."
    may_help = failure.failure.retryable or failure.failure.code == CANCELLED
    advice = "Try again." if may_help else _INSTEAD.get(kind, _ASK)
    if kind is RunKind.DEPLOY and failure.outcome is Outcome.PARTIAL:
        return f"Some of it exists. {advice} Or remove the deployment."
    return f"{_STATE[failure.outcome]} {advice}"
