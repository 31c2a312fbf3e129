"""Chunks: pieces of about one size, compressed, named by what they are; a row is never cut.

A chunk that is already there is not sent again, so an export that is begun anew sends what was
missing. Named by content means also that everybody can check one: `sha256sum` says its name.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
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
LONGEST: Final = 2 * SIZE
"""A row that is longer is cut; so much is in memory at a time."""
AT_ONCE: Final = 2
"""Chunks in work at the same time; a small machine has little memory."""
GZIP: Final = 31
"""Window bits with which zlib writes and reads the format of gzip."""


class Cutter:
    """Cuts a stream of rows into pieces that end where a row ends, unless a row is very long."""

    def __init__(self, size: int = SIZE, longest: int = LONGEST) -> None:
        self._size = size
        self._longest = longest
        self._parts: list[bytes] = []
        self._length = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take some more; return pieces when there is enough for any."""
        self._parts.append(data)
        self._length += len(data)
        if self._length < self._size:
            return []
        whole = b"".join(self._parts)
        end = whole.rfind(b"\n") + 1
        if not end:
            end = len(whole) - len(whole) % self._longest
        self._keep(whole[end:])
        return [whole[at : min(at + self._longest, end)] for at in range(0, end, self._longest)]

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

    def text(self, content: Iterable[bytes]) -> tuple[Chunk, ...]:
        """Put a text that comes in parts."""
        return tuple(
            self.write(it[start : start + LONGEST])
            for it in content
            for start in range(0, len(it), LONGEST)
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
        for piece in self._cutter.feed(data):
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


class Lines:
    """Puts lines together that were cut somewhere; no line is longer than is allowed."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._rest = b""

    def feed(self, content: bytes) -> Iterator[bytes]:
        """Take some more; yield each line that is complete, with its end.

        Raises:
            StateError: a line is longer than one can be.
        """
        whole = io.BytesIO(self._rest + content)
        self._rest = b""
        while line := whole.readline(self._longest + 1):
            if line.endswith(b"\n"):
                yield line
            elif len(line) > self._longest:
                raise broken("a line is longer than any can be")
            else:
                self._rest = line

    def finish(self) -> None:
        """Make sure that nothing is left.

        Raises:
            StateError: the last line has no end.
        """
        if self._rest:
            raise broken("the end of a line is missing")


def broken(what: str) -> StateError:
    """Return what is said of content that cannot be what was exported."""
    return StateError(
        "export.damaged", f"what was exported is damaged ({what}); export again, or elsewhere"
    )


def lines(contents: Iterable[bytes], longest: int) -> Iterator[bytes]:
    """Yield lines that were cut somewhere.

    Raises:
        StateError: they are none.
    """
    put_together = Lines(longest)
    for it in contents:
        yield from put_together.feed(it)
    put_together.finish()


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
