"""One run as a tree of spans with durations, read from what the services wrote.

A span leaves a line when it starts and one when it ends. One that never ended was interrupted
by the death of its process.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from shared import errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

RUN: Final = "run"
NANOSECONDS: Final = 1_000_000_000


@dataclass(slots=True)
class Span:
    """One piece of work of one service."""

    name: str
    service: str
    trace: str
    id: str
    parent: str | None
    start: int
    end: int | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Span] = field(default_factory=list)

    @property
    def seconds(self) -> float | None:
        """How long it took; None when it was interrupted."""
        return None if self.end is None else (self.end - self.start) / NANOSECONDS


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything one run caused."""

    roots: Sequence[Span]
    """Spans without a parent; one for a run that was asked for once."""
    orphans: Sequence[Span]
    """Spans whose parent nobody wrote down; none when nothing is lost."""
    spans: Sequence[Span]

    @property
    def services(self) -> frozenset[str]:
        """Who took part."""
        return frozenset(it.service for it in self.spans)


def of_run(directory: Path, run: str) -> Trace:
    """Return the trace of a run.

    Raises:
        NotFoundError: no span belongs to this run.
    """
    everything = _read(directory)
    ours = {it.trace for it in everything.values() if it.attributes.get(RUN) == run}
    if not ours:
        raise errors.NotFoundError("trace.unknown", f"no trace of run {run} in {directory}")
    spans = sorted((it for it in everything.values() if it.trace in ours), key=lambda it: it.start)
    roots, orphans = [], []
    for it in spans:
        if it.parent is None:
            roots.append(it)
        elif it.parent in everything:
            everything[it.parent].children.append(it)
        else:
            orphans.append(it)
    return Trace(roots, orphans, spans)


def _read(directory: Path) -> dict[str, Span]:
    spans: dict[str, Span] = {}
    for file in sorted(directory.glob("*.jsonl")):
        for line in _lines(file):
            span = _span(line)
            # The line of the end says more than that of the start.
            if span.id not in spans or span.end is not None:
                spans[span.id] = span
    return spans


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            # A process that was killed may have written half a line.
            continue


def _span(line: dict[str, Any]) -> Span:
    return Span(
        name=line["name"],
        service=line["service"],
        trace=line["trace_id"],
        id=line["span_id"],
        parent=line["parent_id"],
        start=line["start"],
        end=line.get("end"),
        attributes=line.get("attributes", {}),
    )


def render(trace: Trace) -> str:
    """Return the tree as text."""
    began = min(it.start for it in trace.spans)
    lines = [line for root in trace.roots for line in _branch(root, began, 0)]
    if trace.orphans:
        lines.append("without a known parent:")
        lines += [line for it in trace.orphans for line in _branch(it, began, 1)]
    return "\n".join(lines) + "\n"


def _branch(span: Span, began: int, depth: int) -> Iterator[str]:
    took = "interrupted" if span.seconds is None else f"{span.seconds:8.3f} s"
    after = (span.start - began) / NANOSECONDS
    yield f"{after:8.3f} s {took:>11}  {'  ' * depth}{span.service}: {span.name}"
    for child in span.children:
        yield from _branch(child, began, depth + 1)
