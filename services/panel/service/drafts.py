"""Drafts: a new deployment is described page by page, kept between them, and deployed at the end.

Nothing is reserved before the end: what was free may have been taken meanwhile, and is then told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from shared import errors, ids

from ..domain import names as domain_names
from ..domain.drafts import MOST_DRAFTS, Draft, DraftedApplication
from ..domain.identity import Scope
from ..domain.records import Deed
from ..domain.sentences import N_, say
from .configurations import SECRETS_READER, ApplicationWish

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from shared.clock import Clock
    from shared.contracts.deployments import Options
    from shared.database import Transaction
    from shared.sealing import Sealer

    from ..domain.identity import Caller
    from ..domain.names import NameRules
    from ..ports import AuditTrail
    from ..ports.drafts import DraftRegister
    from ..ports.people import PersonRegister
    from .configurations import Configurations
    from .offer import Offer
    from .requests import RunDetails
    from .runs import Runs


SITTING: Final = timedelta(minutes=10)
"""What one person writes without a longer pause is one deed, however often it is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledIn:
    """What was filled in for one application."""

    application: str
    host: str
    entries: Mapping[str, Sequence[str]]
    secrets: Mapping[str, str]
    """In clear, to be sealed at once; those that are not given again stay what they are."""
    is_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafts:
    """Describe new deployments."""

    drafts: DraftRegister
    people: PersonRegister
    configurations: Configurations
    runs: Runs
    offer: Offer
    names: NameRules
    sealer: Sealer
    audit: AuditTrail
    clock: Clock

    async def begin(self, tx: Transaction, caller: Caller, domain: str) -> Draft:
        """Begin a draft for a domain."""
        caller.require(Scope.WRITE)
        name = await self._usable(tx, caller, domain)
        await self.people.lock_operator(tx, caller.operator)
        if len(await self.drafts.list_open(tx, caller.operator)) >= MOST_DRAFTS:
            raise errors.QuotaExceededError(
                "draft.too_many",
                say(
                    "There are {most} drafts already. Deploy or discard one of them first.",
                    most=MOST_DRAFTS,
                ),
            )
        now = self.clock.now()
        draft = Draft(
            id=ids.new_id(),
            operator=caller.operator,
            domain=name,
            created_at=now,
            saved_at=now,
            saved_by=caller.person_name,
        )
        await self.drafts.add(tx, draft, by=caller.person)
        await self._write_down(tx, caller, draft, "created")
        return draft

    async def list_open(self, tx: Transaction, caller: Caller) -> Sequence[Draft]:
        """Return the operator's drafts that were not deployed, newest first."""
        caller.require(Scope.READ)
        return await self.drafts.list_open(tx, caller.operator)

    async def get(self, tx: Transaction, caller: Caller, draft: str) -> Draft:
        """Return a draft of the caller's operator."""
        caller.require(Scope.WRITE)
        return _owned(await self.drafts.find(tx, draft), caller)

    async def rename(
        self, tx: Transaction, caller: Caller, draft: str, domain: str, *, expected: Collection[int]
    ) -> Draft:
        """Choose another domain; hosts that were chosen below the former are chosen anew."""
        found = await self._open(tx, caller, draft, expected)
        name = await self._usable(tx, caller, domain)
        if name == found.domain:
            return found
        kept = tuple(
            replace(it, host="", is_complete=False) if it.host else it for it in found.applications
        )
        return await self._save(tx, caller, replace(found, domain=name, applications=kept))

    async def choose(
        self,
        tx: Transaction,
        caller: Caller,
        draft: str,
        applications: Sequence[str],
        *,
        expected: Collection[int],
    ) -> Draft:
        """Choose the applications."""
        found = await self._open(tx, caller, draft, expected)
        if not applications:
            message = N_("Choose at least one application.")
            raise errors.InvalidError("draft.empty", message, details={"/applications": message})
        for it in applications:
            self.offer.choose(it)
        return await self._save(tx, caller, found.with_applications(applications))

    async def fill(
        self,
        tx: Transaction,
        caller: Caller,
        draft: str,
        filled: FilledIn,
        *,
        expected: Collection[int],
    ) -> Draft:
        """Keep what was filled in for one application, complete or not."""
        found = await self._open(tx, caller, draft, expected)
        before = found.find(filled.application)
        sealed = {
            name: self.sealer.seal(SECRETS_READER, value) for name, value in filled.secrets.items()
        }
        changed = DraftedApplication(
            application=filled.application,
            host=filled.host,
            entries=filled.entries,
            sealed_options={**before.sealed_options, **sealed},
            is_complete=filled.is_complete,
        )
        return await self._save(tx, caller, found.filled(changed))

    async def keep(
        self,
        tx: Transaction,
        caller: Caller,
        draft: str,
        filled: FilledIn,
        *,
        expected: Collection[int],
    ) -> Draft:
        """Keep what stands in a form while somebody still writes in it, but no secrets.

        What is kept already changes nothing, so a request may come twice.
        """
        caller.require(Scope.WRITE)
        found = _owned(await self.drafts.lock(tx, draft), caller)
        found.require_open()
        before = found.find(filled.application)
        if before.holds(filled.host, filled.entries):
            return found
        found.require_expected(expected)
        changed = replace(
            before,
            host=filled.host,
            entries=filled.entries,
            is_complete=before.is_complete and filled.is_complete,
        )
        is_same_hand = found.saved_by == caller.person_name
        is_same_sitting = is_same_hand and self.clock.now() - found.saved_at < SITTING
        return await self._save(tx, caller, found.filled(changed), is_noted=not is_same_sitting)

    def objection_to_host(self, draft: Draft, application: str, host: str) -> str:
        """Say what is wrong with the host of an application; empty: nothing that is known now."""
        offered = self.offer.choose(application)
        try:
            name = self.names.check_host(
                host or f"{offered.host_label}.{draft.domain}", draft.domain
            )
            if any(it.public for it in offered.buckets):
                self.names.check_media(name, draft.domain)
        except errors.InvalidError as error:
            return error.message
        others = {
            self._host(it, draft) for it in draft.applications if it.application != application
        }
        if name not in others:
            return ""
        return say("{host} is the address of another application already.", host=name)

    async def discard(self, tx: Transaction, caller: Caller, draft: str) -> None:
        """Keep nothing of a draft."""
        caller.require(Scope.WRITE)
        found = _owned(await self.drafts.lock(tx, draft), caller)
        found.require_open()
        await self.drafts.remove(tx, found.id)
        await self._write_down(tx, caller, found, "discarded")

    async def deploy(
        self,
        tx: Transaction,
        caller: Caller,
        draft: str,
        options: Mapping[str, Options],
        *,
        expected: Collection[int],
    ) -> RunDetails:
        """Make a deployment of a draft, and ask for the run that brings it.

        Args:
            tx: the transaction.
            caller: who asks.
            draft: what is to be deployed.
            options: what stands in the form of each application, read.
            expected: the versions of the draft that were looked at.
        """
        found = await self._open(tx, caller, draft, expected)
        wishes = [_wish(it, options.get(it.application, {})) for it in found.applications]
        staged = await self.configurations.create(tx, caller, found.domain, wishes)
        asked = await self.runs.deploy(tx, caller, staged.deployment.id)
        became = replace(found, deployment=staged.deployment.id, run=asked.run.id)
        await self._save(tx, caller, became)
        return asked

    def _host(self, it: DraftedApplication, draft: Draft) -> str:
        offered = self.offer.find(it.application)
        usual = f"{offered.host_label}.{draft.domain}" if offered else ""
        return it.host or usual

    async def _usable(self, tx: Transaction, caller: Caller, domain: str) -> str:
        name = self.names.check_domain(domain)
        if await self.drafts.is_domain_taken(tx, caller.operator, name):
            raise domain_names.taken(name)
        return name

    async def _open(
        self, tx: Transaction, caller: Caller, draft: str, expected: Collection[int]
    ) -> Draft:
        caller.require(Scope.WRITE)
        found = _owned(await self.drafts.lock(tx, draft), caller)
        found.require_open()
        found.require_expected(expected)
        return found

    async def _save(
        self, tx: Transaction, caller: Caller, draft: Draft, *, is_noted: bool = True
    ) -> Draft:
        saved = replace(draft, version=draft.version + 1, saved_by=caller.person_name)
        await self.drafts.save(tx, saved, by=caller.person)
        if is_noted:
            await self._write_down(tx, caller, saved, "saved")
        return saved

    async def _write_down(self, tx: Transaction, caller: Caller, draft: Draft, action: str) -> None:
        details = {"domain": draft.domain, "version": str(draft.version)}
        await self.audit.record(tx, caller, Deed(f"draft.{action}", draft.id, details))


def _owned(draft: Draft | None, caller: Caller) -> Draft:
    """Return the draft if it is the caller's; another's answers as if it did not exist."""
    if draft is None or draft.operator != caller.operator:
        raise errors.NotFoundError("draft.not_found", "There is no such draft.")
    return draft


def _wish(it: DraftedApplication, options: Options) -> ApplicationWish:
    return ApplicationWish(
        application=it.application,
        host=it.host or None,
        options=options,
        sealed_options=it.sealed_options,
    )
