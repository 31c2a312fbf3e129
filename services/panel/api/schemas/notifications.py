"""Notifications, as one person sees them."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import ConfigDict, Field, JsonValue

from shared.contracts.happenings import HappeningType

from ...domain.happenings import Channel, Topic
from ...domain.notifications import Notification
from ...service.notifications import Wanted
from .. import webhook_examples as examples
from .shape import Answer, Id, Question


class NotificationAnswer(Answer):
    """Something that happened, for one person."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.NOTIFICATION]})

    id: Id
    type: HappeningType
    title: str
    why: str
    """Empty where there is nothing to explain."""
    left: str
    """How things are now; empty where that needs no words."""
    next: str
    """What can be done; empty where nothing has to be."""
    data: dict[str, JsonValue]
    """What it is about, as in the webhook of the same type."""
    created_at: datetime
    read_at: datetime | None

    @classmethod
    def of(cls, found: Notification) -> Self:
        """Return how a notification is shown."""
        return cls(
            id=found.id,
            type=found.type,
            title=found.title(str),
            why=found.why(str),
            left=found.left,
            next=found.next,
            data=found.data.model_dump(mode="json"),
            created_at=found.created_at,
            read_at=found.read_at,
        )


class UnreadAnswer(Answer):
    """How many notifications wait to be read."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.UNREAD]})

    unread: int


class ChoiceAnswer(Answer):
    """Whether a person is told of a topic through a channel."""

    topic: Topic
    channel: Channel
    wanted: bool


class WantedAnswer(Answer):
    """What a person is told, and how."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.WANTED]})

    choices: tuple[ChoiceAnswer, ...]
    email: str | None
    """Where mails go; None: this person has given no address."""
    sends_mail: bool
    """Whether this hosting provider sends mails."""

    @classmethod
    def of(cls, wanted: Wanted) -> Self:
        """Return how it is shown."""
        return cls(
            choices=tuple(
                ChoiceAnswer(topic=topic, channel=channel, wanted=it)
                for (topic, channel), it in wanted.choices.items()
            ),
            email=wanted.address,
            sends_mail=wanted.sends_mail,
        )


class ChoiceQuestion(Question):
    """Whether to be told of a topic through a channel."""

    topic: Topic
    channel: Channel
    wanted: bool


class ChoicesQuestion(Question):
    """What is to be different; the rest stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.CHOICES_QUESTION]})

    choices: Annotated[tuple[ChoiceQuestion, ...], Field(min_length=1, max_length=20)]
