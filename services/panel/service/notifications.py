"""Notifications as one person sees them: the list, what is unread, and what they want."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import errors

from ..domain.happenings import USUAL, Channel, Topic, wanted_by
from ..domain.identity import Scope
from ..domain.records import Deed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.clock import Clock
    from shared.database import Transaction

    from ..domain.identity import Caller
    from ..domain.notifications import Notification
    from ..domain.records import Page
    from ..ports import AuditTrail
    from ..ports.telling import NotificationRegister


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person is told, by topic and channel, and whether mails can reach them."""

    choices: Mapping[tuple[Topic, Channel], bool]
    address: str | None
    sends_mail: bool
    """Whether this hosting provider sends mails at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    """Show a person what happened, and let them decide what they are told."""

    register: NotificationRegister
    audit: AuditTrail
    clock: Clock
    sends_mail: bool

    async def list_notifications(
        self, tx: Transaction, caller: Caller, page: Page, *, unread: bool = False
    ) -> Sequence[Notification]:
        """Return the caller's notifications, newest first."""
        caller.require(Scope.READ)
        return await self.register.list_newest(tx, caller, page, unread=unread)

    async def count_unread(self, tx: Transaction, caller: Caller) -> int:
        """Return how many the caller has not read."""
        caller.require(Scope.READ)
        return await self.register.count_unread(tx, caller)

    async def mark_read(
        self, tx: Transaction, caller: Caller, notification: str | None = None
    ) -> None:
        """Mark one of the caller's notifications as read, or all; nobody else's change."""
        caller.require(Scope.READ)
        now = self.clock.now()
        found = await self.register.mark_read(tx, caller, now, notification)
        if notification is not None and not found:
            raise errors.NotFoundError("notification.not_found", "There is no such notification.")

    async def open(self, tx: Transaction, caller: Caller, notification: str) -> Notification:
        """Mark one of the caller's notifications as read, and return it."""
        await self.mark_read(tx, caller, notification)
        found = await self.register.find(tx, notification)
        if found is None:
            raise errors.NotFoundError("notification.not_found", "There is no such notification.")
        return found

    async def wanted(self, tx: Transaction, caller: Caller) -> Wanted:
        """Return what the caller is told."""
        caller.require(Scope.READ)
        decided = await self.register.choices(tx, caller.person)
        return Wanted(
            choices={
                (topic, channel): wanted_by(decided, topic, channel)
                for topic in USUAL
                for channel in Channel
            },
            address=await self.register.address_of(tx, caller.person),
            sends_mail=self.sends_mail,
        )

    async def choose(
        self, tx: Transaction, caller: Caller, choices: Mapping[tuple[Topic, Channel], bool]
    ) -> Wanted:
        """Keep what the caller decided about topics and channels; the rest stays as it is."""
        caller.require(Scope.READ)
        await self.register.choose(tx, caller.person, choices)
        details = {f"{topic}.{channel}": str(it) for (topic, channel), it in choices.items()}
        await self.audit.record(tx, caller, Deed("notifications.chosen", caller.person, details))
        return await self.wanted(tx, caller)
