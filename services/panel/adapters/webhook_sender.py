"""Sending to URLs that operators gave: only to public addresses, and never for long.

The host is resolved once; every address it has must be one that may be reached, and the connection
goes to one of these, under the host's own name. What a second look at the name would say does not
matter any more. No redirect is followed, no proxy of the environment is asked, no connection is
shared, and of an answer only the beginning is read.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import httpx2

from shared import errors, http

from ..domain.kept_sentences import BAD_CERTIFICATE, BROKEN, NO_TLS, TOO_SLOW
from ..domain.sentences import N_, say
from ..domain.webhooks import Answer

if TYPE_CHECKING:
    from pathlib import Path

    from ..domain.reachable import ReachRules, Target

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
TIMEOUT_SECONDS: Final = 15.0
LARGEST_ANSWER: Final = 8192
"""Bytes of an answer that are read; it may have more."""
LONGEST_SHOWN: Final = 1024
MOST_ADDRESSES: Final = 4
MOST_QUESTIONS: Final = 32
"""Names that are asked for at a time: as many as there are messages on their way."""
AGENT: Final = "Fediversity-Webhooks/1.0"


class RefusedError(Exception):
    """This is nothing that panel sends to."""


class SystemNames:
    """Names as this computer sees them.

    A question whose answer nobody waits for any more still keeps its thread for as long as the name
    server likes. So there are threads for this alone: nothing else has to wait for them.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(MOST_QUESTIONS, thread_name_prefix="names")

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of a host."""
        if http.is_local(host):
            return [http.LOOPBACK]
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        return list(dict.fromkeys(str(it[4][0]) for it in found))


class HttpWebhookSender:
    """Send messages by HTTP POST."""

    def __init__(
        self,
        rules: ReachRules,
        authority: Path | None = None,
        *,
        resolver: Resolve | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._rules = rules
        self._resolve = resolver or SystemNames().resolve
        self._timeout_seconds = timeout_seconds
        self._trust = ssl.create_default_context()
        if authority is not None:
            self._trust.load_verify_locations(authority)

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a message once, and return what came of it, whatever that is."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            # The client's own timeouts begin anew with every byte that comes.
            async with asyncio.timeout(self._timeout_seconds):
                answer = await self._send(self._rules.check_url(url), headers, body)
        except TimeoutError:
            answer = Answer(reason=say(TOO_SLOW, seconds=f"{self._timeout_seconds:g}"))
        except errors.InvalidError as error:
            answer = Answer(reason=error.message)
        except RefusedError:
            answer = Answer(reason=N_("This panel does not send to the address of that host."))
        except ssl.SSLError as error:
            answer = Answer(reason=say(NO_TLS, reason=error.reason or "no agreement"))
        except (httpx2.HTTPError, OSError, UnicodeError) as error:
            answer = Answer(reason=_said(error))
        return _timed(answer, loop.time() - begun)

    async def _send(self, target: Target, headers: Mapping[str, str], body: bytes) -> Answer:
        addresses = await self._resolve(target.host, target.port)
        if not self._rules.admits_all(addresses):
            raise RefusedError
        tried = addresses[:MOST_ADDRESSES]
        for address in tried[:-1]:
            try:
                return await self._post(target, address, headers, body)
            except httpx2.ConnectError:
                continue
        return await self._post(target, tried[-1], headers, body)

    async def _post(
        self, target: Target, address: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Send to one address that was checked, under the name of the host."""
        sent = {
            **headers,
            "host": target.authority,
            "content-type": "application/json",
            "user-agent": AGENT,
            "accept-encoding": "identity",
            "connection": "close",
        }
        at = httpx2.URL(target.url).copy_with(host=address)
        async with (
            httpx2.AsyncHTTPTransport(verify=self._trust, trust_env=False) as transport,
            httpx2.AsyncClient(transport=transport, timeout=None, trust_env=False) as client,
            client.stream(
                "POST",
                at,
                headers=sent,
                content=body,
                extensions={"sni_hostname": target.host},
                follow_redirects=False,
            ) as response,
        ):
            return Answer(
                status=response.status_code,
                text=await _beginning(response),
                retry_after_seconds=_retry_after(response.headers.get("retry-after")),
            )


async def _beginning(response: httpx2.Response) -> str:
    """Return how an answer begins, without anything that would act on who reads it."""
    found = bytearray()
    async for chunk in response.aiter_raw():
        found += chunk
        if len(found) >= LARGEST_ANSWER:
            break
    text = bytes(found[:LARGEST_ANSWER]).decode("utf-8", "replace")
    plain = "".join(it if it.isprintable() or it == "\n" else " " for it in text)
    return plain[:LONGEST_SHOWN]


def _retry_after(text: str | None) -> float | None:
    """Return for how long a receiver asks to be left alone, in seconds."""
    if not text:
        return None
    if text.strip().isdecimal():
        return float(text.strip()[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def _said(error: Exception) -> str:
    """Say what went wrong without naming an address of this network."""
    match error:
        case socket.gaierror():
            return N_("There is no such host.")
        case httpx2.ConnectError():
            return _cause(error)
        case httpx2.RemoteProtocolError():
            return N_("It did not answer as a web server does.")
        case _:
            return say(BROKEN, reason=type(error).__name__)


def _cause(error: BaseException) -> str:
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, ssl.SSLCertVerificationError):
            return say(BAD_CERTIFICATE, reason=at.verify_message)
        if isinstance(at, ssl.SSLError):
            return N_("It could not be connected to: TLS failed.")
        at = at.__cause__ or at.__context__
    return N_("It could not be connected to: nothing answers there.")


def _timed(answer: Answer, seconds: float) -> Answer:
    return Answer(
        status=answer.status,
        reason=answer.reason,
        text=answer.text,
        milliseconds=round(seconds * 1000),
        retry_after_seconds=answer.retry_after_seconds,
    )
