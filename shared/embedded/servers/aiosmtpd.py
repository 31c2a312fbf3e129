"""aiosmtpd from the distribution: the mail relay that machines have as a door.

Here it stands for a provider's own relay: it takes letters and keeps each as a file, for a person
to read. It sends nothing to anybody, so nobody can misuse it for that. A mail server that sends
would be a package that takes the place of the one this computer may have (docs/adr/0019).
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from shared.embedded import accounts, files, parts, programs
from shared.embedded.parts import Part
from shared.embedded.ports import LOOPBACK, free
from shared.embedded.processes import Command

from . import letterbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

LETTERBOX: Final = Path(letterbox.__file__)
LARGEST_BYTES: Final = 10 * 2**20
ANSWER_SECONDS: Final = 2.0


class MailServer(Part):
    """The mail relay: a listener that keeps letters of a bounded size, and sends none on."""

    def __init__(self, directory: Path, *, port: int) -> None:
        super().__init__("mail", directory)
        self.port = port

    @property
    def letters(self) -> Path:
        """Where the letters lie, oldest first by name."""
        return self.directory / "letters"

    @property
    @override
    def ports(self) -> Mapping[str, int]:
        return {"mail": self.port}

    @override
    async def prepare(self) -> Command:
        account = accounts.unprivileged()
        accounts.require_reach(self.directory, account)
        accounts.give_tree(files.directory(self.letters, mode=0o700), account)
        # Copied: the account may not reach the checkout, nor the distribution's Python our own.
        code = files.directory(self.directory / "code", mode=0o755)
        files.write(code / LETTERBOX.name, LETTERBOX.read_text(encoding="utf-8"))
        program = programs.from_distribution("aiosmtpd", "python3-aiosmtpd")
        return Command(
            argv=(
                *(program, "--nosetuid", "--listen", f"{LOOPBACK}:{self.port}"),
                *("--size", str(LARGEST_BYTES)),
                *("--class", f"letterbox.{letterbox.Letterbox.__name__}", str(self.letters)),
            ),
            directory=self.directory,
            environment=parts.environment(
                PYTHONPATH=str(code), PYTHONDONTWRITEBYTECODE="1", PYTHONNOUSERSITE="1"
            ),
            account=account,
        )

    @override
    async def answers(self) -> bool:
        try:
            async with parts.conversation(self.port, ANSWER_SECONDS) as (reader, writer):
                greeting = await reader.readline()
                writer.write(b"QUIT\r\n")
                farewell = await reader.readline()
        except (OSError, TimeoutError):
            return False
        return greeting.startswith(b"220 ") and farewell.startswith(b"221 ")


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[MailServer]:
    """Run a relay with an empty folder of letters for the length of a block."""
    async with parts.running(MailServer(directory, port=free())) as started:
        yield started
