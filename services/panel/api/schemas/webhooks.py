"""Webhooks, as operators ask for them and as the API shows them."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Annotated, Self

from pydantic import ConfigDict, Field, JsonValue

from shared.contracts.happenings import HappeningType

from ...domain.webhooks import Answer as Reply
from ...domain.webhooks import Delivery, DeliveryState, Message
from ...service.webhooks import EndpointWish, KnownEndpoint, NewSecret
from .. import webhook_examples as examples
from .shape import Answer, Id, Question

Url = Annotated[str, Field(min_length=1, max_length=1024)]
Types = Annotated[frozenset[HappeningType], Field(min_length=1)]
Description = Annotated[str, Field(max_length=200)]


class EndpointQuestion(Question):
    """Where happenings are to be sent."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ENDPOINT_QUESTION]})

    url: Url
    """By https; only public addresses are reached."""
    types: Types | None = None
    """What is sent there. Left out: results, not what leads to them."""
    description: Description = ""

    def wish(self) -> EndpointWish:
        """Return what is asked for."""
        return EndpointWish(url=self.url, types=self.types, description=self.description)


class EndpointChangeQuestion(Question):
    """What is to be different about an endpoint; what is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.CHANGE_QUESTION]})

    url: Url | None = None
    types: Types | None = None
    description: Description | None = None
    enabled: bool | None = None

    def wish(self, expected: Collection[int] | None) -> EndpointWish:
        """Return what is asked for, of which versions of the endpoint."""
        return EndpointWish(
            url=self.url,
            types=self.types,
            description=self.description,
            is_enabled=self.enabled,
            expected=expected,
        )


class RotationQuestion(Question):
    """How a new secret takes the place of the old one."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ROTATION_QUESTION]})

    overlap_hours: Annotated[int, Field(ge=0, le=168)] = 24
    """For how long messages are signed with the old ones as well; 0 ends them at once."""

    @property
    def overlap(self) -> timedelta:
        """The same as a length of time."""
        return timedelta(hours=self.overlap_hours)


class KeyAnswer(Answer):
    """What verifies the signature `v1a`; anybody may know it."""

    public_key: str
    created_at: datetime
    expires_at: datetime | None
    """None: the current one."""


class EndpointAnswer(Answer):
    """Where happenings are sent."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ENDPOINT]})

    id: Id
    url: str
    description: str
    types: tuple[HappeningType, ...]
    version: int
    """Rises with every change: the beginning of its ETag."""
    enabled: bool
    created_at: datetime
    failing_since: datetime | None
    """Since when nothing could be delivered."""
    disabled_at: datetime | None
    disabled_reason: str
    keys: tuple[KeyAnswer, ...]
    """The newest first; with an older one while that is good as well."""

    @classmethod
    def of(cls, known: KnownEndpoint) -> Self:
        """Return how an endpoint is shown."""
        return cls.model_validate(_shown(known))


class EndpointSecretAnswer(EndpointAnswer):
    """An endpoint with its secret, which is shown this once."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ENDPOINT_SECRET]})

    secret: str
    """`whsec_…`: what verifies the signature `v1`."""

    @classmethod
    def of_new(cls, made: NewSecret) -> Self:
        """Return how a new secret is shown."""
        secret = made.secret.get_secret_value()
        return cls.model_validate(_shown(made.known) | {"secret": secret})


class ReplyAnswer(Answer):
    """What came of one attempt."""

    status: int | None
    """None: there was no answer; `reason` says why."""
    reason: str
    text: str
    """How the answer began."""
    milliseconds: int

    @classmethod
    def of(cls, reply: Reply) -> Self:
        """Return how an answer is shown."""
        return cls(
            status=reply.status,
            reason=reply.in_words,
            text=reply.text,
            milliseconds=reply.milliseconds,
        )


class DeliveryAnswer(Answer):
    """One message on its way to an endpoint."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DELIVERY]})

    id: Id
    message: Id
    """The `webhook-id`: the same for every attempt."""
    type: HappeningType
    state: DeliveryState
    attempt: int
    """How often it was begun."""
    created_at: datetime
    next_at: datetime | None
    """When it is tried again."""
    last_at: datetime | None
    answer: ReplyAnswer | None
    """What came of the last attempt."""

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """Return how a delivery is shown."""
        return cls.model_validate(_sent(delivery))


class DeliveryDetailsAnswer(DeliveryAnswer):
    """One message on its way to an endpoint, and what it says."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DELIVERY_DETAILS]})

    body: dict[str, JsonValue]
    """What is sent, as one line without spaces."""

    @classmethod
    def of_message(cls, delivery: Delivery, message: Message) -> Self:
        """Return how a delivery is shown with its message."""
        return cls.model_validate(_sent(delivery) | {"body": message.content})


def _shown(known: KnownEndpoint) -> dict[str, object]:
    endpoint = known.endpoint
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "description": endpoint.description,
        "types": tuple(sorted(endpoint.types)),
        "version": endpoint.version,
        "enabled": endpoint.is_enabled,
        "created_at": endpoint.created_at,
        "failing_since": endpoint.failing_since,
        "disabled_at": endpoint.disabled_at,
        "disabled_reason": endpoint.disabled_reason,
        "keys": tuple(KeyAnswer.model_validate(it) for it in known.keys),
    }


def _sent(delivery: Delivery) -> dict[str, object]:
    return {
        "id": delivery.id,
        "message": delivery.message,
        "type": delivery.type,
        "state": delivery.state,
        "attempt": delivery.attempt,
        "created_at": delivery.created_at,
        "next_at": delivery.next_at,
        "last_at": delivery.last_at,
        "answer": ReplyAnswer.of(delivery.answer) if delivery.answer else None,
    }
