"""Events: facts that one service states and others build on.

    subject   ev.<owner>.<deployment>.<EventName>
    type      eu.fediversity.<EventName>.v<version>

A payload is a frozen model of ids and values. Reading ignores unknown fields, so fields may be
added with a default; anything else is a new class beside the old one.
"""

from __future__ import annotations

from typing import ClassVar, Final

from pydantic import BaseModel, ConfigDict
from typing_extensions import override

ANY_SERVICE: Final = "*"
TYPE_PREFIX: Final = "eu.fediversity"
REGISTRY: Final[dict[str, type[Event]]] = {}


class Value(BaseModel):
    """A frozen value on the wire; unknown fields are ignored when read."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(Value):
    """A fact about a deployment; a subclass that names its owner is registered under its type."""

    owner: ClassVar[str]
    version: ClassVar[int] = 1

    deployment: str

    @classmethod
    @override
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        """Register a class that names its owner, so that a type on the wire finds it."""
        if "owner" not in vars(cls):
            return
        if cls.event_type() in REGISTRY:
            raise TypeError(f"two events of type {cls.event_type()}")
        REGISTRY[cls.event_type()] = cls

    @property
    def run_id(self) -> str | None:
        """The run this fact belongs to, if it belongs to one."""
        run: str | None = getattr(self, "run", None)
        return run

    @classmethod
    def event_name(cls) -> str:
        """Return the name on the wire, which is the class name without its version."""
        return cls.__name__.removesuffix(f"V{cls.version}")

    @classmethod
    def event_type(cls) -> str:
        """Return the CloudEvents type."""
        return f"{TYPE_PREFIX}.{cls.event_name()}.v{cls.version}"

    @classmethod
    def filter(cls, service: str) -> str:
        """Return the subject filter under which `service` states this fact of any deployment."""
        return f"ev.{service}.*.{cls.event_name()}"

    def subject(self, service: str) -> str:
        """Return the NATS subject on which `service` states this fact."""
        return f"ev.{service}.{self.deployment}.{self.event_name()}"


class RunEvent(Event):
    """A fact that belongs to a run."""

    run: str


class RevisionEvent(RunEvent):
    """A fact about one revision of a deployment."""

    revision: int
