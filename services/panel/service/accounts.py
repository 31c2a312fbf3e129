"""Accounts: what a person decides about the own login."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared import errors

from ..domain import codes, passwords, people, second_factor, throttling
from ..domain.records import Deed
from ..domain.sentences import N_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import SecretStr

    from shared.clock import Clock
    from shared.database import Database, Transaction
    from shared.sealing import Sealer

    from ..domain.identity import Caller
    from ..domain.people import Membership, Person
    from ..domain.throttling import Bucket
    from ..ports import AuditTrail
    from ..ports.people import (
        AttemptLedger,
        CodeRegister,
        PasswordHasher,
        PersonRegister,
        SessionRegister,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How a person is called, and wants to be addressed."""

    name: str
    email: str
    language: str = ""
    """A language tag; empty: as the browser says."""
    time_zone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Let people decide about their logins; callers see to it that it is them."""

    database: Database
    people: PersonRegister
    sessions: SessionRegister
    codes: CodeRegister
    attempts: AttemptLedger
    passwords: PasswordHasher
    sealer: Sealer
    clock: Clock
    audit: AuditTrail

    async def get(self, tx: Transaction, caller: Caller) -> Person:
        """Return who is asking."""
        return _found(await self.people.find(tx, caller.person))

    async def list_memberships(self, tx: Transaction, caller: Caller) -> Sequence[Membership]:
        """Return for whom the person may act."""
        return await self.people.list_memberships(tx, caller.person)

    async def act_for(self, tx: Transaction, caller: Caller, operator: str) -> None:
        """Let the session act for another operator of its person."""
        memberships = await self.people.list_memberships(tx, caller.person)
        if operator not in {it.operator for it in memberships}:
            raise errors.NotFoundError("operator.not_found", "You act for no such operator.")
        await self.sessions.switch(tx, caller.credential, operator)
        await self.audit.record(tx, caller, Deed("session.switched", operator))

    async def change_profile(self, caller: Caller, profile: Profile) -> None:
        """Change how the person is called and addressed.

        Raises:
            InvalidError: something of it is not possible.
            ConflictError: the e-mail address is another person's.
            TooManyAttemptsError: too many addresses were tried.
        """
        email = people.read_email(profile.email) if profile.email.strip() else None
        await self._count(caller, email)
        async with self.database.transaction() as tx:
            await self._change(tx, caller, profile, email)

    async def _change(
        self, tx: Transaction, caller: Caller, profile: Profile, email: str | None
    ) -> None:
        person = _found(await self.people.lock(tx, caller.person))
        if email is None and person.email is not None:
            message = N_("The e-mail address cannot be taken away, because you sign in with it.")
            raise errors.InvalidError("person.email_needed", message, details={"email": message})
        changed = replace(
            person,
            name=people.read_name(profile.name),
            email=email,
            language=profile.language or None,
            time_zone=people.read_time_zone(profile.time_zone),
        )
        if changed != person:
            await self.people.save(tx, changed)
            await self.audit.record(tx, caller, Deed("person.changed", person.id))

    async def set_password(self, caller: Caller, password: SecretStr, email: str) -> None:
        """Choose a password and the e-mail address it goes with; sign out everywhere else.

        Who gave the former password and no code yet has to begin again as well.

        Raises:
            InvalidError: password or e-mail address is not good.
            ConflictError: the e-mail address is another person's.
            TooManyAttemptsError: too many passwords or addresses were tried.
        """
        name = people.read_email(email)
        passwords.require_good(password, caller.person_name, name, caller.operator_name)
        await self._count(caller, name, throttling.of_work(caller.person))
        kept = await self.passwords.hash(password, throttling.network_of(caller.address))
        async with self.database.transaction() as tx:
            person = _found(await self.people.lock(tx, caller.person))
            now = self.clock.now()
            changed = replace(person, email=name, password=kept, password_set_at=now)
            await self.people.save(tx, changed)
            await self.codes.drop_steps(tx, person.id)
            await self.sessions.end_all(tx, person.id, but=caller.session)
            await self.audit.record(tx, caller, Deed("person.password_changed", person.id))

    async def add_second_factor(
        self, tx: Transaction, caller: Caller, secret: str, code: str
    ) -> Sequence[str]:
        """Ask for a code of an app from now on; return recovery codes, shown this once.

        Raises:
            InvalidError: the code does not belong to the secret, so the app does not work yet.
            ConflictError: there is an app already.
        """
        person = _found(await self.people.lock(tx, caller.person))
        if person.has_second_factor:
            raise errors.ConflictError(
                "second_factor.exists", "There is an app already. Take it away first."
            )
        if not person.has_password:
            raise errors.ConflictError(
                "second_factor.no_password", "Choose a password first: the app comes second."
            )
        counter = second_factor.matching_counter(
            second_factor.read_secret(secret), code, self.clock.now(), newer_than=0
        )
        if counter is None:
            reason = "is not right; wait for the next one and try again"
            raise errors.InvalidError(
                "second_factor.code", f"The code {reason}.", details={"code": reason}
            )
        sealed = self.sealer.seal("panel", secret)
        await self.people.save(tx, replace(person, totp_secret=sealed, totp_counter=counter))
        await self.sessions.end_all(tx, person.id, but=caller.session)
        await self.audit.record(tx, caller, Deed("second_factor.added", person.id))
        return await self._new_codes(tx, person)

    async def renew_recovery_codes(self, tx: Transaction, caller: Caller) -> Sequence[str]:
        """Return new recovery codes, shown this once; those before open nothing any more."""
        person = _found(await self.people.lock(tx, caller.person))
        if not person.has_second_factor:
            raise errors.ConflictError("second_factor.missing", "There is no app to do without.")
        await self.audit.record(tx, caller, Deed("recovery_codes.renewed", person.id))
        return await self._new_codes(tx, person)

    async def remove_second_factor(self, tx: Transaction, caller: Caller) -> None:
        """Ask for the password alone from now on."""
        person = _found(await self.people.lock(tx, caller.person))
        await self.people.save(tx, replace(person, totp_secret=None))
        await self.codes.replace_recovery_codes(tx, person.id, ())
        await self.audit.record(tx, caller, Deed("second_factor.removed", person.id))

    async def count_recovery_codes(self, tx: Transaction, caller: Caller) -> int:
        """Return how many recovery codes are left."""
        return await self.codes.count_recovery_codes(tx, caller.person)

    async def _count(self, caller: Caller, email: str | None, *buckets: Bucket) -> None:
        """Count an attempt, also if it fails; another e-mail address tells whether it is known."""
        async with self.database.transaction() as tx:
            person = _found(await self.people.find(tx, caller.person))
            if email is not None and email != person.email:
                buckets = (*buckets, throttling.of_email(person.id))
            await self.attempts.count(tx, buckets)

    async def _new_codes(self, tx: Transaction, person: Person) -> Sequence[str]:
        made = codes.new_recovery_codes()
        await self.codes.replace_recovery_codes(tx, person.id, [codes.digest(it) for it in made])
        return made


def _found(person: Person | None) -> Person:
    if person is None:
        raise errors.FaultError("person.missing", "a caller is nobody")
    return person
