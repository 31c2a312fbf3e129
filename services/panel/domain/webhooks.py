"""Webhooks: where an operator wants happenings sent, and how each delivery went.

waiting ──▶ delivered        only 2xx is success
   │ ▲
   │ └── again, ten times in all, ever more rarely
   └────▶ failed             given up, or its endpoint was disabled
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from shared import errors
from shared.contracts.happenings import HappeningType

from .kept_sentences import ANSWERED, LED_ELSEWHERE, NOTHING_ARRIVES, recalled
from .sentences import N_, say, together

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pydantic import JsonValue

SCHEDULE_SECONDS: Final = (0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
"""How long after the one before each attempt is made."""
JITTER: Final = 0.1
"""At most this part of a pause is added to it, so that not all come back at once."""
LONGEST_PAUSE_SECONDS: Final = 86400
PATIENCE: Final = timedelta(days=5)
"""An endpoint that has failed for so long is disabled."""
MOST_ENDPOINTS: Final = 10
MOST_DELIVERIES: Final = 200
MOST_WAITING: Final = 1000
"""Deliveries of one endpoint: while so many wait, nothing is sent to it again."""
MOST_TESTS: Final = 2
"""Of one operator at the same time."""
MOST_OLD_KEYS: Final = 3
"""Of one endpoint, beside the current one: every message is signed with all of them."""
GONE: Final = 410
_SUCCESS: Final = range(200, 300)
_REDIRECT: Final = range(300, 400)
USUAL_TYPES: Final = frozenset(HappeningType) - {
    HappeningType.RUN_STEP,
    HappeningType.RUN_QUEUED,
    HappeningType.RUN_STARTED,
    HappeningType.TEST,
}
"""What an endpoint gets when nothing else is asked for: results, not what leads to them."""


class DeliveryState(StrEnum):
    """How a delivery stands."""

    WAITING = "waiting"
    """It will be tried, or tried again."""
    DELIVERED = "delivered"
    """The receiver took it."""
    FAILED = "failed"
    """It was given up; a person may send it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where an operator wants happenings sent."""

    id: str
    operator: str
    url: str
    description: str
    types: frozenset[HappeningType]
    created_at: datetime
    version: int = 1
    """Rises with every change."""
    failing_since: datetime | None = None
    """Since when no delivery has succeeded, while some have failed."""
    disabled_at: datetime | None = None
    disabled_reason: str = ""

    @property
    def origin(self) -> str:
        """Scheme and host: what may be shown to whoever must not see the rest."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def is_enabled(self) -> bool:
        """Whether happenings are sent to it."""
        return self.disabled_at is None

    def require_enabled(self) -> None:
        """Raise ConflictError when nothing is sent to it."""
        if not self.is_enabled:
            raise errors.ConflictError(
                "webhook.disabled", "Nothing is sent to this endpoint. Enable it first."
            )

    def disabled(self, at: datetime, reason: str) -> Endpoint:
        """Return the endpoint as nothing is sent to it any more."""
        return replace(self, disabled_at=at, disabled_reason=reason, version=self.version + 1)

    def enabled(self) -> Endpoint:
        """Return the endpoint with a clean sheet."""
        return replace(self, disabled_at=None, disabled_reason="", failing_since=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one attempt."""

    status: int | None = None
    """None: there was no answer; the reason says why."""
    reason: str = ""
    text: str = ""
    """How the answer began."""
    milliseconds: int = 0
    retry_after_seconds: float | None = None

    @property
    def is_success(self) -> bool:
        """Whether the receiver took the message."""
        return self.status in _SUCCESS

    @property
    def in_words(self) -> str:
        """What came of it, for people."""
        if self.status is None:
            return recalled(self.reason)
        if self.status in _REDIRECT:
            return say(LED_ELSEWHERE, status=self.status)
        return say(ANSWERED, status=self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message on its way to one endpoint."""

    id: str
    endpoint: str
    message: str
    """The `webhook-id`: the same for every attempt, and for every endpoint."""
    type: HappeningType
    state: DeliveryState
    attempt: int
    """How often it was begun."""
    created_at: datetime
    next_at: datetime | None = None
    last_at: datetime | None = None
    answer: Answer | None = None
    """What came of the last attempt that ended."""

    def concluded(self, answer: Answer, now: datetime, chance: float) -> Delivery:
        """Return the delivery after an attempt; `chance` is from 0 to 1."""
        tried = replace(self, answer=answer, last_at=now)
        if answer.is_success:
            return replace(tried, state=DeliveryState.DELIVERED, next_at=None)
        if self.attempt >= len(SCHEDULE_SECONDS) or answer.status == GONE:
            return replace(tried, state=DeliveryState.FAILED, next_at=None)
        pause = SCHEDULE_SECONDS[self.attempt] * (1 + JITTER * chance)
        asked = min(answer.retry_after_seconds or 0.0, LONGEST_PAUSE_SECONDS)
        return replace(tried, next_at=now + timedelta(seconds=max(pause, asked)))


def reason_to_disable(endpoint: Endpoint, answer: Answer, now: datetime) -> str | None:
    """Return why nothing more should be sent to an endpoint after this answer, or None."""
    if answer.status == GONE:
        return N_("It answered 410: nobody wants these messages there any more.")
    since = endpoint.failing_since
    if not answer.is_success and since is not None and now - since >= PATIENCE:
        return say(NOTHING_ARRIVES, days=PATIENCE.days, answer=together([answer.in_words]))
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A happening as it is sent."""

    id: str
    type: HappeningType
    body: bytes

    @property
    def content(self) -> Mapping[str, JsonValue]:
        """What it says."""
        found: Mapping[str, JsonValue] = json.loads(self.body)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A delivery in the hands of one courier, with everything that it needs."""

    delivery: Delivery
    message: Message
    operator: str
    """Whose it is."""
    url: str
    sealed_keys: tuple[str, ...]
    """Every key that is good now, the newest first, sealed to panel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """Whom a courier carries nothing more to for the moment."""

    endpoints: Collection[str] = ()
    operators: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """What signs the messages to an endpoint, as it is kept."""

    id: str
    sealed: str
    """Secret and private key, sealed to panel."""
    public_key: str
    created_at: datetime
    expires_at: datetime | None = None
    """None: the current one."""
