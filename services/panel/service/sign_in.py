"""Signing in: what somebody has to know or to have before a session begins.

Attempts are counted before they are looked at. Whatever is wrong, the answer is the same, and it
takes as long: nobody learns who is known here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from shared import errors

from ..domain import codes, people, second_factor, throttling
from ..domain.codes import Kind
from ..domain.identity import Caller
from ..domain.records import Deed

if TYPE_CHECKING:
    from pydantic import SecretStr

    from shared.clock import Clock
    from shared.database import Database, Transaction
    from shared.sealing import Unsealer

    from ..domain.people import Person
    from ..domain.sessions import Client
    from ..domain.throttling import PasswordBuckets
    from ..ports import AuditTrail
    from ..ports.people import (
        AttemptLedger,
        CodeRegister,
        PasswordHasher,
        PersonRegister,
        SessionRegister,
    )
    from .sessions import Begun, Sessions

SECOND_STEP: Final = timedelta(minutes=10)
"""How long somebody has between password and code."""
PASSWORD: Final = "password"  # noqa: S105 - what it is called, not a secret
APP: Final = "app"
RECOVERY_CODE: Final = "recovery code"
LINK: Final = "one-time link"


@dataclass(frozen=True, slots=True)
class SecondStep:
    """The password was right; what is missing is a code of the app, given with this."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What somebody gives to prove who it is."""

    password: SecretStr
    code: str = ""
    """Of the app, a recovery code, or one that whoever runs the panel printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Let people in by what proves who they are."""

    database: Database
    people: PersonRegister
    registered: SessionRegister
    codes: CodeRegister
    attempts: AttemptLedger
    passwords: PasswordHasher
    unsealer: Unsealer
    sessions: Sessions
    clock: Clock
    audit: AuditTrail

    async def by_code(self, tx: Transaction, text: str, client: Client) -> Begun:
        """Begin a session with a code that whoever runs the panel printed, used up by it.

        Raises:
            InvalidError: it opens nothing, be it unknown, used or too old.
        """
        code = codes.read(text, Kind.SIGN_IN)
        found = await self.codes.use(tx, codes.digest(code)) if code else None
        if found is None:
            reason = "is not valid: each works once and not for long"
            raise errors.InvalidError(
                "sign_in.code",
                "This sign-in link is not valid: each works once and not for long. Ask whoever "
                "runs this panel for a new one.",
                details={"code": reason},
            )
        return await self.sessions.begin(tx, *found, client, by=LINK)

    async def by_password(
        self, email: str, password: SecretStr, client: Client
    ) -> Begun | SecondStep:
        """Begin a session with a password, or ask for the second factor.

        The password is checked outside of any transaction: that takes a while. Whoever it is for
        is therefore looked up again: the password may have become another one meanwhile, and an
        app may be asked for now.

        Raises:
            InvalidError: e-mail address or password is wrong, and nobody learns which.
            TooManyAttemptsError: too many were.
        """
        name = email.strip().lower()[: people.LONGEST_EMAIL]
        buckets = throttling.of_password(name, client.address)
        asker = throttling.network_of(client.address)
        async with self.database.transaction() as tx:
            await self.attempts.count(tx, tuple(buckets))
            person = await self.people.find_by_email(tx, name) if name.isprintable() else None
        is_right = await self._is_password(person, password, asker)
        fresh = await self._fresher(person, password, asker) if is_right else None
        async with self.database.transaction() as tx:
            now = await self._unchanged(tx, person) if is_right else None
            memberships = await self.people.list_memberships(tx, now.id) if now else ()
            if now is None or not memberships:
                await self._note_failure(tx, person, client, PASSWORD)
            else:
                await self._forgive(tx, buckets)
                if fresh is not None:
                    await self.people.save(tx, replace(now, password=fresh))
                operator = memberships[0].operator
                if now.has_second_factor:
                    return await self._ask_for_code(tx, now.id, operator)
                return await self.sessions.begin(tx, now.id, operator, client, by=PASSWORD)
        raise _wrong_password()

    async def by_second_factor(self, step: str, text: str, client: Client) -> Begun:
        """Begin a session with a code of the app, or a recovery code, after the password.

        Raises:
            InvalidError: the code is wrong, was used before, or is too old.
            NotFoundError: the password was given too long ago.
            TooManyAttemptsError: too many codes were wrong.
        """
        digest = codes.digest(step)
        async with self.database.transaction() as tx:
            found = await self.codes.find_step(tx, digest)
            if found is None:
                raise errors.NotFoundError(
                    "sign_in.step", "That took too long. Sign in with your password again."
                )
            person, operator = found
            bucket = throttling.of_second_factor(person)
            await self.attempts.count(tx, (bucket,))
            by = await self._use_factor(tx, person, text)
            if by is not None and await self.codes.use_step(tx, digest):
                await self.attempts.forgive(tx, bucket, all_of_it=True)
                return await self.sessions.begin(tx, person, operator, client, by=by)
            await self._note_failure(tx, await self.people.find(tx, person), client, APP)
        raise _wrong_code()

    async def confirm(self, caller: Caller, proof: Proof) -> None:
        """Record that the person of a session proved again who it is.

        Whoever has a password gives it, and a code where there is an app. Whoever has none yet
        gives a code that whoever runs the panel printed.

        Raises:
            InvalidError: that was not it.
            TooManyAttemptsError: too many attempts were not.
        """
        bucket = throttling.of_confirmation(caller.credential)
        async with self.database.transaction() as tx:
            await self.attempts.count(tx, (bucket, throttling.of_work(caller.person)))
            person = await self.people.find(tx, caller.person)
        asker = throttling.network_of(caller.address)
        is_right = await self._is_password(person, proof.password, asker)
        async with self.database.transaction() as tx:
            now = await self._unchanged(tx, person) if is_right else None
            by = await self._proven_by(tx, caller, proof.code, is_password=now is not None)
            if by is not None:
                await self.attempts.forgive(tx, bucket, all_of_it=True)
                await self.registered.confirm(tx, caller.credential)
                deed = Deed("session.confirmed", caller.credential, {"by": by})
                await self.audit.record(tx, caller, deed)
                return
            await self.audit.record(tx, caller, Deed("session.not_confirmed", caller.credential))
        raise _wrong_proof()

    async def _proven_by(
        self, tx: Transaction, caller: Caller, text: str, *, is_password: bool
    ) -> str | None:
        person = await self.people.lock(tx, caller.person)
        printed = codes.read(text, Kind.SIGN_IN)
        if person is not None and printed is not None:
            found = await self.codes.use(tx, codes.digest(printed))
            return LINK if found is not None and found[0] == person.id else None
        if person is None or not is_password:
            return None
        return await self._use_factor(tx, person.id, text) if person.totp_secret else PASSWORD

    async def _is_password(self, person: Person | None, password: SecretStr, asker: str) -> bool:
        return await self.passwords.verify(person.password if person else None, password, asker)

    async def _fresher(self, person: Person | None, password: SecretStr, asker: str) -> str | None:
        """Return a new hash where the one that is kept was made with too little."""
        if person is None or not person.password or not self.passwords.is_outdated(person.password):
            return None
        return await self.passwords.hash(password, asker)

    async def _unchanged(self, tx: Transaction, person: Person | None) -> Person | None:
        """Return a person as things are now, locked; None if the password became another one."""
        now = await self.people.lock(tx, person.id) if person else None
        return now if now and person and now.password == person.password else None

    async def _ask_for_code(self, tx: Transaction, person: str, operator: str) -> SecondStep:
        code = codes.new(Kind.SECOND_STEP)
        until = self.clock.now() + SECOND_STEP
        await self.codes.add_step(tx, person, operator, digest=codes.digest(code), until=until)
        return SecondStep(code)

    async def _use_factor(self, tx: Transaction, person: str, text: str) -> str | None:
        """Use up a code of the app or a recovery code; return which, or None if it is neither."""
        found = await self.people.lock(tx, person)
        if found is None or found.totp_secret is None:
            return None
        recovery = codes.read_recovery_code(text)
        if recovery is not None:
            is_one = await self.codes.use_recovery_code(tx, person, codes.digest(recovery))
            return RECOVERY_CODE if is_one else None
        counter = second_factor.matching_counter(
            self.unsealer.unseal(found.totp_secret),
            text,
            self.clock.now(),
            newer_than=found.totp_counter,
        )
        if counter is None:
            return None
        await self.people.save(tx, replace(found, totp_counter=counter))
        return APP

    async def _forgive(self, tx: Transaction, buckets: PasswordBuckets) -> None:
        """Count back in the order in which attempts are counted, so that none waits in a circle."""
        forgiven = (buckets.own, *buckets.networks)
        for it in sorted(forgiven, key=lambda it: it.digest):
            await self.attempts.forgive(tx, it, all_of_it=it == buckets.own)

    async def _note_failure(
        self, tx: Transaction, person: Person | None, client: Client, by: str
    ) -> None:
        """Write down that somebody did not get in, for the operator of who it would have been."""
        memberships = await self.people.list_memberships(tx, person.id) if person else ()
        caller = None
        if person is not None and memberships:
            caller = Caller(
                person=person.id,
                person_name=person.name,
                operator=memberships[0].operator,
                operator_name=memberships[0].operator_name,
                role=memberships[0].role,
                scopes=frozenset(),
                address=client.address,
                request=client.request,
            )
        deed = Deed("sign_in.failed", person.id if person else "nobody", {"by": by})
        await self.audit.record(tx, caller, deed)


def _wrong_password() -> errors.InvalidError:
    return errors.InvalidError(
        "sign_in.wrong", "E-mail address or password is not right. Check both and try again."
    )


def _wrong_code() -> errors.InvalidError:
    reason = "is not right, or was used before; wait for the next one"
    return errors.InvalidError("sign_in.code", f"The code {reason}.", details={"code": reason})


def _wrong_proof() -> errors.InvalidError:
    return errors.InvalidError("sign_in.not_confirmed", "That is not right. Try again.")
