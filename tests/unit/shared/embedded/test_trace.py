"""A run's trace is read from the services' lines as one tree."""

import json
from pathlib import Path

import pytest

from shared import errors
from shared.embedded import trace

SECOND = 1_000_000_000


def line(name: str, span: str, parent: str | None, **more: object) -> str:
    known = {"name": name, "service": "panel", "trace_id": "t1", "span_id": span}
    return json.dumps({**known, "parent_id": parent, "start": SECOND, **more})


def ended(name: str, span: str, parent: str | None, **more: object) -> str:
    seconds = {"start": SECOND, "end": 3 * SECOND}
    return line(name, span, parent, **{**seconds, "attributes": {}, **more})


def write(directory: Path, service: str, *lines: str) -> None:
    (directory / f"{service}.jsonl").write_text("\n".join(lines) + "\n")


def test_spans_of_several_services_make_one_tree(tmp_path: Path) -> None:
    write(
        tmp_path,
        "panel",
        line("POST deploy", "a", None),
        ended("POST deploy", "a", None, attributes={"run": "r1"}),
    )
    write(tmp_path, "storage", ended("grant", "b", "a", service="storage", start=2 * SECOND))

    found = trace.of_run(tmp_path, "r1")

    assert [it.name for it in found.roots] == ["POST deploy"]
    assert [it.name for it in found.roots[0].children] == ["grant"]
    assert not found.orphans
    assert found.services == {"panel", "storage"}
    assert trace.render(found).splitlines() == [
        "   0.000 s     2.000 s  panel: POST deploy",
        "   1.000 s     1.000 s    storage: grant",
    ]


def test_a_span_that_never_ended_was_interrupted(tmp_path: Path) -> None:
    root = ended("root", "a", None, attributes={"run": "r1"})
    write(tmp_path, "panel", root, line("step", "b", "a"), '{"name": "ha')

    found = trace.of_run(tmp_path, "r1")

    assert [it.seconds for it in found.spans] == [2.0, None]
    assert "interrupted    panel: step" in trace.render(found)


def test_a_span_with_an_unknown_parent_is_an_orphan(tmp_path: Path) -> None:
    root = ended("root", "a", None, attributes={"run": "r1"})
    write(tmp_path, "panel", root, ended("lost", "b", "nobody"))

    found = trace.of_run(tmp_path, "r1")

    assert [it.name for it in found.orphans] == ["lost"]
    assert "without a known parent:" in trace.render(found)


def test_other_runs_are_left_out_and_an_unknown_run_is_said(tmp_path: Path) -> None:
    root = ended("root", "a", None, attributes={"run": "r1"})
    write(tmp_path, "panel", root, ended("other", "b", None, trace_id="t2"))

    assert len(trace.of_run(tmp_path, "r1").spans) == 1
    with pytest.raises(errors.NotFoundError, match="r2"):
        trace.of_run(tmp_path, "r2")
