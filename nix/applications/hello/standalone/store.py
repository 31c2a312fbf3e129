"""A bucket behind the machine's object-store door: the four things a visitors' book needs."""

from __future__ import annotations

import re
import socket

import messages
import signing

TYPE_CHECKING = False  # the module `typing` starts slowly
if TYPE_CHECKING:
    from typing import TypedDict

    class Granted(TypedDict):
        """A bucket in the application's configuration."""

        endpoint: str
        region: str
        bucket: str
        access_key_id: str
        secret_key_file: str


SECONDS = 10.0
ANSWER_LIMIT = 1 << 20
KEY = re.compile(r"<Key>([\w./-]+)</Key>")


class StoreError(Exception):
    """The bucket does not answer, or refuses."""


class Bucket:
    """One bucket, addressed by path."""

    def __init__(self, endpoint: tuple[str, int], bucket: str, signer: signing.Signer) -> None:
        self._endpoint = endpoint
        self._bucket = bucket
        self._signer = signer

    @classmethod
    def opened(cls, granted: Granted) -> Bucket:
        """Return the bucket that the configuration grants, with the secret from its file."""
        place = granted["endpoint"].removeprefix("http://")
        host, _, port = place.rpartition(":")
        with open(granted["secret_key_file"], encoding="ascii") as file:  # noqa: PTH123 - pathlib starts slowly
            secret = file.read().strip()
        signer = signing.Signer((granted["access_key_id"], secret), granted["region"], place)
        return cls((host, int(port)), granted["bucket"], signer)

    def put(self, name: str, body: bytes) -> None:
        """Write an object.

        Raises:
            StoreError: it is not known to be written.
        """
        self._call("PUT", f"/{self._bucket}/{name}", {}, body)

    def get(self, name: str) -> bytes:
        """Return an object.

        Raises:
            StoreError: it cannot be read.
        """
        return self._call("GET", f"/{self._bucket}/{name}", {})

    def first(self, prefix: str, count: int) -> list[str]:
        """Return the names of the first objects below a prefix, in the order of their names.

        Raises:
            StoreError: the bucket cannot be listed.
        """
        query = {"list-type": "2", "max-keys": str(count), "prefix": prefix}
        answer = self._call("GET", f"/{self._bucket}", query)
        return KEY.findall(answer.decode("utf-8", "replace"))

    def _call(self, method: str, path: str, query: dict[str, str], body: bytes = b"") -> bytes:
        encoded = signing.query_string(query)
        fields = self._signer.fields((method, path, encoded), signing.digest_of(body))
        if body:
            fields["content-length"] = str(len(body))
        # HTTP/1.0: the answer ends with the connection and comes in one piece.
        target = f"{method} {path}{'?' if encoded else ''}{encoded} HTTP/1.0"
        try:
            with socket.create_connection(self._endpoint, SECONDS) as connection:
                stream = connection.makefile("rwb")
                messages.write(stream, target, fields, body)
                answer = messages.read(stream, ANSWER_LIMIT, until_closed=True)
        except (OSError, messages.BadMessageError) as error:
            raise StoreError(f"the object store does not answer: {error}") from error
        status = answer.first.split(" ")[1:2]
        if status not in (["200"], ["204"]):
            raise StoreError(f"the object store refuses with status {' '.join(status)}")
        return answer.body
