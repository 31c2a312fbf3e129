"""The staging bucket behind the machine's object-store door.

Whatever fails for a moment is tried again, for some seconds; what is refused is not. Threads may
use one bucket at the same time, each has a connection of its own.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import signing
from failures import StateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from request import StagingAccess

ATTEMPTS: Final = 6
FIRST_PAUSE_SECONDS: Final = 0.25
SECONDS: Final = 60.0
LONGEST_ANSWER: Final = 16 * 2**20
"""Of a list of objects; a thousand of them are a few hundred kilobytes."""
LONGEST_ERROR: Final = 64 * 2**10
OK: Final = (200, 204)
NOT_FOUND: Final = 404
FOR_A_MOMENT: Final = frozenset({408, 429, 500, 502, 503, 504})
MD5: Final = re.compile(r'"?([0-9a-f]{32})"?')
CONTENTS: Final = re.compile(r"<Contents>.*?</Contents>", re.DOTALL)
UNREACHABLE: Final = (
    "the object store does not answer at {}: {}; nothing that was finished is lost: run the same "
    "again when the store is back"
)
REFUSALS: Final = {
    "NoSuchBucket": ("staging.bucket_missing", "create it, or name the one that exists"),
    "InvalidAccessKeyId": ("staging.denied", "the key is unknown: grant a new one"),
    "SignatureDoesNotMatch": ("staging.denied", "the secret of the key is wrong: grant a new one"),
    "AccessDenied": ("staging.denied", "the key has no right to do this: grant one that has"),
    "RequestTimeTooSkewed": ("staging.clock", "set the clock of this machine"),
    "QuotaExceeded": ("staging.full", "raise its quota or free space"),
}


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as the bucket lists it."""

    size: int
    etag: str

    def is_probably(self, size: int, md5: str) -> bool:
        """Say whether this is an object of this content, as far as a listing tells."""
        found = MD5.fullmatch(self.etag)
        return self.size == size and (found is None or found.group(1) == md5)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the store answered."""

    status: int
    fields: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The store's own name for what is wrong."""
        found = re.search(rb"<Code>(\w+)</Code>", self.body)
        code = found.group(1).decode() if found else ""
        # A reached quota is a missing right for some stores; only the message tells.
        return "QuotaExceeded" if b"quota" in self.body.lower() else code


