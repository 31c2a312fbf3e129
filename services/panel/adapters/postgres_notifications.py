"""Notifications, what people decided about them, and their mails in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared import ids
from shared.contracts.happenings import HappeningType, read_data

from ..domain.happenings import Channel, Topic, wanted_by
from ..domain.mails import MailErrand
from ..domain.notifications import Notification, Reader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from shared.database import Row, Transaction

    from ..domain.happenings import Happening
    from ..domain.identity import Caller
    from ..domain.records import Page

_READERS: Final = """
select memberships.person, people.email is not null as has_address,
    (select wanted from notification_choices as it
     where it.person = memberships.person and topic = $2 and channel = 'bell') as bell,
    (select wanted from notification_choices as it
     where it.person = memberships.person and topic = $2 and channel = 'email') as email
from memberships join people on people.id = memberships.person
where operator = $1 and ended_at is null
"""
_COLUMNS: Final = """notifications.id, notifications.type, notifications.data, notifications.words,
    notifications.created_at, notifications.read_at"""
_CLAIM: Final = f"""
update mails set attempt = attempt + 1, lease_until = now() + make_interval(secs => $2)
from notifications
join people on people.id = notifications.person
join operators on operators.id = notifications.operator
where notifications.id = notification and mails.id = (
    select id from mails
    where state = 'waiting' and next_at <= $1 and (lease_until is null or lease_until < now())
    order by next_at limit 1 for update skip locked)
returning mails.id as mail, attempt, people.email, people.name as person_name,
    people.language as language, operators.id as operator, operators.name as operator_name,
    exists (select from memberships as it where it.person = people.id
        and it.operator = operators.id and ended_at is null) as is_member, {_COLUMNS}
