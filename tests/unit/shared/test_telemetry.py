"""Traces and logs: what is written, and what never is."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import pathlib, sys
from shared import telemetry
from shared.settings import TelemetrySettings

telemetry.start("panel", TelemetrySettings(directory=pathlib.Path(sys.argv[1])))
with telemetry.span("outer", run="r1"):
    parent = telemetry.traceparent()
    telemetry.log.info("seen", password="hunter2", text="key AGE-SECRET-KEY-1ABC", count=3)
with telemetry.continue_from(parent), telemetry.span("inner", code__function__name="m:f"):
    pass
with telemetry.continue_from(parent), telemetry.span("killed"):
    import os
    os._exit(9)
"""


def _run(directory: Path) -> tuple[list[dict[str, object]], str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(directory)], capture_output=True, text=True, check=False
    )
    lines = (directory / "panel.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(it) for it in lines], done.stderr


def test_spans_that_follow_a_stored_context_share_its_trace(tmp_path: Path) -> None:
    spans, _ = _run(tmp_path)

    ended = {str(it["name"]): it for it in spans if "end" in it}
    assert ended["inner"]["trace_id"] == ended["outer"]["trace_id"]
    assert ended["inner"]["parent_id"] == ended["outer"]["span_id"]
    assert ended["outer"]["parent_id"] is None
    assert ended["inner"]["attributes"] == {"code.function.name": "m:f"}


def test_a_killed_process_leaves_the_span_it_was_in(tmp_path: Path) -> None:
    spans, _ = _run(tmp_path)

    killed = [it for it in spans if it["name"] == "killed"]
    assert len(killed) == 1
    assert "end" not in killed[0]


def test_logs_carry_the_trace_and_no_secret(tmp_path: Path) -> None:
    spans, stderr = _run(tmp_path)

    found = next(json.loads(it) for it in stderr.splitlines() if '"seen"' in it)
    assert found["trace_id"] == spans[0]["trace_id"]
    assert found["count"] == 3
    assert "hunter2" not in stderr
    assert "AGE-SECRET-KEY-1" not in stderr
