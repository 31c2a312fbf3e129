"""Notifications: what one person is told, in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from shared.contracts.happenings import (
    BackupData,
    DeploymentData,
    DomainData,
    EndpointData,
    HappeningType,
    RunData,
)

from .failures import ailing, otherwise, why
from .happenings import PREPARING
from .kept_sentences import recalled
from .runs import RunKind
from .sentences import N_, retell, say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from shared.contracts.happenings import HappeningData


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A person to be told something, and how."""

    person: str
    in_bell: bool
    by_email: bool

    def without_mail(self) -> Reader:
        """Return the reader where no mails can be sent."""
        return replace(self, by_email=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One happening for one person."""

    id: str
    type: HappeningType
    data: HappeningData
    words: Mapping[str, str]
    created_at: datetime
    read_at: datetime | None = None

    @property
    def page(self) -> str:
        """Path of the page about it."""
        match self.data:
            case RunData(id=run):
                return f"/runs/{run}"
            case DeploymentData(id=deployment):
                return f"/deployments/{deployment}"
            case BackupData(deployment=deployment):
                return f"/deployments/{deployment}/backups"
            case DomainData(name=name):
                return f"/domains/{quote(name, safe='')}"
            case EndpointData(id=endpoint):
                return f"/settings/webhooks/{endpoint}"
            case _:
                return "/"

    def title(self, translate: Callable[[str], str]) -> str:
        """Return in a sentence what happened."""
        if isinstance(self.data, RunData):
            kind = self.words.get("kind", self.data.kind)
            sentence = _RUNS[self.type].get(kind, _OTHER_RUN[self.type])
            return translate(sentence).format(domain=self.data.domain, number=self.data.number)
        if isinstance(self.data, DeploymentData):
            return translate(_DEPLOYMENT[self.type]).format(domain=self.data.domain)
        if isinstance(self.data, DomainData):
            return translate(_DOMAIN[self.type]).format(domain=self.data.name)
        if isinstance(self.data, BackupData):
            return translate(_STALE).format(domain=self.data.domain)
        if isinstance(self.data, EndpointData):
            return translate(_ENDPOINT).format(url=self.data.url)
        return self.type.value

    def why(self, translate: Callable[[str], str]) -> str:
        """Return the reason; empty where none is needed."""
        given = self.words.get("why", "")
        if isinstance(self.data, RunData) and self.data.failure is not None:
            return why(self.data.failure.code, given, translate)
        if isinstance(self.data, DeploymentData):
            return otherwise(given, ailing(self.data.ailments), translate)
        if isinstance(self.data, DomainData) and self.data.wrong:
            names = ", ".join(self.data.wrong)
            return otherwise(given, say(_ASTRAY, names=names), translate)
        return retell(recalled(given), translate)

    @property
    def left(self) -> str:
        """How things are now, in English; empty where that needs no words."""
        return self.words.get("left", "")

    @property
    def next(self) -> str:
        """What can be done now, in English; empty where nothing has to be."""
        return self.words.get("next", "")

    @property
    def is_bad(self) -> bool:
        """Whether somebody has to look."""
        return self.type in _BAD


_BAD: Final = frozenset(
    {
        HappeningType.RUN_FAILED,
        HappeningType.DEPLOYMENT_DEGRADED,
        HappeningType.DOMAIN_DRIFTED,
        HappeningType.BACKUP_STALE,
        HappeningType.ENDPOINT_DISABLED,
    }
)
_ENDPOINT: Final = N_("Webhooks to {url} were switched off")
_ASTRAY: Final = N_("These names do not lead here any more: {names}.")
_STALE: Final = N_("It is long since {domain} was backed up")
_DOMAIN: Final[Mapping[HappeningType, str]] = {
    HappeningType.DOMAIN_VERIFIED: N_("All records of {domain} are set"),
    HappeningType.DOMAIN_DRIFTED: N_("Records of {domain} are not right any more"),
}
_DEPLOYMENT: Final[Mapping[HappeningType, str]] = {
    HappeningType.DEPLOYMENT_DEGRADED: N_("{domain} is not well"),
    HappeningType.DEPLOYMENT_RECOVERED: N_("{domain} is well again"),
}
_RUNS: Final[Mapping[HappeningType, Mapping[str, str]]] = {
    HappeningType.RUN_SUCCEEDED: {
        RunKind.DEPLOY: N_("{domain} was deployed (run {number})"),
        PREPARING: N_("{domain} is prepared (run {number})"),
        RunKind.REMOVE: N_("{domain} was removed (run {number})"),
        RunKind.BACKUP: N_("{domain} was backed up (run {number})"),
        RunKind.RESTORE: N_("{domain} was restored from a backup (run {number})"),
        RunKind.REMOVE_BACKUP: N_("A backup of {domain} was removed (run {number})"),
        RunKind.RESTART: N_("{domain} was restarted (run {number})"),
        RunKind.PAUSE: N_("{domain} is paused (run {number})"),
        RunKind.RESUME: N_("{domain} goes on (run {number})"),
    },
    HappeningType.RUN_FAILED: {
        RunKind.DEPLOY: N_("Deploying {domain} failed (run {number})"),
        PREPARING: N_("Preparing {domain} failed (run {number})"),
        RunKind.REMOVE: N_("Removing {domain} failed (run {number})"),
        RunKind.BACKUP: N_("Backing up {domain} failed (run {number})"),
        RunKind.RESTORE: N_("Restoring {domain} from a backup failed (run {number})"),
        RunKind.REMOVE_BACKUP: N_("Removing a backup of {domain} failed (run {number})"),
        RunKind.RESTART: N_("Restarting {domain} failed (run {number})"),
        RunKind.PAUSE: N_("Pausing {domain} failed (run {number})"),
        RunKind.RESUME: N_("Resuming {domain} failed (run {number})"),
    },
    HappeningType.RUN_CANCELLED: {
        RunKind.DEPLOY: N_("Deploying {domain} was cancelled (run {number})"),
        PREPARING: N_("Preparing {domain} was cancelled (run {number})"),
        RunKind.BACKUP: N_("Backing up {domain} was cancelled (run {number})"),
        RunKind.RESTORE: N_("Restoring {domain} from a backup was cancelled (run {number})"),
        RunKind.RESTART: N_("Restarting {domain} was cancelled (run {number})"),
        RunKind.PAUSE: N_("Pausing {domain} was cancelled (run {number})"),
        RunKind.RESUME: N_("Resuming {domain} was cancelled (run {number})"),
    },
}
_OTHER_RUN: Final[Mapping[HappeningType, str]] = {
    HappeningType.RUN_SUCCEEDED: N_("Run {number} of {domain} succeeded"),
    HappeningType.RUN_FAILED: N_("Run {number} of {domain} failed"),
    HappeningType.RUN_CANCELLED: N_("Run {number} of {domain} was cancelled"),
}
