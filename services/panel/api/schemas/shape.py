"""What every request and every answer is like."""

from collections.abc import Sequence
from typing import Annotated, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .. import cursors, examples
from ..texts import refuse_unkept

A = TypeVar("A")
N = TypeVar("N", bound="Identified")
Id = Annotated[str, Field(examples=[examples.DEPLOYMENT_ID])]


class Answer(BaseModel):
    """What the API answers; most are read straight from what the service knows."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class ListAnswer(Answer, Generic[A]):
    """A part of a list, newest first."""

    items: tuple[A, ...]
    next: str | None
    """Give it as `cursor` to get what follows; None at the end."""


class Question(BaseModel):
    """What the API is asked; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    _refuse_unkept = model_validator(mode="before")(refuse_unkept)


class Identified(Protocol):
    """What can be named when asking for what follows it."""

    @property
    def id(self) -> str | int:
        """What it is named by."""
        ...


def part(items: Sequence[N], limit: int) -> "ListAnswer[N]":
    """Return a part of a list: where it is as long as it may be, more may follow."""
    last = items[-1].id if len(items) == limit else None
    following = cursors.encode(last) if isinstance(last, str) else last and str(last)
    return ListAnswer(items=tuple(items), next=following)
