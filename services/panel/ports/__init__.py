"""What panel needs from outside, in its own words.

Everything that takes a transaction reads or writes panel's own database in it; a row that is
locked stays so until the transaction ends. Locks are taken in the order deployment, run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from shared.contracts.deployer import Ailment, ConfigDeployed
    from shared.contracts.everyone import MessageDeadLettered
    from shared.database import Transaction

    from ..domain.backups import Backup
    from ..domain.credentials import Credential
    from ..domain.dead_letters import DeadLetter, LetterState
    from ..domain.deployments import Configuration, Deployment, PastRevision, Revision
    from ..domain.identity import Caller, KnownToken, NewToken
    from ..domain.records import Deed, IdempotentAnswer, IdempotentRequest, Page
    from ..domain.runs import (
        EventBody,
        NumberedEvent,
        Receipt,
        Run,
        RunEventKind,
        RunStep,
        Standing,
    )


class IdentityRegister(Protocol):
    """Know people, operators and tokens."""

    async def add_operator(self, tx: Transaction, name: str) -> str:
        """Return the operator of this name, made if there is none."""
        ...

    async def add_owner(self, tx: Transaction, operator: str, name: str) -> str:
        """Make a person who owns the operator, and return the person's id."""
        ...

    async def appoint_provider(self, tx: Transaction, person: str) -> None:
        """Let a person act for the hosting provider as well."""
        ...

    async def find_first_owner(self, tx: Transaction, operator: str) -> tuple[str, str] | None:
        """Return the longest owner of the operator of this name, and the operator, or None."""
        ...

    async def add_token(self, tx: Transaction, token: NewToken) -> str:
        """Keep the digest of a token, and return the token's id."""
        ...

    async def find_token(self, tx: Transaction, digest: bytes) -> KnownToken | None:
        """Return the token with this digest, in whatever condition it is."""
        ...


class DeploymentRegister(Protocol):
    """Keep deployments, what they occupy, and their configurations and revisions."""

    async def add(self, tx: Transaction, deployment: Deployment) -> None:
        """Keep a new deployment."""
        ...

    async def find(self, tx: Transaction, deployment: str) -> Deployment | None:
        """Return a deployment, or None."""
        ...

    async def lock(self, tx: Transaction, deployment: str) -> Deployment | None:
        """Return a deployment that nobody else changes until the transaction ends, or None."""
        ...

    async def list_newest(
        self, tx: Transaction, operator: str, page: Page, *, removed: bool
    ) -> Sequence[Deployment]:
        """Return an operator's deployments, those that were removed only if asked for."""
        ...

    async def save(self, tx: Transaction, deployment: Deployment) -> None:
        """Write what can change of a deployment."""
        ...

    async def claim_domain(self, tx: Transaction, operator: str, domain: str) -> None:
        """Make the domain the operator's, or raise ConflictError when any of it is another's."""
        ...

    async def reserve_hosts(
        self, tx: Transaction, deployment: str, hosts: Mapping[str, str]
    ) -> Sequence[str]:
        """Let a deployment hold exactly these hosts (host → application); return those taken."""
        ...

    async def release_names(self, tx: Transaction, deployment: Deployment) -> None:
        """Free the deployment's hosts, and its domain when nothing else of the operator uses it."""
        ...

    async def stage(self, tx: Transaction, configuration: Configuration) -> None:
        """Replace what is staged."""
        ...

    async def find_configuration(self, tx: Transaction, deployment: str) -> Configuration | None:
        """Return what is staged, or None."""
        ...

    async def find_configurations(
        self, tx: Transaction, deployments: Sequence[str]
    ) -> Mapping[str, Configuration]:
        """Return what is staged for each of several deployments."""
        ...

    async def add_revision(self, tx: Transaction, revision: Revision, *, by: str) -> None:
        """Keep a new revision."""
        ...

    async def find_revision(
        self, tx: Transaction, deployment: str, number: int | None = None
    ) -> Revision | None:
        """Return a revision, the newest without a number, or None."""
        ...

    async def list_revisions(
        self, tx: Transaction, deployment: str, *, since: int, also: Sequence[int]
    ) -> Sequence[Revision]:
        """Return the revisions from a number on, and those of some other numbers, in order."""
        ...

    async def list_history(
        self, tx: Transaction, deployment: str, *, limit: int, before: int | None = None
    ) -> Sequence[PastRevision]:
        """Return the revisions of a deployment with who made them, newest first."""
        ...

    async def mark_deployed(self, tx: Transaction, deployment: str, revision: int) -> None:
        """Record that this revision is what answers from outside now."""
        ...

    async def note_running(self, tx: Transaction, deployment: str, revision: int, run: str) -> None:
        """Record that a run brought this revision to run, unless a later one brought another."""
        ...

    async def note_health(
        self, tx: Transaction, deployment: str, ailments: Sequence[Ailment], at: datetime
    ) -> None:
        """Record what is wrong with a deployment, unless something newer is known."""
        ...


