"""People: who acts for an operator, in which role, and how others come to.

An operator always has an owner: the last one can neither leave nor become something else. Whoever
changes memberships of an operator waits for whoever else does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import errors, ids

from ..domain import codes, invitations, passwords, people, throttling
from ..domain.codes import Kind
from ..domain.identity import Role, Scope
from ..domain.invitations import Circle, Invited, NewInvitation
from ..domain.people import Person
from ..domain.records import Deed
from ..domain.sentences import N_, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import SecretStr

    from shared.clock import Clock
    from shared.database import Database, Transaction

    from ..domain.identity import Caller
    from ..domain.invitations import Invitation
    from ..domain.people import Membership
    from ..domain.sessions import Client
    from ..ports import AuditTrail
    from ..ports.people import (
        AttemptLedger,
        InvitationRegister,
        PasswordHasher,
        PersonRegister,
    )
    from .sessions import Begun, Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """Somebody who was invited and has no login yet."""

    name: str
    email: str
    password: SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Say who acts for an operator."""

    database: Database
    people: PersonRegister
    invitations: InvitationRegister
    attempts: AttemptLedger
    passwords: PasswordHasher
    sessions: Sessions
    clock: Clock
    audit: AuditTrail

    async def list_circle(self, tx: Transaction, caller: Caller) -> Circle:
        """Return who acts for the operator; to owners, also who was asked to."""
        caller.require(Scope.ACCESS)
        members = await self.people.list_members(tx, caller.operator)
        asked = await self.invitations.list_open(tx, caller.operator)
        return Circle(members, asked if caller.role is Role.OWNER else ())

    async def invite(self, tx: Transaction, caller: Caller, email: str, role: Role) -> Invited:
        """Invite somebody; the code of the link is returned this once."""
        caller.require_owner()
        await self.people.lock_operator(tx, caller.operator)
        waiting = await self.invitations.list_open(tx, caller.operator)
        if len(waiting) >= invitations.MOST_OPEN:
            raise errors.QuotaExceededError(
                "invitation.too_many",
                say(
                    "{count} invitations wait already. Take one back that is not needed.",
                    count=len(waiting),
                ),
            )
        code = codes.new(Kind.INVITATION)
        new = NewInvitation(
            id=ids.new_id(),
            operator=caller.operator,
            role=role,
            email=people.read_email(email),
            digest=codes.digest(code),
            invited_by=caller.person,
            expires_at=self.clock.now() + invitations.LENGTH,
        )
        await self.invitations.add(tx, new)
        details = {"email": new.email, "role": role.value}
        await self.audit.record(tx, caller, Deed("invitation.made", new.id, details))
        return Invited(await self.find_invitation(tx, code), code)

    async def revoke_invitation(self, tx: Transaction, caller: Caller, invitation: str) -> None:
        """Take an invitation back."""
        caller.require_owner()
        if not await self.invitations.revoke(tx, caller.operator, invitation):
            raise errors.NotFoundError("invitation.not_found", "There is no such invitation.")
        await self.audit.record(tx, caller, Deed("invitation.revoked", invitation))

    async def find_invitation(self, tx: Transaction, text: str) -> Invitation:
        """Return the invitation that a link is for.

        Raises:
            InvalidError: it is for none, be it unknown, used, taken back or too old.
        """
        code = codes.read(text, Kind.INVITATION)
        found = await self.invitations.find_open(tx, codes.digest(code)) if code else None
        if found is None:
            message = N_(
                "This invitation is not valid: each works once, for a week. Ask whoever invited "
                "you for a new one."
            )
            raise errors.InvalidError("invitation.code", message, details={"code": message})
        return found

    async def join(self, tx: Transaction, caller: Caller, text: str) -> Invitation:
        """Let whoever is signed in act for the operator that invites, from now on.

        Raises:
            ConflictError: the person does so already.
        """
        found = await self.find_invitation(tx, text)
        memberships = await self.people.list_memberships(tx, caller.person)
        if found.operator in {it.operator for it in memberships}:
            raise errors.ConflictError(
                "invitation.not_needed",
                say("You act for {operator} already.", operator=found.operator_name),
            )
        await self.people.join(tx, caller.person, found.operator, found.role)
        await self.invitations.accept(tx, found.id, caller.person)
        await self.audit.record(tx, caller, Deed("invitation.accepted", found.id))
        return found

    async def join_as(self, text: str, newcomer: Newcomer, client: Client) -> Begun:
        """Make a login for somebody who was invited, and sign in.

        Raises:
            InvalidError: the invitation opens nothing, or something about the login is not good.
            ConflictError: the e-mail address is another person's.
            TooManyAttemptsError: too many were not possible.
        """
        async with self.database.transaction() as tx:
            found = await self.find_invitation(tx, text)
        name, email = people.read_name(newcomer.name), people.read_email(newcomer.email)
        passwords.require_good(newcomer.password, name, email, found.operator_name)
        async with self.database.transaction() as tx:
            await self.attempts.count(tx, (throttling.of_invitation(found.id),))
        asker = throttling.network_of(client.address)
        kept = await self.passwords.hash(newcomer.password, asker)
        async with self.database.transaction() as tx:
            found = await self.find_invitation(tx, text)
            new = Person(
                id=ids.new_id(),
                name=name,
                email=email,
                password=kept,
                password_set_at=self.clock.now(),
            )
            await self.people.add(tx, new)
            await self.people.join(tx, new.id, found.operator, found.role)
            await self.invitations.accept(tx, found.id, new.id)
            begun = await self.sessions.begin(tx, new.id, found.operator, client, by="invitation")
            await self.audit.record(tx, begun.caller, Deed("invitation.accepted", found.id))
            return begun

    async def change_role(self, tx: Transaction, caller: Caller, person: str, role: Role) -> None:
        """Let somebody act for the operator in another role.

        Only owners invite: what somebody invited to as one ends with that.
        """
        caller.require_owner()
        members = await self.people.lock_members(tx, caller.operator)
        changed = _membership_of(members, person)
        if role is not Role.OWNER:
            _require_another_owner(members, changed)
            await self.invitations.revoke_of(tx, caller.operator, person)
        await self.people.join(tx, person, caller.operator, role)
        details = {"from": changed.role.value, "to": role.value}
        await self.audit.record(tx, caller, Deed("membership.changed", person, details))

    async def remove(self, tx: Transaction, caller: Caller, person: str) -> None:
        """Let somebody act for the operator no longer, nor those whom the person still invites.

        Everybody may leave.
        """
        caller.require(Scope.ACCESS)
        if person != caller.person:
            caller.require_owner()
        members = await self.people.lock_members(tx, caller.operator)
        _require_another_owner(members, _membership_of(members, person))
        await self.people.leave(tx, person, caller.operator)
        await self.invitations.revoke_of(tx, caller.operator, person)
        await self.audit.record(tx, caller, Deed("membership.ended", person))


def _membership_of(members: Sequence[tuple[Person, Membership]], person: str) -> Membership:
    found = next((membership for it, membership in members if it.id == person), None)
    if found is None:
        raise errors.NotFoundError(
            "membership.not_found", "Nobody like that acts for this operator."
        )
    return found


def _require_another_owner(
    members: Sequence[tuple[Person, Membership]], leaving: Membership
) -> None:
    """Raise ConflictError when this is the operator's last owner."""
    owners = {it.person for _, it in members if it.role is Role.OWNER}
    if owners == {leaving.person}:
        raise errors.ConflictError(
            "membership.last_owner",
            "This is the only owner, and an operator cannot be without. Make somebody else an "
            "owner first.",
        )
