"""Happenings: what people and programs are told of what happens to an operator's things.

One happening becomes a message to every endpoint that asked for its type, and a notification for
every person of the operator whom its topic concerns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from shared.contracts.happenings import (
    AilmentData,
    BackupData,
    DeploymentData,
    DomainData,
    EndpointData,
    FailureData,
    HappeningType,
    RunData,
    StepData,
    TokenData,
)

from .advice import advise
from .domain_watch import wrong_of
from .runs import RunKind, RunState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from shared.contracts.happenings import HappeningData

    from .backups import Backup
    from .deployments import Deployment
    from .dns import Check
    from .domain_watch import Watch
    from .runs import Run, RunFailure, RunStep
    from .tokens import IssuedToken
    from .webhooks import Endpoint

API: Final = "/api/v1"
PREPARING: Final = "prepare"
"""What people are told instead of the kind where a deploy makes room for a backup only."""
MOST_AILMENTS: Final = 20
"""In one body; the deployment itself lists all."""
MOST_WRONG: Final = 5
"""Records in one body; the domain itself lists all."""


class Topic(StrEnum):
    """What people may choose to be told of, or not."""

    RUN_FAILED = "run_failed"
    """A run did not reach its goal."""
    RUN_SUCCEEDED = "run_succeeded"
    """A run reached its goal."""
    RUN_CANCELLED = "run_cancelled"
    """A run was stopped."""
    HEALTH = "health"
    """A deployment is not well, or well again."""
    DOMAINS = "domains"
    """A domain does not lead here any more, or does."""
    BACKUPS = "backups"
    """The newest backup of a deployment is old."""
    WEBHOOKS = "webhooks"
    """Nothing more is sent to an endpoint."""


class Channel(StrEnum):
    """How people are told."""

    BELL = "bell"
    """In the panel."""
    EMAIL = "email"
    """By e-mail."""


USUAL: Final[Mapping[Topic, frozenset[Channel]]] = {
    Topic.RUN_FAILED: frozenset(Channel),
    Topic.RUN_SUCCEEDED: frozenset({Channel.BELL}),
    Topic.RUN_CANCELLED: frozenset({Channel.BELL}),
    Topic.HEALTH: frozenset(Channel),
    Topic.DOMAINS: frozenset(Channel),
    Topic.BACKUPS: frozenset(Channel),
    Topic.WEBHOOKS: frozenset(Channel),
}
"""How people are told who have not decided otherwise: failures by e-mail too."""
_TOPICS: Final[Mapping[HappeningType, Topic]] = {
    HappeningType.RUN_FAILED: Topic.RUN_FAILED,
    HappeningType.RUN_SUCCEEDED: Topic.RUN_SUCCEEDED,
    HappeningType.RUN_CANCELLED: Topic.RUN_CANCELLED,
    HappeningType.DEPLOYMENT_DEGRADED: Topic.HEALTH,
    HappeningType.DEPLOYMENT_RECOVERED: Topic.HEALTH,
    HappeningType.DOMAIN_VERIFIED: Topic.DOMAINS,
    HappeningType.DOMAIN_DRIFTED: Topic.DOMAINS,
    HappeningType.BACKUP_STALE: Topic.BACKUPS,
    HappeningType.ENDPOINT_DISABLED: Topic.WEBHOOKS,
}
RUN_TYPES: Final[Mapping[RunState, HappeningType]] = {
    RunState.QUEUED: HappeningType.RUN_QUEUED,
    RunState.RUNNING: HappeningType.RUN_STARTED,
    RunState.SUCCEEDED: HappeningType.RUN_SUCCEEDED,
    RunState.FAILED: HappeningType.RUN_FAILED,
    RunState.CANCELLED: HappeningType.RUN_CANCELLED,
    RunState.SUPERSEDED: HappeningType.RUN_SUPERSEDED,
}
"""What is told of a run that has come into a state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened."""

    type: HappeningType
    operator: str
    object: str
    """Id of what it happened to: what the sequence counts for."""
    data: HappeningData
    words: Mapping[str, str] = field(default_factory=dict)
    """What people are told besides; programs read it from the object."""


def topic_of(kind: HappeningType) -> Topic | None:
    """Return which topic a type belongs to, or None when people are not told of it."""
    return _TOPICS.get(kind)


def of_run(kind: HappeningType, run: Run, domain: str, step: RunStep | None = None) -> Happening:
    """Return what is told of a run."""
    failure = run.failure
    data = RunData(
        id=run.id,
        number=run.number,
        kind=run.kind.value,
        state=run.state.value,
        deployment=run.deployment,
        domain=domain,
        revision=run.revision,
        step=_step(step) if step else None,
        failure=FailureData(
            code=failure.failure.code,
            service=failure.service,
            stage=failure.stage,
            outcome=failure.outcome,
            retryable=failure.failure.retryable,
        )
        if failure
        else None,
        address=f"{API}/runs/{run.id}",
    )
    words = _words(run.kind, failure) if failure else {}
    if run.prepares:
        words = {**words, "kind": PREPARING}
    return Happening(type=kind, operator=run.operator, object=run.id, data=data, words=words)


def of_deployment(kind: HappeningType, deployment: Deployment) -> Happening:
    """Return what is told of a deployment."""
    is_ill = kind is HappeningType.DEPLOYMENT_DEGRADED
    ailments = deployment.ailments[:MOST_AILMENTS] if is_ill else ()
    data = DeploymentData(
        id=deployment.id,
        domain=deployment.domain,
        ailments=tuple(
            AilmentData(application=it.application, kind=it.kind, since=it.since) for it in ailments
        ),
        address=f"{API}/deployments/{deployment.id}",
    )
    words = {"why": " ".join(f"{it.application}: {it.message}" for it in ailments)}
    return Happening(
        type=kind,
        operator=deployment.operator,
        object=deployment.id,
        data=data,
        words=words if ailments else {},
    )


def of_backup(kind: HappeningType, backup: Backup) -> Happening:
    """Return what is told of a backup."""
    data = BackupData(
        id=backup.id,
        deployment=backup.deployment,
        domain=backup.domain,
        run=backup.run,
        bytes=backup.bytes,
        taken_at=_written(backup.taken_at) if backup.taken_at else None,
        address=f"{API}/backups/{backup.id}",
    )
    return Happening(type=kind, operator=backup.operator, object=backup.id, data=data)


def of_domain(kind: HappeningType, watch: Watch, check: Check) -> Happening:
    """Return what is told of a domain."""
    wrong = wrong_of(check.findings)[:MOST_WRONG]
    data = DomainData(
        name=watch.name,
        checked_at=_written(check.at),
        wrong=tuple(dict.fromkeys(it.wanted.name for it in wrong)),
        address=f"{API}/domains/{quote(watch.name, safe='')}",
    )
    words = {"why": " ".join(it.advice for it in wrong)} if wrong else {}
    return Happening(type=kind, operator=watch.operator, object=watch.name, data=data, words=words)


def of_token(kind: HappeningType, token: IssuedToken, operator: str) -> Happening:
    """Return what is told of a token; nothing of it opens anything."""
    data = TokenData(
        id=token.id,
        name=token.name,
        person=token.person,
        scopes=tuple(sorted(token.scopes)),
        expires_at=_written(token.expires_at) if token.expires_at else None,
        address=f"{API}/tokens/{token.id}",
    )
    return Happening(type=kind, operator=operator, object=token.id, data=data)


def of_endpoint(kind: HappeningType, endpoint: Endpoint) -> Happening:
    """Return what is told of an endpoint; of its URL, only what cannot be a secret."""
    data = EndpointData(
        id=endpoint.id,
        url=endpoint.origin,
        reason=endpoint.disabled_reason,
        address=f"{API}/webhook-endpoints/{endpoint.id}",
    )
    words = {"why": endpoint.disabled_reason} if endpoint.disabled_reason else {}
    return Happening(
        type=kind, operator=endpoint.operator, object=endpoint.id, data=data, words=words
    )


def health_change(before: Deployment, after: Deployment) -> HappeningType | None:
    """Return what is to be told of a deployment whose health was looked at, or None."""
    if bool(before.ailments) == bool(after.ailments) or after.removed_at is not None:
        return None
    if not after.ailments:
        return HappeningType.DEPLOYMENT_RECOVERED
    is_meant_to_run = after.paused_at is None and after.removal_requested_at is None
    return HappeningType.DEPLOYMENT_DEGRADED if is_meant_to_run else None


def backup_result(run: Run) -> HappeningType | None:
    """Return what is to be told of the backup that an ended run was to make, or None."""
    if run.kind is not RunKind.BACKUP:
        return None
    succeeded = run.state is RunState.SUCCEEDED
    return HappeningType.BACKUP_SUCCEEDED if succeeded else HappeningType.BACKUP_FAILED


def wanted_by(
    choices: Mapping[tuple[Topic, Channel], bool], topic: Topic, channel: Channel
) -> bool:
    """Say whether somebody who decided this wants to be told so."""
    return choices.get((topic, channel), channel in USUAL[topic])


def usual_topics(channel: Channel) -> Sequence[Topic]:
    """Return what people are told through a channel unless they decided otherwise."""
    return [topic for topic, channels in USUAL.items() if channel in channels]


def _words(kind: RunKind, failure: RunFailure) -> Mapping[str, str]:
    advice = advise(kind, failure)
    return {"why": failure.failure.message, "left": advice.left, "next": advice.next}


def _step(step: RunStep) -> StepData:
    return StepData(
        service=step.service, name=step.name, status=step.status.value, attempt=step.attempt
    )


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
