"""What panel needs to tell people and programs something, in its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from shared.contracts.happenings import HappeningType
    from shared.database import Transaction

    from ..domain.happenings import Channel, Happening, Topic
    from ..domain.identity import Caller
    from ..domain.mails import Mail, MailErrand
    from ..domain.notifications import Notification, Reader
    from ..domain.records import Page
    from ..domain.webhooks import Answer, Busy, Delivery, Endpoint, KnownKey, Message, Parcel


class EndpointRegister(Protocol):
    """Keep endpoints of webhooks and what signs for them."""

    async def add(self, tx: Transaction, endpoint: Endpoint) -> None:
        """Keep a new endpoint."""
        ...

    async def find(self, tx: Transaction, endpoint: str) -> Endpoint | None:
        """Return an endpoint, or None."""
        ...

    async def lock(self, tx: Transaction, endpoint: str) -> Endpoint | None:
        """Return an endpoint that nobody else changes until the transaction ends, or None."""
        ...

    async def list_all(
        self, tx: Transaction, operator: str, *, is_exclusive: bool = False
    ) -> Sequence[Endpoint]:
        """Return an operator's endpoints, newest first; exclusive: nobody adds one meanwhile."""
        ...

    async def list_listening(
        self, tx: Transaction, operator: str, kind: HappeningType
    ) -> Sequence[str]:
        """Return the ids of an operator's enabled endpoints that asked for a type."""
        ...

    async def save(self, tx: Transaction, endpoint: Endpoint) -> None:
        """Write what can change of an endpoint."""
        ...

    async def remove(self, tx: Transaction, endpoint: str) -> None:
        """Forget an endpoint, its keys and its deliveries."""
        ...

    async def add_key(self, tx: Transaction, endpoint: str, key: KnownKey) -> None:
        """Keep the key that signs from now on."""
        ...

    async def retire_keys(
        self, tx: Transaction, endpoint: str, now: datetime, until: datetime
    ) -> None:
        """Let every key sign until then at most, and forget those that are over now."""
        ...

    async def list_keys(self, tx: Transaction, endpoint: str, now: datetime) -> Sequence[KnownKey]:
        """Return the keys of an endpoint that are good now, newest first."""
        ...


class DeliveryQueue(Protocol):
    """Keep messages and their deliveries, and hand each delivery to one courier at a time."""

    async def next_sequence(self, tx: Transaction, about: str) -> int:
        """Return the number of the next happening about an object."""
        ...

    async def add_message(
        self, tx: Transaction, operator: str, message: Message, at: datetime
    ) -> None:
        """Keep a message."""
        ...

    async def add(self, tx: Transaction, delivery: Delivery, lease_seconds: float = 0.0) -> None:
        """Keep a delivery, in the hands of whoever adds it for so long."""
        ...

    async def claim(
        self, tx: Transaction, now: datetime, lease_seconds: float, busy: Busy
    ) -> Parcel | None:
        """Take the delivery that has been due longest, to nobody busy, or return None."""
        ...

    async def count_waiting(self, tx: Transaction, endpoint: str) -> int:
        """Return how many deliveries of an endpoint are not over."""
        ...

    async def conclude(self, tx: Transaction, delivery: Delivery) -> bool:
        """Write what came of an attempt; False when it is not this courier's any more."""
        ...

    async def find(self, tx: Transaction, delivery: str) -> Delivery | None:
        """Return a delivery, or None."""
        ...

    async def list_newest(self, tx: Transaction, endpoint: str, page: Page) -> Sequence[Delivery]:
        """Return the deliveries of an endpoint, newest first."""
        ...

    async def find_message(self, tx: Transaction, message: str) -> Message | None:
        """Return a message, or None."""
        ...

    async def give_up(self, tx: Transaction, endpoint: str, answer: Answer) -> None:
        """End every delivery of an endpoint that waits."""
        ...

    async def forget(self, tx: Transaction, before: datetime, most: int) -> int:
        """Delete deliveries that ended before, and what is left without any; return how many."""
        ...


class NotificationRegister(Protocol):
    """Keep what people are told in the panel, and what they want to be told."""

    async def list_readers(self, tx: Transaction, operator: str, topic: Topic) -> Sequence[Reader]:
        """Return the people of an operator, and how each wants to be told of a topic."""
        ...

    async def add(
        self, tx: Transaction, happening: Happening, readers: Sequence[Reader], at: datetime
    ) -> None:
        """Keep a notification for each reader, and a mail for those who want one."""
        ...

    async def list_newest(
        self, tx: Transaction, caller: Caller, page: Page, *, unread: bool
    ) -> Sequence[Notification]:
        """Return somebody's notifications, newest first, those unread or all."""
        ...

    async def find(self, tx: Transaction, notification: str) -> Notification | None:
        """Return a notification, whoever it is for, or None."""
        ...

    async def count_unread(self, tx: Transaction, caller: Caller) -> int:
        """Return how many notifications somebody has not read."""
        ...

    async def mark_read(
        self, tx: Transaction, caller: Caller, now: datetime, notification: str | None
    ) -> int:
        """Mark one of somebody's notifications as read, or all; return how many exist."""
        ...

    async def choices(self, tx: Transaction, person: str) -> Mapping[tuple[Topic, Channel], bool]:
        """Return what a person decided."""
        ...

    async def choose(
        self, tx: Transaction, person: str, choices: Mapping[tuple[Topic, Channel], bool]
    ) -> None:
        """Keep what a person decided."""
        ...

    async def address_of(self, tx: Transaction, person: str) -> str | None:
        """Return a person's e-mail address, or None."""
        ...

    async def forget(self, tx: Transaction, before: datetime, most: int) -> int:
        """Delete notifications from before; return how many."""
        ...


class MailQueue(Protocol):
    """Hand each mail to one courier at a time."""

    async def claim(
        self, tx: Transaction, now: datetime, lease_seconds: float
    ) -> MailErrand | None:
        """Take the mail that has been due longest, or return None."""
        ...

    async def conclude(self, tx: Transaction, errand: MailErrand) -> None:
        """Write what came of an attempt, unless it is another courier's by now."""
        ...


class WebhookSender(Protocol):
    """Send messages to URLs that somebody else gave."""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a message once, and return what came of it, whatever that is."""
        ...


class Mailer(Protocol):
    """Hand mails to a relay."""

    async def send(self, mail: Mail) -> None:
        """Hand over a mail.

        Raises:
            UnavailableError: the relay could not take it now.
            InvalidError: it will never be taken.
        """
        ...
