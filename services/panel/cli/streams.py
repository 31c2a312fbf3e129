"""Server-sent events, read line by line."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event of a run."""

    id: int
    kind: str
    data: dict[str, Any]


def events(lines: Iterable[str]) -> Iterator[StreamEvent]:
    """Yield each complete event; what was cut off is asked for again after the last one."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
            continue
        if "id" in fields and "data" in fields:
            kind = fields.get("event", "message")
            yield StreamEvent(int(fields["id"]), kind, json.loads(fields["data"]))
        fields = {}
