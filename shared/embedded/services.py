"""A service as a part: a module and an environment; nothing else is known of it."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, ClassVar, Final

import httpx2
from typing_extensions import override

from shared import errors

from . import files
from .parts import Part
from .ports import LOOPBACK
from .processes import Child, Command

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .plan import Program, Surroundings

ONE_SHOT_SECONDS: Final = 120.0


class ServicePart(Part):
    """One replica of a service; it answers when `/readyz` says so."""

    patience_seconds: ClassVar[float] = 60.0

    def __init__(
        self,
        program: Program,
        directory: Path,
        *,
        environment: Mapping[str, str],
        around: Surroundings,
    ) -> None:
        super().__init__(program.name, directory)
        self.program = program
        self._port = around.ports[program.name]
        self._makes = around.makes(program)
        self._environment = environment

    @property
    @override
    def ports(self) -> Mapping[str, int]:
        return {self.name: self._port}

    @override
    async def prepare(self) -> Command:
        return self._command()

    def _command(self, *arguments: str) -> Command:
        return Command(
            argv=(sys.executable, "-m", self.program.module, *arguments),
            directory=self.directory,
            environment=self._environment,
        )

    @override
    async def answers(self) -> bool:
        try:
            async with httpx2.AsyncClient(trust_env=False, timeout=5) as client:
                answer = await client.get(f"http://{LOOPBACK}:{self._port}/readyz")
        except httpx2.TransportError:
            return False
        return answer.is_success

    async def make(self) -> None:
        """Make the files that have to exist before any service starts."""
        files.directory(self.directory)
        for file, command in self._makes.items():
            if not file.exists():
                await self.do_once(command, str(file), log=command)

    async def do_once(self, *arguments: str, log: str) -> Path:
        """Run a one-shot command of the service, and return the file with what it said."""
        child = Child(log, self.directory / log)
        child.log.unlink(missing_ok=True)
        await child.start(self._command(*arguments))
        try:
            async with asyncio.timeout(ONE_SHOT_SECONDS):
                status = await child.ended()
        finally:
            await child.stop()
        if status != 0:
            raise errors.CommandError((self.program.module, *arguments), status, child.tail())
        return child.log

    async def ask(self, *arguments: str) -> str:
        """Run a command of the service that answers with a secret, and return what it prints."""
        command = self._command(*arguments)
        process = await asyncio.create_subprocess_exec(
            *command.argv,
            cwd=command.directory,
            env=command.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(ONE_SHOT_SECONDS):
                printed, complaint = await process.communicate()
        except BaseException:
            process.kill()
            await process.wait()
            raise
        if process.returncode != 0:
            raise errors.CommandError(command.argv, process.returncode or 0, complaint.decode())
        return printed.decode()
