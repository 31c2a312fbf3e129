"""What runs, read from `processes.toml`, and the environment each service gets."""

from __future__ import annotations

import importlib.util
import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel

from . import parts
from .places import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .credentials import Credentials
    from .places import Options

FILE: Final = Path(__file__).with_name("processes.toml")


class Program(BaseModel, frozen=True, extra="forbid"):
    """One service as data."""

    name: str
    at_stop: tuple[str, ...] = ()
    """One-shot commands of the service for when everything stops."""
    environment: dict[str, str] = {}

    @property
    def module(self) -> str:
        """The module that runs the service."""
        return f"services.{self.name}"

    @property
    def exists(self) -> bool:
        """Whether this checkout has the service."""
        if importlib.util.find_spec("services") is None:
            return False
        if importlib.util.find_spec(self.module) is None:
            return False
        return importlib.util.find_spec(f"{self.module}.__main__") is not None


class Plan(BaseModel, frozen=True, extra="forbid"):
    """Everything that runs."""

    servers: tuple[str, ...]
    environment: dict[str, str]
    services: tuple[Program, ...]


def load(path: Path = FILE) -> Plan:
    """Read the plan."""
    return Plan.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the templates of a plan are filled in from."""

    options: Options
    ports: Mapping[str, int]
    credentials: Credentials
    authority: Path | None
    """The certificate authority of public URLs, when it is the edge's own."""

    def environment(self, plan: Plan, program: Program) -> dict[str, str]:
        """Return the whole environment of a service."""
        values = {
            "data": str(self.options.data),
            "cache": str(self.options.cache),
            "root": str(ROOT),
            "authority": str(self.authority or ""),
            "ports": self.ports,
            "port": str(self.ports[program.name]),
            "recipients": json.dumps(dict(self.credentials.recipients)),
        }
        prefix = program.name.upper()
        filled = {
            f"{prefix}_{name}": template.format_map(values)
            for name, template in {**plan.environment, **program.environment}.items()
        }
        return {
            **os.environ,
            "PYTHONPATH": parts.python_path(),
            "PYTHONUNBUFFERED": "1",
            # Looked at before /run/secrets, which may be somebody else's on this computer.
            "CREDENTIALS_DIRECTORY": str(self.credentials.of_service(program.name)),
            # What is filled in with nothing stays at the service's own default.
            **{name: value for name, value in filled.items() if value},
            **self.options.environment,
        }
