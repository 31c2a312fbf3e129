"""Keeps each letter as one file of a folder, and sends none on.

    aiosmtpd -c letterbox.Letterbox FOLDER

The distribution's Python loads this by itself, so it imports nothing of ours. A letter is accepted
when it is on the disk, as it came, below the two lines that say who sent it to whom.
"""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import Final, Protocol

MOST_RECIPIENTS: Final = 100
MOST_LETTERS: Final = 10_000
MOST_BYTES: Final = 256 * 2**20
"""Whoever may send letters must not fill the disk with them."""
FULL: Final = "452 4.3.1 There is no room for another letter; have some of them removed"


class Envelope(Protocol):
    """What aiosmtpd knows about a letter."""

    mail_from: str
    rcpt_tos: list[str]
    content: bytes


class Letterbox:
    """A folder of letters, with room for so many."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for it in folder.glob(".*.half"):
            it.unlink()

    @classmethod
    def from_cli(cls, _parser: object, folder: str) -> Letterbox:
        """Return the letterbox of the command line."""
        return cls(Path(folder))

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self,
        _server: object,
        _session: object,
        envelope: Envelope,
        address: str,
        _options: object,
    ) -> str:
        """Note one more recipient."""
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients; send the letter to the others again"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Noted"

    async def handle_DATA(  # noqa: N802 - as above
        self, _server: object, _session: object, envelope: Envelope
    ) -> str:
        """Keep a letter, if there is room."""
        try:
            if self._is_full():
                return FULL
            self._keep(_address(envelope) + envelope.content)
        except OSError:
            return FULL
        return "250 2.0.0 Kept"

    def _is_full(self) -> bool:
        sizes = [it.stat().st_size for it in os.scandir(self._folder)]
        return len(sizes) >= MOST_LETTERS or sum(sizes) >= MOST_BYTES

    def _keep(self, letter: bytes) -> None:
        name = f"{time.time_ns()}-{secrets.token_hex(4)}"
        half = self._folder / f".{name}.half"
        try:
            with half.open("xb") as file:
                file.write(letter)
                file.flush()
                os.fsync(file.fileno())
            half.rename(self._folder / f"{name}.eml")
        except OSError:
            half.unlink(missing_ok=True)
            raise
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _address(envelope: Envelope) -> bytes:
    """Return who sent a letter to whom, as the server was told."""
    to = ", ".join(envelope.rcpt_tos)
    lines = f"Return-Path: <{envelope.mail_from}>\r\nX-Envelope-To: {to}\r\n"
    return lines.encode("utf-8", "surrogateescape")
