"""Reports: a run as text to give to the hosting provider, without what is nobody else's business.

Taken out is what has the form of a secret, an e-mail address or an IP address, and the names of
the operator's people. In doubt something is taken out: the provider can look up the rest by ids.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Final

from .advice import advise
from .runs import RunEventKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from .runs import NumberedEvent, Run, RunFailure, RunStep

SECRET: Final = "[secret]"  # noqa: S105 - what stands in its place
EMAIL: Final = "[e-mail address]"
ADDRESS: Final = "[IP address]"
NAME: Final = "[name]"
SHORTEST_NAME: Final = 3
_SECRETS: Final = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {SECRET}"),
    (re.compile(r"(\w://)[^\s/@]+@"), rf"\1{SECRET}@"),
    (re.compile(r"(https?://[^\s?]*)\?\S+"), rf"\1?{SECRET}"),
    (
        re.compile(
            r"(?i)(?<![\w.-])([\w.-]*(?:passw|passphrase|secret|token|api.?key|access.?key"
            r"|credential|authorization|cookie)[\w.-]*[\"']?(?:\s*[:=]\s*|\s+is\s+))"
            r"(\"[^\"]*\"|'[^']*'|\S+)"
        ),
        rf"\1{SECRET}",
    ),
    (re.compile(r"-----BEGIN [^-]+-----.*"), SECRET),
    (re.compile(r"\b(?:AGE-SECRET-KEY-|fdv_|whsec_|whsk_|eyJ)[\w.=-]+"), SECRET),
    (re.compile(r"\b[0-9A-Fa-f]{40,}\b"), SECRET),
)
_KEY: Final = re.compile(r"[\w+/=]{20,}")
LONG_KEY: Final = 40
"""From here on a slash belongs to a key, and not to a path."""
LONGEST_LINE: Final = 2000
_EMAIL: Final = re.compile(r"(?<![\w.+%-])[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_V4: Final = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)")
_V6: Final = re.compile(r"[0-9A-Fa-f:.]{3,}")
FEWEST_COLONS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that a report tells."""

    run: Run
    steps: Sequence[RunStep]
    events: Sequence[NumberedEvent]
    applications: Sequence[str]
    """Each with its version."""
    panel: str
    """The version of this panel."""
    names: Sequence[str]
    """Of people, to be taken out."""


def redacted(text: str, names: Sequence[str] = ()) -> str:
    """Return a text without secrets, e-mail addresses, IP addresses and names."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    text = _KEY.sub(_without_key, text)
    text = _EMAIL.sub(EMAIL, text)
    text = _V4.sub(lambda found: ADDRESS if _is_address(found.group()) else found.group(), text)
    text = _V6.sub(_without_v6, text)
    for name in sorted(names, key=len, reverse=True):
        if len(name) >= SHORTEST_NAME:
            text = re.sub(rf"(?i)(?<!\w){re.escape(name)}(?!\w)", NAME, text)
    return text


def write(story: Story, now: datetime) -> str:
    """Return the report."""
    return "\n".join([*_head(story, now), *_failure(story), *_steps(story), *_log(story), ""])


def _without_key(found: re.Match[str]) -> str:
    text = found.group()
    has_all = all(any(map(kind, text)) for kind in (str.isupper, str.islower, str.isdigit))
    is_path = "/" in text and len(text) < LONG_KEY
    return SECRET if has_all and not is_path else text


def _without_v6(found: re.Match[str]) -> str:
    """Take an address out of a run of its characters, of which words may have some at both ends."""
    text = found.group()
    if text.count(":") < FEWEST_COLONS:
        return text
    around = found.string[: found.start()][-1:], found.string[found.end() :][:1]
    first = text.index(":") + 1 if around[0].isalnum() else 0
    last = text.rindex(":") if around[1].isalnum() else len(text)
    inner = text[first:last]
    for it in (inner, inner.rstrip(".:"), inner.lstrip(":"), inner.strip(".:")):
        if _is_address(it):
            return text.replace(it, ADDRESS, 1)
    return text


def _is_address(text: str) -> bool:
    try:
        return text != "::" and bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def _head(story: Story, now: datetime) -> Iterator[str]:
    run = story.run
    yield "A run, for the hosting provider"
    yield "Secrets, names, e-mail addresses and IP addresses were taken out."
    yield ""
    rows = (
        ("Run", f"{run.id} (number {run.number})"),
        ("Kind", run.kind.value),
        ("State", run.state.value),
        ("Deployment", run.deployment),
        ("Revision", str(run.revision or "")),
        ("Backup", run.backup or ""),
        ("Retry of", run.retry_of or ""),
        ("After", run.after or ""),
        ("Held by", run.held_by or ""),
        ("Trace", run.traceparent or ""),
        ("Asked for", _time(run.created_at)),
        ("Begun", _time(run.started_at)),
        ("Ended", _time(run.ended_at)),
        ("Written", _time(now)),
        ("Applications", ", ".join(story.applications)),
        ("Panel", story.panel),
    )
    for name, value in rows:
        if value:
            yield f"{name + ':':<14}{value}"


def _failure(story: Story) -> Iterator[str]:
    failure: RunFailure | None = story.run.failure
    if failure is None:
        return
    advice = advise(story.run.kind, failure)
    yield ""
    yield "Failure"
    yield f"  Code:     {failure.failure.code}"
    yield f"  At:       {failure.service} {failure.stage}"
    yield f"  Outcome:  {failure.outcome.value}"
    yield f"  Why:      {redacted(failure.failure.message, story.names)}"
    yield f"  State:    {advice.left}"
    yield f"  Next:     {advice.next}"


def _steps(story: Story) -> Iterator[str]:
    yield ""
    yield "Steps"
    for it in story.steps:
        took = "" if it.seconds is None else f"{it.seconds:.1f} s"
        tries = f"attempt {it.attempt}" if it.attempt > 1 else ""
        parts = (f"{it.service} {it.name:<12}", f"{it.status.value:<10}", _time(it.started_at))
        yield "  " + "  ".join(part for part in (*parts, took, tries) if part)


def _log(story: Story) -> Iterator[str]:
    yield ""
    yield "Log"
    for event in story.events:
        if event.kind is RunEventKind.LOG:
            place = f"{event.body.service}/{event.body.step}"
            for line in event.body.lines:
                text = redacted(_plain(line), story.names)
                yield f"  {_time(event.at)}  {place}  {text}"


def _plain(line: str) -> str:
    return "".join(it if it.isprintable() else " " for it in line[:LONGEST_LINE])


def _time(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="seconds")
