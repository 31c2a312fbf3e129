"""Chunks: pieces of about one size, compressed, named by what they are; a row is never cut.

A chunk that is already there is not sent again, so an export that is begun anew sends what was
missing. Named by content means also that everybody can check one: `sha256sum` says its name.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Final

from failures import StateError
from manifest import CHUNKS, Chunk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence

    from staging import Staging

SIZE: Final = 8 * 2**20
AT_ONCE: Final = 2
"""Chunks in work at the same time; a small machine has little memory."""
GZIP: Final = 31
"""Window bits with which zlib writes and reads the format of gzip."""


class Cutter:
    """Cuts a stream of rows into pieces that end where a row ends."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._parts: list[bytes] = []
        self._length = 0

    def feed(self, data: bytes) -> bytes | None:
        """Take some more; return a piece when there is enough for one."""
        self._parts.append(data)
        self._length += len(data)
        if self._length < self._size:
            return None
        whole = b"".join(self._parts)
        end = whole.rfind(b"\n") + 1
        self._keep(whole[end:])
        return whole[:end] or None

    def rest(self) -> bytes:
        """Return what is left."""
        whole = b"".join(self._parts)
        self._keep(b"")
        return whole

    def _keep(self, data: bytes) -> None:
        self._parts = [data]
        self._length = len(data)


class Writer:
    """Puts pieces into the bucket, as far as they are not there."""

    def __init__(self, staging: Staging) -> None:
        self._staging = staging
        self._stored = staging.listed(CHUNKS)
        self._lock = threading.Lock()
        self.sent_bytes = 0
        self.sent_objects = 0

    def write(self, piece: bytes) -> Chunk:
        """Put one piece; return what to look for."""
        packed = zlib.compress(piece, 1, GZIP)
        name = CHUNKS + hashlib.sha256(packed).hexdigest()
        with self._lock:
            there = self._stored.get(name)
        md5 = hashlib.md5(packed, usedforsecurity=False).hexdigest()
        if there is None or not there.is_probably(len(packed), md5):
            self._staging.put(name, packed)
            with self._lock:
                self.sent_bytes += len(packed)
                self.sent_objects += 1
        return Chunk(name, len(packed), len(piece))

    def text(self, content: bytes) -> tuple[Chunk, ...]:
        """Put a text that is in memory as a whole."""
        return tuple(
            self.write(content[start : start + SIZE]) for start in range(0, len(content), SIZE)
        )


class Stream:
    """Puts a stream of rows into the bucket, some pieces at a time, in their order."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._cutter = Cutter()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._tasks: list[asyncio.Task[Chunk]] = []

    async def feed(self, data: bytes) -> None:
        """Take some more; waits while too much is on its way."""
        piece = self._cutter.feed(data)
        if piece:
            await self._send(piece)

    async def cut(self) -> None:
        """End a piece here, so that what follows does not change what was before."""
        rest = self._cutter.rest()
        if rest:
            await self._send(rest)

    async def finish(self) -> tuple[Chunk, ...]:
        """Return all pieces, when all of them are in the bucket."""
        await self.cut()
        return tuple([await it for it in self._tasks])

    async def _send(self, piece: bytes) -> None:
        for task in self._tasks[-AT_ONCE - 1 :]:
            # A piece that failed ends the rest of the work now, not when all was read.
            if task.done():
                task.result()
        await self._room.acquire()
        task = asyncio.create_task(asyncio.to_thread(self._writer.write, piece))
        task.add_done_callback(lambda _: self._room.release())
        self._tasks.append(task)


def fetched(staging: Staging, chunk: Chunk) -> bytes:
    """Return the content of a chunk that is what it has to be.

    Raises:
        StateError: it is missing, or something else.
    """
    packed = staging.find(chunk.object, chunk.bytes)
    if packed is None:
        raise _damaged(chunk, "is missing")
    if len(packed) != chunk.bytes or hashlib.sha256(packed).hexdigest() != chunk.sha256:
        raise _damaged(chunk, "is not what was exported")
    unpacker = zlib.decompressobj(GZIP)
    try:
        # Never more than was promised: a few bytes can stand for very many.
        content = unpacker.decompress(packed, chunk.raw_bytes + 1)
    except zlib.error:
        raise _damaged(chunk, "cannot be unpacked") from None
    if len(content) != chunk.raw_bytes or not unpacker.eof:
        raise _damaged(chunk, "has another length than was exported")
    return content


def _damaged(chunk: Chunk, what: str) -> StateError:
    return StateError(
        "chunk.damaged",
        f"{chunk.object} {what}; nothing was changed by it: remove the object and export again, "
        "or take another copy",
    )


def check(staging: Staging, chunks: Iterable[Chunk], report: Callable[[int, int], None]) -> None:
    """Read every chunk once, without keeping it.

    Raises:
        StateError: one is not what it has to be.
    """
    wanted = {it.object: it for it in chunks}
    total = sum(it.bytes for it in wanted.values())
    done = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = [pool.submit(_checked, staging, it) for it in wanted.values()]
        try:
            for it in as_completed(waiting):
                done += it.result()
                report(done, total)
        finally:
            pool.shutdown(cancel_futures=True)


def _checked(staging: Staging, chunk: Chunk) -> int:
    fetched(staging, chunk)
    return chunk.bytes


def contents(staging: Staging, chunks: Iterable[Chunk]) -> Iterator[bytes]:
    """Yield what some chunks hold, in their order."""
    for it in chunks:
        yield fetched(staging, it)


async def streamed(staging: Staging, chunks: Sequence[Chunk]) -> AsyncIterator[bytes]:
    """Yield what some chunks hold, in their order; the next ones are fetched meanwhile."""
    ahead: deque[asyncio.Task[bytes]] = deque()
    left = iter(chunks)
    try:
        while True:
            while len(ahead) < AT_ONCE and (chunk := next(left, None)) is not None:
                ahead.append(asyncio.create_task(asyncio.to_thread(fetched, staging, chunk)))
            if not ahead:
                return
            yield await ahead.popleft()
    finally:
        for it in ahead:
            it.cancel()
