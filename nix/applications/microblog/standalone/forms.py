"""What people and programs send: bodies with a limit, forms, JSON, texts and pictures."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

from aiohttp import web
from configuration import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

SMALL = 64 << 10
SECONDS, UPLOAD_SECONDS = 15.0, 40.0
MOST_FIELDS = 16
BOUNDARY = re.compile(r'multipart/form-data;\s*boundary="?([!-~]{1,70}?)"?\s*$', re.IGNORECASE)
FIELD = re.compile(rb'content-disposition:\s*form-data;[^\r\n]*?\bname="([\w-]+)"', re.IGNORECASE)
NOT_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
KINDS = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
BEGINNINGS = {
    "png": rb"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "jpg": rb"\xff\xd8\xff",
    "gif": rb"GIF8[79]a",
    "webp": rb"RIFF[\x00-\xff]{4}WEBP",
}


async def body(request: web.Request, limit: int = SMALL, seconds: float = 0.0) -> bytes:
    """Read a body, as long as it is neither too large nor too slow."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise web.HTTPUnsupportedMediaType(text="Bodies are not compressed here.\n")
    if (request.content_length or 0) > limit:
        raise web.HTTPRequestEntityTooLarge(limit, request.content_length or 0)
    found = bytearray()
    try:
        async with asyncio.timeout(seconds or SECONDS):
            async for chunk in request.content.iter_any():
                found += chunk
                if len(found) > limit:
                    raise web.HTTPRequestEntityTooLarge(limit, len(found))
    except TimeoutError as error:
        raise web.HTTPRequestTimeout(text="That took too long.\n") from error
    except RuntimeError as error:
        # How aiohttp says that the visitor has gone; nobody reads the answer.
        if request.transport is not None and not request.transport.is_closing():
            raise
        raise web.HTTPBadRequest(text="That was not all of it.\n") from error
    return bytes(found)


def fields(kind: str, content: bytes) -> Mapping[str, object]:
    """Return what a form, or a JSON object, holds; everything in a form is bytes."""
    if kind.lower().startswith("application/json"):
        return document(content)
    boundary = BOUNDARY.match(kind)
    if not boundary:
        raise Refusal("send JSON, or a form as multipart/form-data with a boundary")
    _, *parts = (b"\r\n" + content).split(b"\r\n--" + boundary[1].encode(), MOST_FIELDS + 1)
    if not parts or not parts[-1].startswith(b"--"):
        raise Refusal("this form ends early, or has too many fields")
    found: dict[str, bytes] = {}
    for part in parts[:-1]:
        head, end, value = part.partition(b"\r\n\r\n")
        name = FIELD.search(head)
        if not end or not name:
            raise Refusal("a field of this form has no name")
        found.setdefault(name[1].decode(), value)
    return found


def document(content: bytes) -> dict[str, Any]:
    """Return a JSON object."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Refusal("this is not JSON") from error
    if not isinstance(found, dict):
        raise Refusal("this is not a JSON object")
    return found


def text(given: Mapping[str, object], name: str, longest: int, shortest: int = 1) -> str:
    """Return a text that was sent, of lines that end alike."""
    value = given.get(name, "")
    found = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
    if not isinstance(found, str) or NOT_TEXT.search(found := re.sub("\r\n?", "\n", found).strip()):
        raise Refusal(f"{name} is not text")
    if not shortest <= len(found) <= longest:
        raise Refusal(f"{name} has {shortest} to {longest} characters")
    return found


def sniffed(content: bytes, limit: int) -> str:
    """Return the ending for a picture's name, from what is in it and nothing else."""
    if len(content) > limit:
        raise Refusal(f"a picture has at most {limit} bytes")
    for ending, beginning in BEGINNINGS.items():
        if re.match(beginning, content):
            return ending
    raise Refusal("a picture is PNG, JPEG, GIF or WebP")