class RunRegister(Protocol):
    """Keep runs, their steps and their numbered events."""

    async def add(self, tx: Transaction, run: Run, steps: Sequence[RunStep]) -> Run:
        """Keep a new run and its steps, and return it with its display number."""
        ...

    async def find(self, tx: Transaction, run: str) -> Run | None:
        """Return a run, or None."""
        ...

    async def lock(self, tx: Transaction, run: str) -> Run | None:
        """Return a run that nobody else changes until the transaction ends, or None."""
        ...

    async def save(self, tx: Transaction, run: Run) -> None:
        """Write what can change of a run, but for its sequence."""
        ...

    async def list_newest(self, tx: Transaction, deployment: str, page: Page) -> Sequence[Run]:
        """Return a deployment's runs."""
        ...

    async def list_receipts(self, tx: Transaction, deployment: str) -> Sequence[Receipt]:
        """Return what every removal of a deployment took away so far, oldest first."""
        ...

    async def list_unfinished(self, tx: Transaction, deployment: str) -> Sequence[Run]:
        """Return a deployment's runs that have not ended, locked, oldest first."""
        ...

    async def list_waiting_for(self, tx: Transaction, run: str) -> Sequence[Run]:
        """Return the runs that were to begin after a run, oldest first."""
        ...

    async def find_restoring(self, tx: Transaction, backup: str) -> Run | None:
        """Return a run that brings a backup back and has not ended, or None."""
        ...

    async def was_activated(self, tx: Transaction, deployment: str) -> bool:
        """Say whether any run has begun to bring applications of a deployment to run."""
        ...

    async def standings(
        self, tx: Transaction, deployments: Sequence[str]
    ) -> Mapping[str, Standing]:
        """Return what the runs of each deployment say about it."""
        ...

    async def list_steps(self, tx: Transaction, run: str) -> Sequence[RunStep]:
        """Return the steps of a run in order."""
        ...

    async def save_step(self, tx: Transaction, run: str, step: RunStep) -> RunStep | None:
        """Write a step unless it is settled; return it as it is now, or None when settled.

        Its times are the database's: it starts when it first leaves pending, and ends with
        success, failure or being skipped.
        """
        ...

    async def note_progress(self, tx: Transaction, run: str, place: int) -> bool:
        """Record how far the stream of progress was read; False when it was further before."""
        ...

    async def append(self, tx: Transaction, run: str, kind: RunEventKind, body: EventBody) -> None:
        """Add an event under the run's next number."""
        ...

    async def list_events(
        self,
        tx: Transaction,
        run: str,
        *,
        after: int,
        limit: int,
        kind: RunEventKind | None = None,
    ) -> Sequence[NumberedEvent]:
        """Return a run's events after a number, in order, of one kind if that is given."""
        ...

    async def newest_sequences(self, tx: Transaction, runs: Sequence[str]) -> Mapping[str, int]:
        """Return the number of the newest event of each run."""
        ...


