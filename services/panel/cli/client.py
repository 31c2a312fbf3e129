"""The client: asks the REST API, and turns its problems into one line and an exit status."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import httpx2

from shared import http

from .failures import CommandFailedError, Status, from_problem
from .profile import Profile
from .streams import StreamEvent, events

PREFIX: Final = "/api/v1"
TIMEOUT_SECONDS: Final = 30.0
SILENCE_SECONDS: Final = 45.0
"""A stream is pinged every 15 seconds; one that is silent for longer is dead."""
PATIENCE_SECONDS: Final = 120.0
"""How long a panel that was there may be away while a run is watched."""
SHORTEST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 2.0
Json = dict[str, Any]


class Client:
    """A signed-in client of one panel."""

    def __init__(self, profile: Profile) -> None:
        self.url = profile.url.rstrip("/")
        self._http = http.sync_client(
            base_url=self.url + PREFIX,
            authority=Path(profile.authority) if profile.authority else None,
            headers={"Authorization": f"Bearer {profile.token}"},
            timeout_seconds=TIMEOUT_SECONDS,
        )

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        """Close every connection."""
        self._http.close()

    def get(self, path: str, **query: str | int | bool) -> Json:
        """Return what is at a path."""
        return self._ask("GET", path, params=query)

    def read(self, path: str) -> str:
        """Return what is at a path as text."""
        return self._send("GET", path).text

    def list_all(self, path: str, **query: str | int | bool) -> list[Json]:
        """Return every item of a list, part by part."""
        return list(self.each(path, **query))

    def each(self, path: str, **query: str | int | bool) -> Iterator[Json]:
        """Yield the items of a list; a part is asked for when the one before was used up."""
        following: str | None = None
        while True:
            # Numbers go on by `after`, everything else by `cursor`.
            name = "after" if following and following.isdecimal() else "cursor"
            place = {name: following} if following else {}
            part = self.get(path, **query, **place)
            yield from part["items"]
            following = part["next"]
            if following is None:
                return

    def post(self, path: str, body: Json | None = None, *, key: str | None = None) -> Json:
        """Ask for something."""
        return self._ask("POST", path, json=body, headers=_key(key))

    def replace(
        self,
        path: str,
        body: Json | None,
        version: int,
        *,
        method: Literal["POST", "PUT", "PATCH"] = "POST",
        key: str | None = None,
    ) -> Json:
        """Replace a version of something, and nothing newer."""
        headers = {"If-Match": f'"{version}"', **_key(key)}
        return self._ask(method, path, json=body, headers=headers)

    def patch(self, path: str, body: Json) -> Json:
        """Change a part of something, whatever it is."""
        return self._ask("PATCH", path, json=body)

    def put(self, path: str, body: Json) -> Json:
        """Replace something, whatever it is."""
        return self._ask("PUT", path, json=body)

    def delete(self, path: str, *, key: str | None = None) -> Json:
        """Ask for something to go."""
        return self._ask("DELETE", path, headers=_key(key))

    def watch(self, run: str, deadline: float | None = None) -> Iterator[StreamEvent]:
        """Yield the events of a run until it has ended, across every interruption.

        Raises:
            TimeoutError: the deadline, on the monotonic clock, has passed.
            CommandFailedError: the panel refuses, or stays away for too long.
        """
        after, pause, heard = 0, SHORTEST_PAUSE, time.monotonic()
        while True:
            try:
                for event in self._stream(run, after, _silence(deadline)):
                    after, pause, heard = event.id, SHORTEST_PAUSE, time.monotonic()
                    yield event
                    if event.kind == "end":
                        return
                    _silence(deadline)
            except httpx2.TransportError as error:
                _silence(deadline)
                if time.monotonic() - heard > PATIENCE_SECONDS:
                    raise self._unreachable(error) from error
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _stream(self, run: str, after: int, silence: float) -> Iterator[StreamEvent]:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        timeout = httpx2.Timeout(TIMEOUT_SECONDS, read=silence)
        path = f"/runs/{run}/events"
        with self._http.stream("GET", path, headers=headers, timeout=timeout) as response:
            if response.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR:
                raise httpx2.RemoteProtocolError(f"HTTP status {response.status_code}")
            if not response.is_success:
                response.read()
                raise _problem(response)
            yield from events(response.iter_lines())

    def _ask(self, method: str, path: str, **arguments: Any) -> Json:  # noqa: ANN401 - httpx's own
        response = self._send(method, path, **arguments)
        found: Json = response.json() if response.content else {}
        return found

    def _send(
        self,
        method: str,
        path: str,
        **arguments: Any,  # noqa: ANN401 - httpx's own
    ) -> httpx2.Response:
        try:
            response = self._http.request(method, path, **arguments)
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            reason = f"{self.url} is no address of a panel; give one such as https://panel.example"
            raise CommandFailedError(Status.USAGE, reason) from error
        except httpx2.TransportError as error:
            raise self._unreachable(error) from error
        if not response.is_success:
            raise _problem(response)
        return response

    def _unreachable(self, error: Exception) -> CommandFailedError:
        return CommandFailedError(
            Status.UNREACHABLE, f"the panel at {self.url} does not answer: {error}"
        )


def _silence(deadline: float | None) -> float:
    """Return how long a stream may be silent, at most until the deadline."""
    left = SILENCE_SECONDS if deadline is None else deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return min(left, SILENCE_SECONDS)


def _key(key: str | None) -> Mapping[str, str]:
    return {"Idempotency-Key": key} if key else {}


def _problem(response: httpx2.Response) -> CommandFailedError:
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    return from_problem(response.status_code, problem if isinstance(problem, dict) else {})
