"""Traces and logs: one call at the start of a process, then spans and events anywhere.

Spans go to an OTLP endpoint, or as JSON lines to a directory. A span also leaves a line when it
starts, so that a process killed in the middle leaves an interrupted span, never an orphan.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

import structlog
from opentelemetry import context, propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping, Sequence
    from pathlib import Path

    from .settings import TelemetrySettings

TRACEPARENT: Final = "traceparent"
REDACTED: Final = "[redacted]"
PRIVATE_NAME: Final = re.compile(r"secret|password|token|seed|identity|authorization|credential")
PRIVATE_VALUE: Final = re.compile(r"AGE-SECRET-KEY-\w+|fdv_\w{20,}|\bSU[A-Z2-7]{56}\b")

log: structlog.stdlib.BoundLogger = structlog.get_logger()
_tracer = trace.get_tracer("fediversity")


def start(service: str, settings: TelemetrySettings) -> None:
    """Send this process's traces and logs where the settings say."""
    _start_logs(service, settings.log_level)
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    if settings.otlp_endpoint:
        exporter = OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint.rstrip('/')}/v1/traces")
        provider.add_span_processor(BatchSpanProcessor(exporter))
    elif settings.directory:
        settings.directory.mkdir(parents=True, exist_ok=True)
        provider.add_span_processor(LineProcessor(service, settings.directory))
    trace.set_tracer_provider(provider)


@contextlib.contextmanager
def span(
    name: str, *, kind: SpanKind = SpanKind.INTERNAL, **attributes: str | int | bool | None
) -> Iterator[trace.Span]:
    """Open a span below the current one; an error that passes through marks it as failed."""
    known = {key.replace("__", "."): it for key, it in attributes.items() if it is not None}
    with _tracer.start_as_current_span(name, kind=kind, attributes=known) as opened:
        yield opened


def code_name(function: Callable[..., object]) -> str:
    """Return `module:Class.method` of a handler or a step, for the attribute code.function.name."""
    return f"{function.__module__}:{function.__qualname__}"


def traceparent() -> str | None:
    """Return the current context as a W3C traceparent, or None outside a trace."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get(TRACEPARENT)


@contextlib.contextmanager
def continue_from(parent: str | None) -> Iterator[None]:
    """Make a stored traceparent the current context, so that the work joins its trace."""
    token = context.attach(propagate.extract({TRACEPARENT: parent} if parent else {}))
    try:
        yield
    finally:
        context.detach(token)


class LineProcessor(SpanProcessor):
    """Append spans to `<directory>/<service>.jsonl`: a line at the start, a line at the end."""

    def __init__(self, service: str, directory: Path) -> None:
        self._service = service
        self._file = (directory / f"{service}.jsonl").open("a", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()

    @override
    def on_start(self, span: Span, parent_context: context.Context | None = None) -> None:
        """Write the line that remains when the process is killed before the end."""
        self._write(self._line(span))

    @override
    def on_end(self, span: ReadableSpan) -> None:
        """Write the whole span."""
        attributes = dict(span.attributes or {})
        self._write(
            self._line(span)
            | {
                "end": span.end_time,
                "attributes": {key: redacted_text(str(it)) for key, it in attributes.items()},
                "failed": span.status.status_code is StatusCode.ERROR,
            }
        )

    def _line(self, span: ReadableSpan) -> dict[str, object]:
        found = span.get_span_context()
        return {
            "name": span.name,
            "service": self._service,
            "trace_id": f"{found.trace_id:032x}" if found else "",
            "span_id": f"{found.span_id:016x}" if found else "",
            "parent_id": f"{span.parent.span_id:016x}" if span.parent else None,
            "start": span.start_time,
        }

    def _write(self, line: dict[str, object]) -> None:
        with self._lock:
            self._file.write(json.dumps(line) + "\n")

    @override
    def shutdown(self) -> None:
        """Close the file."""
        self._file.close()

    @override
    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Return at once: every line is written when its span starts and ends."""
        return True


def redacted_text(text: str) -> str:
    """Return a text without anything that has the form of one of our secrets."""
    return PRIVATE_VALUE.sub(REDACTED, text)


def _redact(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if PRIVATE_NAME.search(key) and not isinstance(value, (bool, int)):
            event[key] = REDACTED
        elif isinstance(value, str):
            event[key] = redacted_text(value)
    return event


def _add_trace(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    current = trace.get_current_span().get_span_context()
    if current.is_valid:
        event["trace_id"] = f"{current.trace_id:032x}"
        event["span_id"] = f"{current.span_id:016x}"
    return event


def _start_logs(service: str, level: str) -> None:
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    steps: Sequence[structlog.typing.Processor] = (
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
        structlog.processors.ExceptionRenderer(),
        _redact,
        structlog.processors.JSONRenderer(),
    )
    structlog.configure(
        processors=steps,
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, force=True)
    logging.getLogger().handlers[0].setFormatter(_JsonFormatter(service))


class _JsonFormatter(logging.Formatter):
    """Write what libraries log in the same form as our own events."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Return one JSON line."""
        text = redacted_text(record.getMessage())
        if record.exc_info:
            text += "\n" + redacted_text(self.formatException(record.exc_info))
        found = {
            "event": text,
            "level": record.levelname.lower(),
            "logger": record.name,
            "service": self._service,
            "timestamp": self.formatTime(record),
        }
        return json.dumps(found)
