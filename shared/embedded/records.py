"""What the front knows: which address each host name was published at."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, StringConstraints, TypeAdapter

from . import files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HOST: Final = re.compile(
    r"^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$"
)
Address = Annotated[str, StringConstraints(pattern=r"^\d{1,3}(\.\d{1,3}){3}:\d{1,5}$")]


class Record(BaseModel, frozen=True, extra="forbid"):
    """Where a host name leads: IPv4 address and port, for plain HTTP and for TLS."""

    address: Address
    tls_address: Address | None = None

    def place(self, *, is_tls: bool) -> tuple[str, int] | None:
        """Return where to connect, or None when the record has no such address."""
        chosen = self.tls_address if is_tls else self.address
        if chosen is None:
            return None
        name, _, port = chosen.partition(":")
        return name, int(port)


RECORDS: Final = TypeAdapter(dict[str, Record])


class Records:
    """All records, in memory and in a file that is written before a change counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._records: dict[str, Record] = {}
        if path.exists():
            self._records = RECORDS.validate_json(path.read_bytes())

    def all(self) -> Mapping[str, Record]:
        """Return every record by its host."""
        return self._records

    def find(self, host: str) -> Record | None:
        """Return the record of a host, however it is written."""
        return self._records.get(canonical(host))

    def put(self, host: str, record: Record) -> None:
        """Publish a host, or publish it elsewhere."""
        self._save({**self._records, canonical(host): record})

    def remove(self, host: str) -> None:
        """Withdraw a host; an unknown one is withdrawn already."""
        self._save({name: it for name, it in self._records.items() if name != canonical(host)})

    def _save(self, records: dict[str, Record]) -> None:
        if records == self._records:
            return
        shown = {name: it.model_dump(exclude_none=True) for name, it in sorted(records.items())}
        files.write(self._path, json.dumps(shown, indent=2) + "\n")
        self._records = records


def canonical(host: str) -> str:
    """Return a host name in the one way it is kept: lower case, no port, no trailing dot."""
    return host.partition(":")[0].rstrip(".").lower()


def is_host(text: str) -> bool:
    """Say whether a text can be a host name."""
    return HOST.match(canonical(text)) is not None
