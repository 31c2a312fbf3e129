"""Notifications as pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ...domain.happenings import Channel, Topic
from ..languages import N_, retell
from ..languages import gettext as _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from ...domain.notifications import Notification
    from ...service.notifications import Wanted

_TOPICS: Final[Mapping[Topic, str]] = {
    Topic.RUN_FAILED: N_("A run failed"),
    Topic.RUN_SUCCEEDED: N_("A run reached its goal"),
    Topic.RUN_CANCELLED: N_("A run was cancelled"),
    Topic.HEALTH: N_("A deployment is not well, or well again"),
    Topic.DOMAINS: N_("Records of a domain are set, or not right any more"),
    Topic.BACKUPS: N_("The newest backup of a deployment is old"),
    Topic.WEBHOOKS: N_("Webhooks were switched off"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationView:
    """Something that happened, for one person."""

    id: str
    title: str
    why: str
    left: str
    next: str
    created_at: datetime
    is_unread: bool
    tone: str
    icon: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicView:
    """What a person may be told, and whether it is."""

    topic: str
    text: str
    in_bell: bool
    by_email: bool


def present(found: Notification) -> NotificationView:
    """Return a notification as pages show it."""
    return NotificationView(
        id=found.id,
        title=found.title(_),
        why=found.why(_),
        left=retell(found.left),
        next=retell(found.next),
        created_at=found.created_at,
        is_unread=found.read_at is None,
        tone="bad" if found.is_bad else "good",
        icon="circle-x" if found.is_bad else "circle-check",
    )


def present_topics(wanted: Wanted) -> Sequence[TopicView]:
    """Return what a person is told."""
    return [
        TopicView(
            topic=topic.value,
            text=_(text),
            in_bell=wanted.choices[topic, Channel.BELL],
            by_email=wanted.choices[topic, Channel.EMAIL],
        )
        for topic, text in _TOPICS.items()
    ]