"""  # noqa: S608 - a constant


class PostgresNotificationRegister:
    """Keep what people are told in the panel, and what they want to be told."""

    async def list_readers(self, tx: Transaction, operator: str, topic: Topic) -> Sequence[Reader]:
        """Return the people of an operator, and how each wants to be told of a topic."""
        rows = await tx.fetch(_READERS, operator, topic.value)
        return [
            Reader(
                person=row["person"],
                in_bell=_wanted(row, topic, Channel.BELL),
                by_email=row["has_address"] and _wanted(row, topic, Channel.EMAIL),
            )
            for row in rows
        ]

    async def add(
        self, tx: Transaction, happening: Happening, readers: Sequence[Reader], at: datetime
    ) -> None:
        """Keep a notification for each reader, and a mail for those who want one."""
        made = [(ids.new_id(), it) for it in readers]
        await tx.execute(
            """insert into notifications
                (id, person, listed, operator, type, data, words, created_at)
            select id, person, listed, $4, $5, $6, $7, $8
            from unnest($1::text[], $2::text[], $3::boolean[]) as it (id, person, listed)""",
            [it for it, _ in made],
            [reader.person for _, reader in made],
            [reader.in_bell for _, reader in made],
            happening.operator,
            happening.type.value,
            happening.data.model_dump(mode="json"),
            dict(happening.words),
            at,
        )
        mailed = [it for it, reader in made if reader.by_email]
        await tx.execute(
            """insert into mails (id, notification, state, created_at, next_at)
            select id, notification, 'waiting', $3, $3
            from unnest($1::text[], $2::text[]) as it (id, notification)""",
            [ids.new_id() for _ in mailed],
            mailed,
            at,
        )

    async def list_newest(
        self, tx: Transaction, caller: Caller, page: Page, *, unread: bool
    ) -> Sequence[Notification]:
        """Return somebody's notifications, newest first, those unread or all."""
        rows = await tx.fetch(
            f"""select {_COLUMNS} from notifications
            where person = $1 and operator = $2 and listed and ($3::text is null or id < $3)
                and (read_at is null or not $4)
            order by id desc limit $5""",  # noqa: S608 - a constant
            caller.person,
            caller.operator,
            page.before,
            unread,
            page.limit,
        )
        return [_notification(row) for row in rows]

    async def find(self, tx: Transaction, notification: str) -> Notification | None:
        """Return a notification, whoever it is for, or None."""
        row = await tx.fetchrow(
            f"select {_COLUMNS} from notifications where id = $1",  # noqa: S608 - a constant
            notification,
        )
        return _notification(row) if row else None

    async def count_unread(self, tx: Transaction, caller: Caller) -> int:
        """Return how many notifications somebody has not read."""
        found: int = await tx.fetchval(
            """select count(id) from notifications
            where person = $1 and operator = $2 and listed and read_at is null""",
            caller.person,
            caller.operator,
        )
        return found

    async def mark_read(
        self, tx: Transaction, caller: Caller, now: datetime, notification: str | None
    ) -> int:
        """Mark one of somebody's notifications as read, or all; return how many exist."""
        tag = await tx.execute(
            """update notifications set read_at = coalesce(read_at, $3)
            where person = $1 and operator = $2 and listed
                and (id = $4 or ($4::text is null and read_at is null))""",
            caller.person,
            caller.operator,
            now,
            notification,
        )
        return int(tag.rpartition(" ")[2])

    async def choices(self, tx: Transaction, person: str) -> Mapping[tuple[Topic, Channel], bool]:
        """Return what a person decided."""
        rows = await tx.fetch(
            "select topic, channel, wanted from notification_choices where person = $1", person
        )
        return {(Topic(it["topic"]), Channel(it["channel"])): it["wanted"] for it in rows}

    async def choose(
        self, tx: Transaction, person: str, choices: Mapping[tuple[Topic, Channel], bool]
    ) -> None:
        """Keep what a person decided."""
        await tx.execute(
            """insert into notification_choices (person, topic, channel, wanted)
            select $1, topic, channel, wanted
            from unnest($2::text[], $3::text[], $4::boolean[]) as it (topic, channel, wanted)
            on conflict (person, topic, channel) do update set wanted = excluded.wanted""",
            person,
            [topic.value for topic, _ in choices],
            [channel.value for _, channel in choices],
            list(choices.values()),
        )

    async def address_of(self, tx: Transaction, person: str) -> str | None:
        """Return a person's e-mail address, or None."""
        found: str | None = await tx.fetchval("select email from people where id = $1", person)
        return found

    async def forget(self, tx: Transaction, before: datetime, most: int) -> int:
        """Delete notifications from before, with their mails; return how many."""
        tag = await tx.execute(
            """delete from notifications where id in (
                select id from notifications where created_at < $1 limit $2)""",
            before,
            most,
        )
        return int(tag.rpartition(" ")[2])


class PostgresMailQueue:
    """Hand each mail to one courier at a time."""

    async def claim(
        self, tx: Transaction, now: datetime, lease_seconds: float
    ) -> MailErrand | None:
        """Take the mail that has been due longest, or return None."""
        row = await tx.fetchrow(_CLAIM, now, lease_seconds)
        if row is None:
            return None
        return MailErrand(
            id=row["mail"],
            attempt=row["attempt"],
            address=row["email"],
            is_member=row["is_member"],
            person_name=row["person_name"],
            language=row["language"],
            operator=row["operator"],
            operator_name=row["operator_name"],
            notification=_notification(row),
        )

    async def conclude(self, tx: Transaction, errand: MailErrand) -> None:
        """Write what came of an attempt, unless it is another courier's by now."""
        await tx.execute(
            """update mails set state = $3, next_at = $4, reason = $5, lease_until = null
            where id = $1 and attempt = $2 and state = 'waiting'""",
            errand.id,
            errand.attempt,
            errand.state.value,
            errand.next_at,
            errand.reason,
        )


def _wanted(row: Row, topic: Topic, channel: Channel) -> bool:
    decided = row[channel.value]
    return wanted_by({} if decided is None else {(topic, channel): decided}, topic, channel)


def _notification(row: Row) -> Notification:
    kind = HappeningType(row["type"])
    return Notification(
        id=row["id"],
        type=kind,
        data=read_data(kind, row["data"]),
        words=row["words"],
        created_at=row["created_at"],
        read_at=row["read_at"],
    )
