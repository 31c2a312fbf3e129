"""Every error the project raises on purpose, in one tree.

    HostingError                 code, message, retryable, details
    ├── RejectedError            the request is wrong; retrying cannot help
    │   ├── InvalidError         a value breaks a rule (details: field → reason)
    │   ├── NotFoundError        the thing does not exist
    │   ├── ConflictError        exists already, or is in the wrong state
    │   ├── ForbiddenError       this operator may not
    │   └── QuotaExceededError   a limit is reached
    ├── UnavailableError         the world is not ready: down, timeout, locked
    └── FaultError               we, or a backend, broke a promise; wake a human
        └── CommandError         a child process failed

What an error means on the bus or in REST is decided in two mapping files only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class HostingError(Exception):
    """Something went wrong in a way this project knows."""

    retryable: ClassVar[bool] = False

    def __init__(
        self, code: str, message: str = "", *, details: Mapping[str, str] | None = None
    ) -> None:
        self.code = code
        self.message = message or (type(self).__doc__ or "").strip()
        self.details = dict(details or {})
        super().__init__(f"{self.code}: {self.message}")

    @property
    def in_full(self) -> str:
        """What whoever runs the platform reads; `message` is what operators may."""
        return self.message

    @override
    def __str__(self) -> str:
        return f"{self.code}: {self.in_full}"


class RejectedError(HostingError):
    """The request is wrong; retrying cannot help."""


class InvalidError(RejectedError):
    """A value breaks a rule."""


class NotFoundError(RejectedError):
    """The thing does not exist."""


class ConflictError(RejectedError):
    """The thing exists already, or is in the wrong state."""


class ForbiddenError(RejectedError):
    """This operator may not do that."""


class QuotaExceededError(RejectedError):
    """A limit is reached."""


class UnavailableError(HostingError):
    """Something this needs is not ready; the same attempt may succeed later."""

    retryable: ClassVar[bool] = True


class FaultError(HostingError):
    """A promise was broken, by us or by a backend; a human has to look."""


class CommandError(FaultError):
    """A child process failed."""

    def __init__(self, argv: Sequence[str], status: int, stderr: str) -> None:
        self.argv = tuple(argv)
        self.status = status
        self.stderr = stderr
        name = self.argv[0].rsplit("/", 1)[-1]
        self._end = f"{name} ended with status {status}"
        super().__init__("command.failed", f"{self._end}; the provider's log has the details")

    @property
    @override
    def in_full(self) -> str:
        """What it said last as well, which may be anything."""
        return f"{self._end}: {self.stderr.strip()[-600:]}"
