"""Advice: how a run that did not reach its goal left things, and what a person can do now.

What one service says of itself is not the whole story: it may have changed nothing while others
had made a machine and a bucket before. So the state is told from all that a run has done. Every
sentence stands here, whole, and is its own key for translators.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared.contracts.failures import Outcome

from .runs import RunKind
from .sentences import N_

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .runs import RunFailure

CANCELLED: Final = "cancelled"
"""Code of the failure with which a service answers that it stopped because a person asked."""
NOT_BEGUN: Final = "run.not_begun"
"""Code of the failure of a run whose predecessor did not succeed."""
START: Final = "start"
"""The stage of a run that could not be started: no service has heard of it."""
CHECK: Final = "check"
"""The stage at which panel looks from outside."""

AS_BEFORE: Final = N_("Your applications are as they were before.")
UNTOUCHED: Final = N_("Nothing was changed.")
UNDONE: Final = N_("It was undone: your applications are as they were before.")
STUCK: Final = N_("It could not be undone either.")
MAY_STAND_STILL: Final = N_("Your applications may stand still now.")
MAY_DIFFER: Final = N_(
    "Some of it was changed, and not all of your applications may run as before."
)
MACHINE_EXISTS: Final = N_("Some of it exists, such as its machine, but no application runs yet.")
MAY_EXIST: Final = N_("Some of it may exist already, but no application runs yet.")
SOME_RUN: Final = N_("Some of it exists, and some of the applications may run already.")
NOT_LED_TO: Final = N_("The applications run, but what leads visitors to them is not complete.")
NOT_SEEN: Final = N_("The applications run, but do not answer from outside yet.")
HALF_RESTORED: Final = N_(
    "The applications have the state of the backup, but some of their files may not."
)
NO_BACKUP: Final = N_("No backup was made. Your applications were not touched.")
BACKUP_AS_BEFORE: Final = N_("The backup is as it was before.")
BACKUP_MAY_BE_GONE: Final = N_("Some of the backup may be gone already.")
MAY_BE_GONE: Final = N_("Some of it may be gone already, and the rest is still there.")
NOT_SAID: Final = N_("The applications stand still, but visitors are not told so yet.")
STILL_SAID: Final = N_("The applications run, but visitors may still be told that they are paused.")

EARLIER: Final = N_("Try the run that it waited for again: this one is then queued again.")
LOOK: Final = N_("Tell the hosting provider: a person has to look at the machine.")
AGAIN: Final = N_("Try again. If that does not help, ask the hosting provider.")
AGAIN_OR_REMOVE: Final = N_("Try again, or remove the deployment.")
STOPPED: Final = N_("Try again when you like.")
CONFIGURE: Final = N_("Change the configuration, then deploy again.")
CONFIGURE_OR_REMOVE: Final = N_("Change the configuration and deploy again, or remove it all.")
SUSPECT: Final = N_(
    "See whether the configuration is right, then deploy again. If it is, ask the hosting provider."
)
RECORDS: Final = N_("Check the records of the domain, then try again.")
DEPLOY_FIRST: Final = N_("Deploy what is configured, then try again.")
ANOTHER_BACKUP: Final = N_("Choose another backup, or ask the hosting provider.")
LATER: Final = N_("Try again when the restore that reads this backup has ended.")
ASK: Final = N_("Ask the hosting provider to look at it, then try again.")
ASK_OR_REMOVE: Final = N_(
    "Ask the hosting provider to look at it and try again, or remove the deployment."
)

CONFIGURED: Final = frozenset(
    {
        ("provisioner", "placement.too_large"),
        ("provisioner", "provider.no_zone"),
        ("provisioner", "route.host_taken"),
        ("deployer", "machine.disk_full"),
        ("deployer", "permit.held_elsewhere"),
        ("panel", "host.taken"),
    }
)
"""Services and codes of what another configuration mends."""
SUSPECTED: Final = frozenset(
    {("deployer", "deployment.not_kept"), ("provisioner", "machine.memory_full")}
)
"""Services and codes of what the configuration may have caused."""
TRANSIENT: Final = frozenset(
    {
        "backup.export_differs",
        "backup.manifest_differs",
        "backup.not_exported",
        "backup.over",
        "bucket.withdrawn",
        "permit.overtaken",
        "restore.over",
    }
)
"""Codes of what a new run makes anew, although the same attempt could not have succeeded."""
UNDEPLOYED: Final = frozenset(
    {
        "application.not_deployed",
        "backup.bucket_missing",
        "deployment.nothing_deployed",
        "deployment.nothing_runs",
        "secret.missing",
        "state.unreadable",
        "version.differs",
    }
)
"""Codes of what a deploy has to come before."""
UNFIT: Final = frozenset(
    {
        "application.not_healthy",
        "application.not_restored",
        "backup.application_missing",
        "backup.damaged",
        "backup.incomplete",
        "backup.unknown",
        "export.incomplete",
        "secret.differs",
    }
)
"""Codes of what another backup can help against."""


@dataclass(frozen=True, slots=True)
class Advice:
    """How things are after a failure, and what can be done; sentences in English."""

    left: str
    next: str

    @property
    def is_about_configuration(self) -> bool:
        """Whether the way on leads over the configuration."""
        return self.next in {CONFIGURE, CONFIGURE_OR_REMOVE, SUSPECT}


def advise(kind: RunKind, failure: RunFailure) -> Advice:
    """Return how a failed run of this kind left things, and what can be done."""
    return Advice(_left(kind, failure), _next(kind, failure))


def _left(kind: RunKind, failure: RunFailure) -> str:
    if failure.service == "panel" and failure.stage == START:
        return UNTOUCHED
    if failure.outcome is Outcome.ROLLBACK_FAILED:
        return STUCK
    if kind is RunKind.DEPLOY:
        return _left_by_deploy(failure)
    if kind is RunKind.REMOVE_BACKUP:
        return BACKUP_AS_BEFORE if failure.outcome is Outcome.UNCHANGED else BACKUP_MAY_BE_GONE
    if kind in _WHATEVER_WAS_DONE:
        return _WHATEVER_WAS_DONE[kind]
    done = [_ONCE_DONE[it] for it in failure.answered if it in _ONCE_DONE]
    return done[-1] if done else _BEFORE[failure.outcome]


def _left_by_deploy(failure: RunFailure) -> str:
    if "RoutePublished" in failure.answered:
        return NOT_SEEN
    if "ConfigDeployed" in failure.answered:
        return NOT_LED_TO
    if failure.is_first:
        if failure.service == "deployer" and failure.outcome is Outcome.PARTIAL:
            return MAY_EXIST if failure.failure.code == CANCELLED else SOME_RUN
        return MACHINE_EXISTS if "VMReady" in failure.answered else MAY_EXIST
    if failure.outcome is Outcome.PARTIAL:
        # Applications notice nothing of a bucket before deployer tells them of it.
        return AS_BEFORE if failure.service == "storage" else MAY_DIFFER
    return UNDONE if failure.outcome is Outcome.ROLLED_BACK else AS_BEFORE


def _next(kind: RunKind, failure: RunFailure) -> str:
    code = failure.failure.code
    if failure.outcome is Outcome.ROLLBACK_FAILED:
        return LOOK
    if code in _WHATEVER_FAILED:
        return _WHATEVER_FAILED[code]
    if kind is RunKind.DEPLOY:
        return _next_to_deploy(failure)
    if code in UNDEPLOYED:
        return DEPLOY_FIRST
    if kind is RunKind.RESTORE and code in UNFIT:
        return ANOTHER_BACKUP
    return _again(failure)


def _next_to_deploy(failure: RunFailure) -> str:
    place = (failure.service, failure.failure.code)
    if place in CONFIGURED:
        return CONFIGURE_OR_REMOVE if failure.is_first else CONFIGURE
    if place in SUSPECTED:
        return SUSPECT
    if failure.service == "panel" and failure.stage == CHECK:
        return RECORDS
    if failure.is_first:
        return AGAIN_OR_REMOVE if _may_help(failure) else ASK_OR_REMOVE
    return _again(failure)


def _again(failure: RunFailure) -> str:
    if failure.failure.code == CANCELLED:
        return STOPPED
    return AGAIN if _may_help(failure) else ASK


def _may_help(failure: RunFailure) -> bool:
    """Say whether the same again may succeed without anybody doing anything."""
    found = failure.failure
    return found.retryable or found.code == CANCELLED or found.code in TRANSIENT


_WHATEVER_WAS_DONE: Final[Mapping[RunKind, str]] = {
    RunKind.REMOVE: MAY_BE_GONE,
    RunKind.BACKUP: NO_BACKUP,
}
_ONCE_DONE: Final[Mapping[str, str]] = {
    "StateImported": HALF_RESTORED,
    "ApplicationQuiesced": NOT_SAID,
    "ApplicationResumed": STILL_SAID,
}
"""What is true once a part of a run that moves applications is done."""
_BEFORE: Final[Mapping[Outcome, str]] = {
    Outcome.UNCHANGED: AS_BEFORE,
    Outcome.ROLLED_BACK: UNDONE,
    Outcome.PARTIAL: MAY_STAND_STILL,
}
"""What is true before any part of it is done."""
_WHATEVER_FAILED: Final[Mapping[str, str]] = {NOT_BEGUN: EARLIER, "backup.lent": LATER}
