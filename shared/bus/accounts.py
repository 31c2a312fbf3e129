"""The configuration of nats-server, rendered from the declared streams and consumers.

The streams live in account BUS. Each service has an account of its own and reaches them through
exact subjects. Permissions inside one shared account would not be enough: the server publishes
its answers to whatever reply subject a client names, and checks no permission for that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared import errors

from . import streams

Json = None | bool | int | str | Sequence["Json"] | Mapping[str, "Json"]

ADMINISTRATOR: Final = "admin"
API: Final = "$JS.API"
API_PREFIX: Final = "js"
"""How an account of a service calls $JS.API; an own $JS.API would mean its own, empty account."""
RESPONSE_THRESHOLD: Final = "10s"
"""The server forgets a request this long after its last answer; heartbeats keep a pull alive."""
LINE_WIDTH: Final = 120
HEADER: Final = """# Rendered by `python -m shared.bus render`; keys are public.
# Without TLS: listen on loopback or a private network only. Check with nats-server -t -c FILE.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where a nats-server listens and keeps its streams, and the public keys it knows."""

    listen: str
    store: str
    keys: Mapping[str, str]
    """Public nkey of each service, and of `admin`."""
    monitor: str | None = None
    """host:port of the HTTP health endpoint, if there is to be one."""


def render(server: Server) -> str:
    """Return the configuration file of a server."""
    return written(configuration(server))


def written(config: Mapping[str, Json]) -> str:
    """Return a configuration in the form that nats-server reads."""
    return HEADER + "".join(f"{key}: {_written(value)}\n" for key, value in config.items())


def configuration(server: Server) -> dict[str, Json]:
    """Return the configuration as data.

    Raises:
        InvalidError: a key is missing, or belongs to nobody.
    """
    names = {ADMINISTRATOR, *(it.name for it in streams.SERVICES)}
    if wrong := names ^ set(server.keys):
        raise errors.InvalidError(
            "bus.keys",
            f"exactly one public key each is needed for {', '.join(sorted(names))}; "
            f"missing or unknown: {', '.join(sorted(wrong))}",
        )
    others = {
        _account_name(it.name): account(it.name, server.keys[it.name]) for it in streams.SERVICES
    }
    monitor: dict[str, Json] = {"http": server.monitor} if server.monitor else {}
    return {
        "server_name": "bus1",
        "listen": server.listen,
        **monitor,
        "max_payload": streams.MAX_PAYLOAD,
        "max_pending": 32 * streams.MIB,
        "write_deadline": "5s",
        # Every message is on disk before it is acked: the default flushes every two minutes.
        # The size is a reservation; without one the server offers a share of what is free now.
        "jetstream": {"store_dir": server.store, "max_file": _room(), "sync_interval": "always"},
        "system_account": "SYS",
        "accounts": {
            "SYS": {"users": []},
            "BUS": _bus(server.keys[ADMINISTRATOR]),
            **others,
        },
    }


def subjects(service: str) -> tuple[str, ...]:
    """Return the subjects of BUS that a service may send to."""
    places = [f"{it.stream}.{it.name}" for it in streams.consumers() if it.name == service]
    return (
        f"ev.{service}.*.*",
        streams.PROGRESS_SUBJECTS,
        *(it for place in places for it in _durable_subjects(place)),
    )


def _durable_subjects(place: str) -> Iterator[str]:
    """Yield what it takes to use a durable; both forms of ack count their tokens.

    A trailing `>` would let one service ack, and so steal, the messages of another's durable.
    """
    yield f"{API}.CONSUMER.MSG.NEXT.{place}"
    yield f"{API}.CONSUMER.INFO.{place}"
    yield f"$JS.ACK.{place}.*.*.*.*.*"
    yield f"$JS.ACK.*.*.{place}.*.*.*.*.*"


def account(service: str, key: str) -> dict[str, Json]:
    """Return a service's account, whose one user sends and hears just what is declared."""
    offered = {it: it.replace(API, API_PREFIX) for it in subjects(service)}
    permissions: dict[str, Json] = {
        "publish": {"allow": [*offered.values()]},
        "subscribe": {"allow": [f"_INBOX.{service}.>"]},
    }
    return {
        "users": [{"nkey": key, "permissions": permissions}],
        "imports": [
            {"service": {"account": "BUS", "subject": subject}, "to": local}
            for subject, local in offered.items()
        ],
    }


def _account_name(service: str) -> str:
    return f"SVC_{service}"


def _bus(key: str) -> dict[str, Json]:
    return {
        "jetstream": {"max_memory": 0, "max_file": _room()},
        "users": [{"nkey": key}],
        "exports": [*_exports()],
    }


def _room() -> int:
    """Return how much the streams may reserve: an existing one is checked as if it came anew."""
    return 2 * sum(it.max_bytes for it in streams.STREAMS)


def _exports() -> Iterator[dict[str, Json]]:
    """Yield what BUS offers: what the services import, each subject only to its importers."""
    importers: dict[str, list[str]] = {}
    for service in streams.SERVICES:
        for subject in subjects(service.name):
            importers.setdefault(subject, []).append(_account_name(service.name))
    for subject, names in importers.items():
        yield {
            "service": subject,
            "response_type": "stream" if ".MSG.NEXT." in subject else "single",
            "response_threshold": RESPONSE_THRESHOLD,
            "accounts": names,
        }


def _written(value: Json, pad: str = "\n") -> str:
    """Write a value as configuration, on one line where it fits."""
    flat, deep = json.dumps(value), pad + "  "
    if len(flat) < LINE_WIDTH or not isinstance(value, (dict, list)):
        return flat
    if isinstance(value, dict):
        rows = "".join(f"{deep}{key}: {_written(it, deep)}" for key, it in value.items())
        return "{" + rows + pad + "}"
    return "[" + "".join(deep + _written(it, deep) for it in value) + pad + "]"
