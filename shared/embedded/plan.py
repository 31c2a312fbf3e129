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
from .ports import MACHINES, MACHINES_COUNT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .credentials import Credentials
    from .places import Options

FILE: Final = Path(__file__).with_name("processes.toml")


class Made(BaseModel, frozen=True, extra="forbid"):
    """A file that a one-shot command of a service makes, once."""

    file: str
    command: str
    """The command, which gets the file as its argument."""


class Program(BaseModel, frozen=True, extra="forbid"):
    """One service as data."""

    name: str
    at_stop: tuple[str, ...] = ()
    """One-shot commands of the service for when everything stops."""
    environment: dict[str, str] = {}
    makes: tuple[Made, ...] = ()
    """What has to exist before any service starts."""

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

    def filled(self, template: str, program: Program) -> str:
        """Return a template with everything filled in."""
        return template.format(
            data=self.options.data,
            cache=self.options.cache,
            root=ROOT,
            authority=self.authority or "",
            ports=self.ports,
            port=self.ports[program.name],
            last_machine_port=self.ports[MACHINES] + MACHINES_COUNT - 1,
            recipients=json.dumps(dict(self.credentials.recipients)),
        )

    def makes(self, program: Program) -> dict[Path, str]:
        """Return the files that a service makes, with the command for each."""
        return {Path(self.filled(it.file, program)): it.command for it in program.makes}

    def environment(self, plan: Plan, program: Program) -> dict[str, str]:
        """Return the whole environment of a service."""
        prefix = program.name.upper()
        filled = {
            f"{prefix}_{name}": self.filled(template, program)
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
