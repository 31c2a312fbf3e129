"""`fediversity-state` in a machine: one document in, lines of JSON out, and a result or an error.

Credentials travel on standard input only. A line that is none of the program's is an error: what
cannot be read may not be taken for success.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, Field, ValidationError

from shared import errors
from shared.contracts.messages import Value

from ..domain import Carried, Headway
from . import words
from .connection import failure

if TYPE_CHECKING:
    from ..ports import Told
    from .connection import Connection

PROGRAM: Final = "/run/current-system/bin/fediversity-state"
SECONDS: Final = 12 * 3600.0
"""For one application; long, as nothing but a lost machine should end it."""
DONE: Final = 0
AGAIN: Final = 75
MOST_KINDS: Final = 100
"""As many different things as are told to be under way."""
MOST_TOLD: Final = 1000
TOLD_A_SECOND: Final = 20
"""How often it is told how far something is, besides the first so many times."""
V = TypeVar("V", bound=Value)
Count = Annotated[int, Field(ge=0, lt=2**53)]
Name = Annotated[str, AfterValidator(words.named)]


class _Progress(Value):
    what: Name
    done: Count
    total: Count | None
    unit: Name


class _Result(Value):
    manifest: str = Field(pattern=r"^[A-Za-z0-9._/-]{1,200}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    rows: Count
    files: Count
    bytes: Count
    not_included: Annotated[tuple[str, ...], AfterValidator(words.listed)]


class _Error(Value):
    code: Name
    message: Annotated[str, AfterValidator(words.said)]


@dataclass(slots=True)
class Answer:
    """What the program has said so far."""

    machine: str
    told: Told
    result: Carried | None = None
    error: _Error | None = None
    begun: set[str] = field(default_factory=set)
    told_times: int = 0
    since: float = field(default_factory=time.monotonic)

    async def hear(self, line: bytes) -> None:
        """Hear a line.

        Raises:
            FaultError: it is none of the program's.
        """
        match self._read(line):
            case {"progress": said}:
                found = self._checked(_Progress, said)
                await self._tell(Headway(**found.model_dump()))
            case {"result": said}:
                self.result = Carried(**self._checked(_Result, said).model_dump())
            case {"error": said}:
                self.error = self._checked(_Error, said)
            case _:
                raise self._unreadable()

    async def _tell(self, headway: Headway) -> None:
        """Tell how far something is, unless too much has been told by now."""
        most = MOST_TOLD + TOLD_A_SECOND * (time.monotonic() - self.since)
        is_new = headway.what not in self.begun
        if self.told_times >= most or (is_new and len(self.begun) >= MOST_KINDS):
            return
        self.begun.add(headway.what)
        self.told_times += 1
        await self.told(headway)

    def _read(self, line: bytes) -> Any:  # noqa: ANN401 - whatever a machine says
        try:
            return json.loads(line)
        except (ValueError, RecursionError) as error:
            raise self._unreadable() from error

    def _checked(self, kind: type[V], said: object) -> V:
        try:
            return kind.model_validate(said)
        except ValidationError as error:
            raise self._unreadable() from error

    def _unreadable(self) -> errors.FaultError:
        return errors.FaultError(
            "state.unreadable",
            f"what {self.machine} says about an application's state cannot be read; deploy again, "
            "so that machine and deployer speak of the same",
        )

    def end(self, status: int, complaints: str) -> Carried:
        """Return what was carried, now that the program has ended.

        Raises:
            UnavailableError: the same may succeed later.
            FaultError: it failed.
        """
        if status == DONE and self.result:
            return self.result
        if self.error is None and status != DONE:
            raise failure(self.machine, errors.CommandError((PROGRAM,), status, complaints))
        if self.error is None:
            raise self._unreadable()
        kind = errors.UnavailableError if status == AGAIN else errors.FaultError
        raise kind(self.error.code, self.error.message)


async def carry(connection: Connection, command: str, document: str, told: Told) -> Carried:
    """Run the program with a document and return what it carried."""
    answer = Answer(connection.machine, told)
    stdin = document.encode()
    ended = await connection.tell(command, answer.hear, stdin=stdin, seconds=SECONDS)
    return answer.end(*ended)
