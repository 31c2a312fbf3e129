"""An HTTP server inside of a program that has a life of its own."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import uvicorn
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator


class Server(uvicorn.Server):
    """A server that leaves signals to its program."""

    @contextlib.contextmanager
    @override
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield
