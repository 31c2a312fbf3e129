"""Create the declared streams and consumers on a server, or bring them up to date."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import nats.errors
from nats.aio.client import Client

from shared import errors

from . import streams

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

WAIT_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 0.1
EXISTS_DIFFERENTLY: Final = 10058
NOT_YET: Final = 503
"""JetStream answers this while it is still recovering its streams."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done about one stream or consumer."""

    kind: str
    name: str
    action: str


async def apply(
    url: str, seed: SecretStr, *, wait_seconds: float = WAIT_SECONDS
) -> tuple[Applied, ...]:
    """Create every stream and consumer, update those that differ; the rest stays as it is.

    Args:
        url: the server, which may be about to start.
        seed: the administrator's.
        wait_seconds: how long to wait for the server.

    Raises:
        UnavailableError: the server did not answer in time.
        FaultError: the server refuses a declaration.
    """
    try:
        async with asyncio.timeout(wait_seconds):
            client = await _connect(url, seed)
            try:
                found = [await _apply_stream(client, it) for it in streams.STREAMS]
                return (*found, *[await _apply_consumer(client, it) for it in streams.consumers()])
            finally:
                await client.close()
    except (TimeoutError, OSError, nats.errors.Error) as error:
        raise errors.UnavailableError(
            "bus.unavailable",
            f"{url} did not let the administrator in within {wait_seconds:g} s ({error!r}); "
            "check that nats-server runs and knows this key",
        ) from error


async def _connect(url: str, seed: SecretStr) -> Client:
    while True:
        client = Client()
        try:
            await client.connect(
                url,
                nkeys_seed_str=seed.get_secret_value(),
                allow_reconnect=False,
                error_cb=_ignore,
            )
        except (OSError, nats.errors.Error):
            # The library leaves the socket of a refused connection open.
            await client.close()
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return client


async def _ignore(_: Exception) -> None:
    """Stay quiet: the same error is raised to the caller."""


async def _apply_stream(client: Client, stream: streams.Stream) -> Applied:
    body = asdict(stream)
    answer = await _ask(client, f"$JS.API.STREAM.CREATE.{stream.name}", body)
    action = "created or unchanged"
    if _error_code(answer) == EXISTS_DIFFERENTLY:
        answer = await _ask(client, f"$JS.API.STREAM.UPDATE.{stream.name}", body)
        action = "updated"
    return _done(Applied("stream", stream.name, action), answer)


async def _apply_consumer(client: Client, consumer: streams.Consumer) -> Applied:
    config = asdict(consumer) | {"durable_name": consumer.name}
    body = {"stream_name": config.pop("stream"), "config": config}
    place = f"{consumer.stream}.{consumer.name}"
    # One request does both: the same name again is an update.
    answer = await _ask(client, f"$JS.API.CONSUMER.CREATE.{place}", body)
    return _done(Applied("consumer", place, "created or updated"), answer)


async def _ask(client: Client, subject: str, body: Mapping[str, object]) -> dict[str, Any]:
    while True:
        message = await client.request(subject, json.dumps(body).encode(), timeout=ANSWER_SECONDS)
        answer: dict[str, Any] = json.loads(message.data)
        if answer.get("error", {}).get("code") != NOT_YET:
            return answer
        await asyncio.sleep(RETRY_SECONDS)


def _error_code(answer: Mapping[str, Any]) -> int | None:
    code: int | None = answer.get("error", {}).get("err_code")
    return code


def _done(applied: Applied, answer: Mapping[str, Any]) -> Applied:
    if "error" not in answer:
        return applied
    reason = answer["error"].get("description", answer["error"])
    raise errors.FaultError(
        "bus.refused", f"the server refuses {applied.kind} {applied.name}: {reason}"
    )
