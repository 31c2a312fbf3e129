"""Wording: what runs and their steps are called where people read about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ...domain.runs import RunKind, RunState
from ..languages import N_
from ..languages import gettext as _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...domain.runs import Run


@dataclass(frozen=True, slots=True)
class KindWords:
    """What a kind of run is called, and how it is said while it goes on and after."""

    name: str
    going_on: str
    """With `%(domain)s`."""
    done: str
    """With `%(domain)s`."""
    icon: str


KINDS: Final[Mapping[RunKind, KindWords]] = {
    RunKind.DEPLOY: KindWords(
        N_("Deploy"), N_("Deploying %(domain)s"), N_("%(domain)s is deployed"), "send"
    ),
    RunKind.REMOVE: KindWords(
        N_("Remove"), N_("Removing %(domain)s"), N_("%(domain)s is removed"), "trash-2"
    ),
    RunKind.BACKUP: KindWords(
        N_("Back up"), N_("Backing up %(domain)s"), N_("%(domain)s is backed up"), "archive"
    ),
    RunKind.RESTORE: KindWords(
        N_("Restore"), N_("Restoring %(domain)s"), N_("%(domain)s is restored"), "archive-restore"
    ),
    RunKind.REMOVE_BACKUP: KindWords(
        N_("Remove a backup"),
        N_("Removing a backup of %(domain)s"),
        N_("A backup of %(domain)s is removed"),
        "trash-2",
    ),
    RunKind.RESTART: KindWords(
        N_("Restart"), N_("Restarting %(domain)s"), N_("%(domain)s is restarted"), "rotate-cw"
    ),
    RunKind.PAUSE: KindWords(
        N_("Pause"), N_("Pausing %(domain)s"), N_("%(domain)s is paused"), "circle-pause"
    ),
    RunKind.RESUME: KindWords(
        N_("Resume"), N_("Resuming %(domain)s"), N_("%(domain)s goes on"), "circle-play"
    ),
}
_PREPARING: Final = KindWords(
    N_("Prepare"), N_("Preparing %(domain)s"), N_("%(domain)s is prepared"), "send"
)
_NOT_DONE: Final[Mapping[RunState, str]] = {
    RunState.QUEUED: N_("%(what)s waits for its turn"),
    RunState.CANCELLING: N_("%(what)s is being stopped"),
    RunState.FAILED: N_("%(what)s failed"),
    RunState.CANCELLED: N_("%(what)s was cancelled"),
    RunState.SUPERSEDED: N_("%(what)s was overtaken by a newer wish"),
}
_STEPS: Final[Mapping[str, str]] = {
    "provisioner.image": N_("Prepare the disk"),
    "provisioner.machine": N_("Make the machine"),
    "provisioner.boot": N_("Start the machine"),
    "provisioner.record": N_("Publish the names"),
    "provisioner.route": N_("Open the way in from outside"),
    "provisioner.maintenance": N_("Tell visitors"),
    "storage.bucket": N_("Make room in the store"),
    "storage.key": N_("Hand out access to the store"),
    "storage.verify": N_("Check that the backup is whole"),
    "storage.objects": N_("Copy the files in the store"),
    "storage.index": N_("Write the list of contents"),
    "storage.prune": N_("Tidy up"),
    "storage.revoke": N_("Take temporary access back"),
    "deployer.build": N_("Build the system"),
    "deployer.copy": N_("Bring the system to the machine"),
    "deployer.secrets": N_("Hand over secrets"),
    "deployer.switch": N_("Start the applications"),
    "deployer.health": N_("Wait until they are well"),
    "deployer.export": N_("Save what the applications hold"),
    "deployer.verify": N_("Check the backup"),
    "deployer.stop": N_("Stop the applications"),
    "deployer.import": N_("Bring the backup in"),
    "deployer.start": N_("Start the applications"),
    "deployer.quiesce": N_("Let work in progress end"),
    "panel.check": N_("Look from outside"),
    "remove.provisioner.route": N_("Close the way in from outside"),
    "remove.provisioner.record": N_("Take the names back"),
    "remove.provisioner.machine": N_("Remove the machine"),
    "remove.storage.key": N_("Withdraw access to the store"),
    "remove.storage.bucket": N_("Set the files aside"),
    "remove.deployer.secrets": N_("Forget the secrets"),
    "remove_backup.storage.bucket": N_("Delete the backup"),
    "backup.storage.bucket": N_("Make room for the backup"),
}
"""By service and step; a kind of run before them where it means something else there."""


def kind(run: Run) -> str:
    """Return what the kind of a run is called."""
    return _(_words(run).name)


def icon(run: Run) -> str:
    """Return the drawing of the kind of a run."""
    return _words(run).icon


def headline(run: Run, domain: str) -> str:
    """Return what a run is about and how it stands, in one line."""
    words = _words(run)
    if run.state is RunState.SUCCEEDED:
        return _(words.done) % {"domain": domain}
    going_on = _(words.going_on) % {"domain": domain}
    if run.state is RunState.RUNNING:
        return going_on
    return _(_NOT_DONE[run.state]) % {"what": going_on}


def step(of: RunKind, service: str, name: str) -> str:
    """Return what a step is called; one that is not known here says its own name."""
    plain = f"{service}.{name}"
    found = _STEPS.get(f"{of.value}.{plain}") or _STEPS.get(plain)
    return _(found) if found else name


def _words(run: Run) -> KindWords:
    return _PREPARING if run.prepares else KINDS[run.kind]
