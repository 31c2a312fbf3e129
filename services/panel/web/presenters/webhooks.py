"""Webhooks as pages show them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared.contracts.happenings import HappeningType

from ...domain.kept_sentences import recalled
from ...domain.webhooks import USUAL_TYPES, DeliveryState
from ..languages import N_, retell
from ..languages import gettext as _
from .configuring import Clash
from .states import StateView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import Self

    from ...domain.webhooks import Delivery, Endpoint, Message
    from ...service.webhooks import KnownEndpoint

TYPES: Final[Mapping[HappeningType, str]] = {
    HappeningType.RUN_SUCCEEDED: N_("A run reached its goal"),
    HappeningType.RUN_FAILED: N_("A run failed"),
    HappeningType.RUN_CANCELLED: N_("A run was cancelled"),
    HappeningType.RUN_SUPERSEDED: N_("A run was overtaken by a newer one"),
    HappeningType.DEPLOYMENT_CREATED: N_("A deployment was made"),
    HappeningType.DEPLOYMENT_DELETED: N_("A deployment is gone"),
    HappeningType.DEPLOYMENT_DEGRADED: N_("A deployment is not well"),
    HappeningType.DEPLOYMENT_RECOVERED: N_("A deployment is well again"),
    HappeningType.BACKUP_SUCCEEDED: N_("A backup is complete"),
    HappeningType.BACKUP_FAILED: N_("A backup could not be made"),
    HappeningType.BACKUP_STALE: N_("The newest backup of a deployment is old"),
    HappeningType.DOMAIN_VERIFIED: N_("All records of a domain are set"),
    HappeningType.DOMAIN_DRIFTED: N_("Records of a domain are not right any more"),
    HappeningType.TOKEN_CREATED: N_("An API token was made"),
    HappeningType.ENDPOINT_DISABLED: N_("Webhooks were switched off"),
    HappeningType.RUN_QUEUED: N_("A run was asked for"),
    HappeningType.RUN_STARTED: N_("A run began"),
    HappeningType.RUN_STEP: N_("A step of a run has another status"),
}
"""What can be chosen, in the order in which it is shown; a test is sent to every endpoint."""
_DELIVERIES: Final[Mapping[DeliveryState, tuple[str, str, str]]] = {
    DeliveryState.WAITING: (N_("Tried again"), "warning", "hourglass"),
    DeliveryState.DELIVERED: (N_("Delivered"), "good", "circle-check"),
    DeliveryState.FAILED: (N_("Not delivered"), "bad", "circle-x"),
}
_FIRST: Final = (N_("On its way"), "info", "send")


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeView:
    """A type that can be chosen."""

    value: str
    text: str
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView:
    """What verifies messages without a secret."""

    public_key: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointView:
    """Where happenings are sent."""

    id: str
    url: str
    origin: str
    description: str
    version: int
    state: StateView
    is_enabled: bool
    disabled_reason: str
    failing_since: datetime | None
    created_at: datetime
    types: Sequence[str]
    keys: Sequence[KeyView]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """One message on its way."""

    id: str
    message: str
    type: str
    state: StateView
    attempt: int
    created_at: datetime
    next_at: datetime | None
    last_at: datetime | None
    said: str
    """What came of the last attempt, in words; empty before the first."""
    text: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Side:
    """What stands in the form of an endpoint on one side of a conflict."""

    url: str
    description: str
    types: frozenset[str]

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self:
        """Return what is saved."""
        types = frozenset(it.value for it in endpoint.types)
        return cls(endpoint.url, endpoint.description, types)


def present(known: KnownEndpoint) -> EndpointView:
    """Return an endpoint as pages show it."""
    endpoint = known.endpoint
    return EndpointView(
        id=endpoint.id,
        url=endpoint.url,
        origin=endpoint.origin,
        description=endpoint.description,
        version=endpoint.version,
        state=_state(endpoint),
        is_enabled=endpoint.is_enabled,
        disabled_reason=retell(recalled(endpoint.disabled_reason)),
        failing_since=endpoint.failing_since,
        created_at=endpoint.created_at,
        types=[_(text) for it, text in TYPES.items() if it in endpoint.types],
        keys=[KeyView(public_key=it.public_key, expires_at=it.expires_at) for it in known.keys],
    )


def present_delivery(delivery: Delivery) -> DeliveryView:
    """Return a delivery as pages show it."""
    is_first = delivery.state is DeliveryState.WAITING and delivery.answer is None
    word, tone, icon = _FIRST if is_first else _DELIVERIES[delivery.state]
    answer = delivery.answer
    return DeliveryView(
        id=delivery.id,
        message=delivery.message,
        type=delivery.type.value,
        state=StateView(_(word), tone, icon),
        attempt=delivery.attempt,
        created_at=delivery.created_at,
        next_at=delivery.next_at,
        last_at=delivery.last_at,
        said=retell(answer.in_words) if answer else "",
        text=answer.text if answer else "",
        milliseconds=answer.milliseconds if answer else 0,
    )


def present_types(chosen: frozenset[str] | None = None) -> Sequence[TypeView]:
    """Return what can be chosen, with the usual choice unless another was made."""
    wanted = frozenset(it.value for it in USUAL_TYPES) if chosen is None else chosen
    return [
        TypeView(value=it.value, text=_(text), is_chosen=it.value in wanted)
        for it, text in TYPES.items()
    ]


def clashes(mine: Side, theirs: Side) -> Sequence[Clash]:
    """Return what two people entered differently."""
    found = (
        Clash(title=_("Address"), mine=mine.url, theirs=theirs.url),
        Clash(title=_("What it is for"), mine=mine.description, theirs=theirs.description),
        Clash(title=_("What it is told"), mine=_told(mine), theirs=_told(theirs)),
    )
    return [it for it in found if it.mine != it.theirs]


def present_body(message: Message) -> str:
    """Return what a message says, laid out for reading."""
    return json.dumps(message.content, indent=2, ensure_ascii=False)


def _told(side: Side) -> str:
    return " · ".join(_(text) for it, text in TYPES.items() if it.value in side.types)


def _state(endpoint: Endpoint) -> StateView:
    if not endpoint.is_enabled:
        return StateView(_("Switched off"), "neutral", "ban")
    if endpoint.failing_since is not None:
        return StateView(_("Does not answer"), "warning", "triangle-alert")
    return StateView(_("In use"), "good", "circle-check")
