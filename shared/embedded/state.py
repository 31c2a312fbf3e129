"""What the supervisor says about itself and its parts, in one file that others may read."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from . import files
from .identity import Identity

if TYPE_CHECKING:
    from pathlib import Path


class Phase(StrEnum):
    """How far the whole is."""

    STARTING = "starting"
    """Parts are being started."""
    READY = "ready"
    """Every part answers."""
    STOPPING = "stopping"
    """Parts are being stopped."""
    STOPPED = "stopped"
    """Nothing runs."""
    FAILED = "failed"
    """The start was given up; `error` says why."""


class PartState(BaseModel):
    """How one part is."""

    state: str = "waiting"
    """waiting, starting, running, restarting or stopped."""
    pid: int | None = None
    restarts: int = 0
    ports: dict[str, int] = {}
    error: str | None = None


class State(BaseModel):
    """How everything is."""

    phase: Phase = Phase.STARTING
    supervisor: Identity | None = None
    panel_url: str = ""
    error: str | None = None
    is_stopped: bool = False
    """Whether the supervisor came to its end and left nothing running."""
    parts: dict[str, PartState] = {}

    @property
    def is_up(self) -> bool:
        """Whether the supervisor that wrote this still lives."""
        return self.supervisor is not None and self.supervisor.is_alive()


def load(path: Path) -> State | None:
    """Return the last written state, or None when there is none."""
    try:
        return State.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


class Board:
    """The state, written at each change."""

    def __init__(self, path: Path, state: State) -> None:
        self._path = path
        self.state = state

    def change(self, phase: Phase, *, error: str | None = None) -> None:
        """Say how far the whole is."""
        self.state.phase = phase
        self.state.error = error
        self.write()

    def end(self) -> None:
        """Say that nothing runs any more; a failure stays to be read."""
        self.state.is_stopped = True
        if self.state.phase is not Phase.FAILED:
            self.state.phase = Phase.STOPPED
        self.write()

    def part(
        self, name: str, state: str, *, pid: int | None = None, error: str | None = None
    ) -> None:
        """Say how a part is."""
        part = self.state.parts.setdefault(name, PartState())
        part.restarts += state == "restarting" and part.state != "restarting"
        part.state, part.pid, part.error = state, pid, error
        self.write()

    def write(self) -> None:
        """Write the state as it is now."""
        files.write(self._path, self.state.model_dump_json(indent=2) + "\n")