class Staging:
    """Objects below one prefix of one bucket."""

    def __init__(self, access: StagingAccess, *, attempts: int = ATTEMPTS) -> None:
        scheme, _, self.host = access.endpoint.partition("://")
        self._is_secure = scheme == "https"
        self._bucket = access.bucket
        self._prefix = f"{access.prefix}/" if access.prefix else ""
        self._signer = signing.Signer(
            (access.access_key_id, access.secret_key), access.region, self.host
        )
        self._attempts = attempts
        self._mine = threading.local()

    def put(self, name: str, body: bytes) -> None:
        """Write an object; after this it is known to be there as it was sent."""
        answer = self._done("PUT", self._prefix + name, {}, body)
        found = MD5.fullmatch(answer.fields.get("etag", ""))
        expected = hashlib.md5(body, usedforsecurity=False).hexdigest()
        if found is not None and found.group(1) != expected:
            raise StateError(
                "staging.garbled",
                f"the object store received {name} otherwise than it was sent; run it again",
                is_retryable=True,
            )

    def find(self, name: str, most_bytes: int) -> bytes | None:
        """Return an object, if it is there; of a longer one as much as shows that it is longer."""
        answer = self._asked("GET", self._prefix + name, {}, most_bytes=most_bytes)
        if answer.status == NOT_FOUND and answer.code != "NoSuchBucket":
            return None
        return self._accepted(answer, "GET", name).body

    def listed(self, below: str) -> dict[str, Stored]:
        """Return the objects whose name begins like this, by their names."""
        found: dict[str, Stored] = {}
        query = {"list-type": "2", "prefix": self._prefix + below}
        while True:
            text = self._done("GET", "", query).body.decode("utf-8", "replace")
            for block in CONTENTS.findall(text):
                key = _element(block, "Key").removeprefix(self._prefix)
                found[key] = Stored(int(_element(block, "Size")), _element(block, "ETag"))
            token = _element(text, "NextContinuationToken")
            if _element(text, "IsTruncated") != "true" or not token:
                return found
            query = {**query, "continuation-token": token}

    def remove(self, name: str) -> None:
        """Delete an object, if it is there."""
        answer = self._asked("DELETE", self._prefix + name, {})
        if answer.status != NOT_FOUND:
            self._accepted(answer, "DELETE", name)

    def _done(self, method: str, key: str, query: dict[str, str], body: bytes = b"") -> Answer:
        return self._accepted(self._asked(method, key, query, body), method, key)

    def _accepted(self, answer: Answer, method: str, key: str) -> Answer:
        if answer.status in OK:
            return answer
        code, advice = REFUSALS.get(answer.code, ("staging.refused", "ask who runs the store"))
        what = f"{method} {key or 'listing'} in bucket {self._bucket}"
        raise StateError(
            code,
            f"the object store refuses {what}: {answer.status} {answer.code}; {advice}",
            is_retryable=answer.status in FOR_A_MOMENT,
        )

    def _asked(
        self,
        method: str,
        key: str,
        query: dict[str, str],
        body: bytes = b"",
        *,
        most_bytes: int = LONGEST_ANSWER,
    ) -> Answer:
        path = signing.path_of(self._bucket, key)
        request = (method, path, signing.query_string(query))
        trouble = ""
        for attempt in range(self._attempts):
            if attempt:
                # One program that does one thing: there is nothing else to do meanwhile.
                time.sleep(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
            try:
                answer = self._once(request, body, max(most_bytes, LONGEST_ERROR))
            except (OSError, http.client.HTTPException) as error:
                self._hang_up()
                trouble = str(error) or type(error).__name__
                continue
            if answer.status not in FOR_A_MOMENT or answer.code == "QuotaExceeded":
                return answer
            trouble = f"{answer.status} {answer.code}"
        raise StateError(
            "staging.unreachable", UNREACHABLE.format(self.host, trouble), is_retryable=True
        )

    def _once(self, request: tuple[str, str, str], body: bytes, most_bytes: int) -> Answer:
        method, path, query = request
        fields = self._signer.fields(request, signing.digest_of(body))
        if body or method == "PUT":
            fields["content-length"] = str(len(body))
        connection = self._connection()
        connection.request(method, f"{path}?{query}" if query else path, body, fields)
        with connection.getresponse() as answer:
            lowered = {name.lower(): it for name, it in answer.getheaders()}
            content = answer.read(most_bytes + 1)
            is_whole = not answer.read(1)
        if not is_whole:
            # The rest would be taken for the next answer.
            self._hang_up()
            return Answer(answer.status, lowered, content)
        # http.client takes a connection that ended early for the end of an answer of no length.
        expected = lowered.get("content-length")
        if expected is not None and len(content) != int(expected):
            raise http.client.IncompleteRead(content)
        return Answer(answer.status, lowered, content)

    def _connection(self) -> http.client.HTTPConnection:
        found: http.client.HTTPConnection | None = getattr(self._mine, "connection", None)
        if found is None:
            kind = http.client.HTTPSConnection if self._is_secure else http.client.HTTPConnection
            found = self._mine.connection = kind(self.host, timeout=SECONDS)
        return found

    def _hang_up(self) -> None:
        connection = self._connection()
        connection.close()
        self._mine.connection = None


def _element(text: str, name: str) -> str:
    import html  # noqa: PLC0415 - takes a while to start, and only an export lists

    found = re.search(f"<{name}>([^<]*)</{name}>", text)
    return html.unescape(found.group(1)) if found else ""
