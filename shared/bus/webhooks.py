"""Webhooks in the AsyncAPI document: one channel, by HTTP, to whatever URL an operator gave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.contracts.happenings import HappeningType, example, meaning, shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from .accounts import Json

CHANNEL: Final = "webhooks"
HEADERS: Final = {
    "webhook-id": "The same for every attempt: whoever has seen it drops the repetition.",
    "webhook-timestamp": "When this attempt was made, in seconds since 1970.",
    "webhook-signature": "v1 (HMAC-SHA256) and v1a (ed25519) of `id.timestamp.body`, by every key.",
}


def server() -> dict[str, Json]:
    """Return where webhooks go."""
    return {
        "endpoint": {
            "host": "{host}",
            "protocol": "https",
            "description": "A program of an operator.",
            "variables": {"host": {"description": "Host of the URL that the operator gave."}},
        }
    }


def channel() -> dict[str, Json]:
    """Return the channel of all webhooks."""
    return {
        CHANNEL: {
            "address": None,
            "description": "Standard Webhooks 1.0.0, by POST; 2xx within 15 s is success.",
            "servers": [{"$ref": "#/servers/endpoint"}],
            "messages": {
                it.value: {"$ref": f"#/components/messages/{it.value}"} for it in HappeningType
            },
        }
    }


def operation() -> dict[str, Json]:
    """Return who sends webhooks."""
    return {
        "panel.sends.webhooks": {
            "action": "send",
            "channel": {"$ref": f"#/channels/{CHANNEL}"},
            "bindings": {"http": {"method": "POST"}},
            "messages": [
                {"$ref": f"#/channels/{CHANNEL}/messages/{it.value}"} for it in HappeningType
            ],
        }
    }


def messages() -> dict[str, Json]:
    """Return what each type says, with an example."""
    return {
        it.value: {
            "name": it.value,
            "title": it.value,
            "summary": meaning(it),
            "traits": [{"$ref": "#/components/messageTraits/StandardWebhook"}],
            "payload": {"$ref": f"#/components/schemas/{shape(it).__name__}"},
            "examples": [{"payload": example(it).model_dump(mode="json", exclude_none=True)}],
        }
        for it in HappeningType
    }


def traits() -> dict[str, Json]:
    """Return the headers of every webhook."""
    return {
        "StandardWebhook": {
            "contentType": "application/json",
            "headers": {
                "type": "object",
                "properties": {
                    name: {"type": "string", "description": about}
                    for name, about in HEADERS.items()
                },
                "required": [*HEADERS],
            },
        }
    }


def bodies() -> Sequence[type[BaseModel]]:
    """Return the models of the bodies, each once."""
    return [*dict.fromkeys(shape(it) for it in HappeningType)]
