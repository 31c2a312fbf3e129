"""Reports of runs: what is nobody else's business is taken out, and all else stays readable."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.panel.domain import report
from services.panel.domain.report import ADDRESS, EMAIL, NAME, SECRET, redacted
from services.panel.domain.runs import (
    EventBody,
    NumberedEvent,
    Run,
    RunEventKind,
    RunFailure,
    RunKind,
    RunState,
    RunStep,
    StepStatus,
)
from shared.contracts.failures import Failure, Outcome

NOW: Final = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
KEY: Final = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("password=hunter2 for it", f"password={SECRET} for it"),
        ('"db_password": "correct horse", "port": 1', f'"db_password": {SECRET}, "port": 1'),
        ("The password is hunter2", f"The password is {SECRET}"),
        ("Authorization: Bearer abc.def-123", f"Authorization: {SECRET} {SECRET}"),
        ("curl https://x.example/a?token=1&b=2 ok", f"curl https://x.example/a?{SECRET} ok"),
        ("postgres://panel:pw@db:5432/x", f"postgres://{SECRET}@db:5432/x"),
        (f"uploading with {KEY}", f"uploading with {SECRET}"),
        ("AGE-SECRET-KEY-1QQQQ left", f"{SECRET} left"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", SECRET),
        ("a" * 64, SECRET),
        ("Tell kim.lee+x@garden.example now", f"Tell {EMAIL} now"),
        ("from 192.0.2.10:443", f"from {ADDRESS}:443"),
        ("from [2001:db8::1]:443 and fe80::1.", f"from [{ADDRESS}]:443 and {ADDRESS}."),
        ("peer:2001:db8::1: gone", f"peer:{ADDRESS}: gone"),
        ("Robin van Dam asked", f"{NAME} asked"),
        ("ROBIN VAN DAM asked", f"{NAME} asked"),
    ],
)
def test_what_is_nobody_elses_business_is_taken_out(line: str, expected: str) -> None:
    assert redacted(line, ["Robin van Dam"]) == expected


@pytest.mark.parametrize(
    "line",
    [
        "building /nix/store/2yxsp7a9zk1h3q6w8d4c5b0v9n7m6l5k-NetworkManager-1.50.0",
        "unpacked 17 files at 12:30:45 in 3.2 s",
        "std::string is a type; version 1.2.3",
        "hello.garden.example answers 200",
        "run 01k9zq3p7hf6sw9t4x8y2z3def goes on",
        "Robins sing",
    ],
)
def test_what_helps_the_provider_stays(line: str) -> None:
    assert redacted(line, ["Robin", "Jo"]) == line


@given(st.text(alphabet=st.sampled_from("aA1@.:/=?-_ ;x"), max_size=400))
def test_redaction_ends_and_is_done_once(line: str) -> None:
    once = redacted(line)

    assert not re.search(r"\w@x\.x", once)
    assert len(once) <= 20 * len(line)


def test_a_report_tells_the_run_its_steps_its_failure_and_its_log() -> None:
    failure = RunFailure(
        failure=Failure(code="store.full", message="No room, ask kim@x.example", retryable=False),
        service="storage",
        stage="bucket",
        outcome=Outcome.UNCHANGED,
    )
    run = Run(
        id="01k9zq3p7hf6sw9t4x8y2z3def",
        number=7,
        operator="o",
        deployment="d1",
        kind=RunKind.DEPLOY,
        revision=3,
        state=RunState.FAILED,
        requested_by="secret person id",
        created_at=NOW,
        started_at=NOW,
        ended_at=NOW,
        failure=failure,
    )
    step = RunStep(
        position=1,
        service="storage",
        name="bucket",
        status=StepStatus.FAILED,
        attempt=4,
        started_at=NOW,
        ended_at=NOW,
    )
    body = EventBody(service="storage", step="bucket", lines=("one\x1b[1m", "from 192.0.2.1"))
    log = NumberedEvent(sequence=4, at=NOW, kind=RunEventKind.LOG, body=body)
    state = NumberedEvent(sequence=1, at=NOW, kind=RunEventKind.STATE, body=EventBody())

    text = report.write(
        report.Story(
            run=run,
            steps=[step],
            events=[state, log],
            applications=["hello 1.0.0"],
            panel="0.1.0",
            names=[],
        ),
        NOW,
    )

    for part in (
        "01k9zq3p7hf6sw9t4x8y2z3def (number 7)",
        "Kind:         deploy",
        "hello 1.0.0",
        "Code:     store.full",
        f"Why:      No room, ask {EMAIL}",
        "storage bucket        failed      2026-11-21T09:30:00+00:00  0.0 s  attempt 4",
        f"2026-11-21T09:30:00+00:00  storage/bucket  from {ADDRESS}",
    ):
        assert part in text
    assert "\x1b" not in text
    assert "secret person id" not in text