class BackupRegister(Protocol):
    """Keep what is known of backups, those of removed deployments too.

    A backup is locked after everything else.
    """

    async def add(self, tx: Transaction, backup: Backup) -> None:
        """Keep a backup that is to be made."""
        ...

    async def find(self, tx: Transaction, backup: str) -> Backup | None:
        """Return a backup, or None."""
        ...

    async def lock(self, tx: Transaction, backup: str) -> Backup | None:
        """Return a backup that nobody else changes until the transaction ends, or None."""
        ...

    async def save(self, tx: Transaction, backup: Backup) -> None:
        """Write what can change of a backup."""
        ...

    async def find_complete(self, tx: Transaction, deployment: str) -> Backup | None:
        """Return the newest backup of a deployment that can be brought back, or None."""
        ...

    async def list_newest(
        self, tx: Transaction, operator: str, page: Page, *, deployment: str | None, removed: bool
    ) -> Sequence[Backup]:
        """Return an operator's backups, of one deployment or all; removed ones if asked for."""
        ...

    async def claim_stale(
        self, tx: Transaction, now: datetime, before: datetime, most: int
    ) -> Sequence[Backup]:
        """Return what is the newest of its deployment, from before then, and was never told of.

        From now on it was: each is returned once.
        """
        ...


class CredentialRegister(Protocol):
    """Keep how operators sign in to applications for the first time."""

    async def keep(self, tx: Transaction, event: ConfigDeployed) -> None:
        """Keep the credentials that deployer tells.

        What is kept for an application gives way to what a later run tells, and to nothing else.
        """
        ...

    async def list_all(self, tx: Transaction, deployment: str) -> Sequence[Credential]:
        """Return the credentials of a deployment, by application."""
        ...

    async def forget_password(self, tx: Transaction, deployment: str, application: str) -> None:
        """Keep no password of an application any more, only that there was one."""
        ...

    async def forget_all(self, tx: Transaction, deployment: str) -> None:
        """Keep nothing of a deployment any more."""
        ...


class DeadLetterRegister(Protocol):
    """Know which messages could not be handled: announced by others, and panel's own."""

    async def announce(self, tx: Transaction, event: MessageDeadLettered) -> None:
        """Keep what a service announced; announced again, it waits again."""
        ...

    async def find(self, tx: Transaction, letter: str) -> DeadLetter | None:
        """Return a dead letter, locked, or None."""
        ...

    async def list_newest(
        self, tx: Transaction, page: Page, *, waiting: bool
    ) -> Sequence[DeadLetter]:
        """Return dead letters, those that wait for a decision or all."""
        ...

    async def decide(self, tx: Transaction, letter: str, state: LetterState) -> None:
        """Record the decision about a dead letter of another service."""
        ...

    async def find_waiting_of_run(self, tx: Transaction, run: str) -> str | None:
        """Return a dead letter that keeps a run from going on, or None."""
        ...


class IdempotencyLedger(Protocol):
    """Remember what was answered under a key."""

    async def claim(self, tx: Transaction, request: IdempotentRequest) -> IdempotentAnswer | None:
        """Take a key, or return what was answered under it.

        Waits a moment for a transaction that holds the same key. Keys are forgotten after a day.

        Raises:
            InvalidError: the key was used with another body.
            StillRunningError: another transaction still holds the key.
        """
        ...

    async def keep(
        self, tx: Transaction, request: IdempotentRequest, answer: IdempotentAnswer
    ) -> None:
        """Remember an answer under the key claimed in this transaction."""
        ...

    async def forget(self, tx: Transaction, before: datetime, most: int) -> int:
        """Delete what was answered before; return how many there were."""
        ...


class AuditTrail(Protocol):
    """Keep who did what."""

    async def record(self, tx: Transaction, caller: Caller | None, deed: Deed) -> None:
        """Write down one deed; nothing is ever changed or deleted."""
        ...


class OutsideView(Protocol):
    """See the applications as the world sees them."""

    async def look(self, url: str) -> None:
        """Fetch a URL from outside.

        Raises:
            UnavailableError: it did not answer with success; the message says what it did.
        """
        ...
