"""The envelope: CloudEvents 1.0 in binary mode, as NATS headers, plus W3C trace context.

`ce-run` and `ce-cause` are extension attributes: the run a fact belongs to, and the id of the
message that led to it. `ce-id` equals `Nats-Msg-Id` and is random, never derived.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from pydantic import ValidationError

from shared import errors, ids

from . import registry
from .messages import ANY_SERVICE, Event

if TYPE_CHECKING:
    from collections.abc import Mapping

SPEC_VERSION: Final = "1.0"
CONTENT_TYPE: Final = "application/json"
SOURCE_PREFIX: Final = "/services/"
_PLAIN: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
_SUBJECT_TOKENS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What is known about a message besides its payload."""

    id: str
    service: str
    """The service that states the fact."""
    type: str
    time: str
    """RFC 3339, UTC."""
    deployment: str
    run: str | None = None
    cause: str | None = None
    traceparent: str | None = None

    def headers(self) -> dict[str, str]:
        """Return the NATS headers."""
        attributes = {
            "ce-specversion": SPEC_VERSION,
            "ce-id": self.id,
            "ce-source": SOURCE_PREFIX + self.service,
            "ce-type": self.type,
            "ce-time": self.time,
            "ce-subject": self.deployment,
            "ce-datacontenttype": CONTENT_TYPE,
            "ce-run": self.run,
            "ce-cause": self.cause,
        }
        encoded = {name: quote(value, safe=_PLAIN) for name, value in attributes.items() if value}
        trace = {"traceparent": self.traceparent} if self.traceparent else {}
        return {"Nats-Msg-Id": self.id} | encoded | trace


def read(subject: str, headers: Mapping[str, str] | None) -> Envelope:
    """Read the envelope of a message and check it against its subject.

    Raises:
        InvalidError: something is missing, malformed or disagrees with the subject.
    """
    found = {name: unquote(value) for name, value in (headers or {}).items()}
    tokens = subject.split(".")
    if len(tokens) != _SUBJECT_TOKENS or tokens[0] != "ev":
        raise errors.InvalidError("message.subject", f"{subject} is not an event subject")
    _, service, deployment, name = tokens
    missing = [it for it in ("ce-id", "ce-source", "ce-type", "ce-time") if not found.get(it)]
    if missing:
        raise errors.InvalidError("message.headers", f"headers are missing: {', '.join(missing)}")
    wrong = _disagreements(found, service, deployment, name)
    if wrong:
        raise errors.InvalidError("message.headers", f"the subject says otherwise: {wrong}")
    return Envelope(
        id=found["ce-id"],
        service=service,
        type=found["ce-type"],
        time=found["ce-time"],
        deployment=deployment,
        run=found.get("ce-run"),
        cause=found.get("ce-cause"),
        traceparent=found.get("traceparent"),
    )


def _disagreements(found: Mapping[str, str], service: str, deployment: str, name: str) -> str:
    wanted = {
        "ce-source": found["ce-source"] == SOURCE_PREFIX + service,
        "ce-subject": found.get("ce-subject", deployment) == deployment,
        "ce-type": found["ce-type"].rsplit(".", 1)[0].endswith(f".{name}"),
        "deployment": ids.is_id(deployment),
    }
    return ", ".join(what for what, holds in wanted.items() if not holds)


def encode(event: Event) -> bytes:
    """Return the payload of an event."""
    return event.model_dump_json().encode()


def decode(envelope: Envelope, payload: bytes) -> Event:
    """Return the event in a payload.

    Raises:
        InvalidError: the type is unknown, not this service's to state, or the payload is not one.
    """
    kind = registry.find(envelope.type)
    if kind is None:
        raise errors.InvalidError("message.type", f"{envelope.type} is not known here")
    if kind.owner not in (envelope.service, ANY_SERVICE):
        raise errors.InvalidError(
            "message.owner", f"{envelope.service} does not state {kind.event_name()}"
        )
    try:
        event = kind.model_validate_json(payload)
    except ValidationError as error:
        raise errors.InvalidError("message.payload", _reasons(error)) from error
    if event.deployment != envelope.deployment:
        raise errors.InvalidError("message.payload", "payload and subject name two deployments")
    return event


def _reasons(error: ValidationError) -> str:
    """Say what is wrong without repeating values, which may be long or private."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, it['loc'])) or 'payload'}: {it['msg']}" for it in found)
