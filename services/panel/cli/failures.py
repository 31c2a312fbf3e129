"""How a command fails: with one line on stderr and a status that scripts can tell apart."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final


class Status(IntEnum):
    """The exit status of a command."""

    DONE = 0
    """What was asked for was done."""
    RUN_FAILED = 1
    """The run ended without reaching its goal."""
    USAGE = 2
    """The command or the request has mistakes."""
    NOT_ALLOWED = 3
    """Not signed in, or not allowed."""
    NOT_FOUND = 4
    """There is no such thing."""
    CONFLICT = 5
    """That is not possible now."""
    TIME_IS_UP = 6
    """The run did not end while the command waited; it goes on."""
    UNREACHABLE = 7
    """The panel did not answer."""
    INTERRUPTED = 130
    """Ctrl-C; the run goes on."""


class CommandFailedError(Exception):
    """A command cannot do what it was asked for."""

    def __init__(
        self, status: Status, message: str, problem: Mapping[str, Any] | None = None
    ) -> None:
        self.status = status
        self.message = message
        self.problem = problem
        super().__init__(message)


_BY_HTTP_STATUS: Final[Mapping[int, Status]] = {
    401: Status.NOT_ALLOWED,
    403: Status.NOT_ALLOWED,
    404: Status.NOT_FOUND,
    409: Status.CONFLICT,
    412: Status.CONFLICT,
    502: Status.UNREACHABLE,
    503: Status.UNREACHABLE,
    504: Status.UNREACHABLE,
}
_SERVER_ERROR: Final = 500


def from_problem(http_status: int, problem: Mapping[str, Any]) -> CommandFailedError:
    """Return the failure that a problem document stands for."""
    usual = Status.UNREACHABLE if http_status >= _SERVER_ERROR else Status.USAGE
    status = _BY_HTTP_STATUS.get(http_status, usual)
    detail = str(problem.get("detail") or problem.get("title") or f"HTTP status {http_status}")
    pointed = problem.get("errors") or []
    if len(pointed) > 1:
        detail = "; ".join(f"{it['pointer']}: {it['detail']}" for it in pointed)
    if http_status >= _SERVER_ERROR and problem.get("request_id"):
        detail = f"{detail} (request {problem['request_id']})"
    return CommandFailedError(status, detail, problem)
