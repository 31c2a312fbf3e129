"""Count the tests of each level and, where CI is true, let none be left out or tried twice.

What a test wants to be read by people goes through any number of workers to the end of the output:
`record_property("figure", "one line")`.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.support import chance

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from _pytest.terminal import TerminalReporter

IN_CI = os.environ.get("CI") == "true"
FIGURE = "figure"
REPEATS = ("rerunfailures", "flaky")
DESELECTED = pytest.StashKey[int]()


class Worker(Protocol):
    """What xdist hands over when one of its processes has ended."""

    config: pytest.Config


def pytest_configure(config: pytest.Config) -> None:
    """Refuse plugins that repeat a failed test until it passes."""
    config.stash[DESELECTED] = 0
    # Workers that begin on both sides of midnight draw the same all the same.
    os.environ.setdefault(chance.VARIABLE, str(chance.seed()))
    found = [name for name in REPEATS if config.pluginmanager.has_plugin(name)]
    if IN_CI and found:
        raise pytest.UsageError(f"tests are not repeated in CI, but this is loaded: {found}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip, or a failure that was expected, into a failure."""
    report = yield
    if IN_CI and (report.skipped or hasattr(report, "wasxfail")):
        # pytest counts no failure that was expected.
        vars(report).pop("wasxfail", None)
        report.outcome = "failed"
        report.longrepr = f"nothing is left out in CI, but this was: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn the skip of a whole module into a failure."""
    report = yield
    if IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"nothing is left out in CI, but this was: {report.longrepr}"
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Say at once why a test failed: the whole report comes minutes later."""
    if report.failed and not os.environ.get("PYTEST_XDIST_WORKER"):
        crash = getattr(report.longrepr, "reprcrash", None)
        reason = crash.message if crash else str(report.longrepr)
        print(f"\n{report.nodeid} ({report.when}): {reason[:2000]}", flush=True)  # noqa: T201 - for people


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Count what a selection leaves out."""
    if items:
        items[0].config.stash[DESELECTED] += len(items)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a selection of tests; a worker tells its controller how many it left out."""
    left_out = session.config.stash[DESELECTED]
    if output := getattr(session.config, "workeroutput", None):
        output["deselected"] = left_out
    if IN_CI and left_out and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Worker) -> None:
    """Take over how many tests a worker left out; every worker collects the same ones."""
    output: dict[str, int] = getattr(node, "workeroutput", {})
    stash = node.config.stash
    stash[DESELECTED] = max(stash[DESELECTED], output.get("deselected", 0))


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print how many tests of each level passed and failed."""
    counts = {
        outcome: Counter(_level(report) for report in terminalreporter.stats.get(outcome, []))
        for outcome in ("passed", "failed", "error", "skipped")
    }
    levels = sorted({level for counter in counts.values() for level in counter})
    figures = [
        str(line)
        for report in terminalreporter.stats.get("passed", [])
        for name, line in report.user_properties
        if name == FIGURE
    ]
    if figures:
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(figures))
    terminalreporter.section("tests per level")
    for level in levels:
        seen = ", ".join(f"{found[level]} {it}" for it, found in counts.items() if found[level])
        terminalreporter.line(f"{level}: {seen}")
    if left_out := terminalreporter.config.stash[DESELECTED]:
        terminalreporter.line(f"deselected: {left_out}", red=IN_CI)


def _level(report: pytest.TestReport | pytest.CollectReport) -> str:
    parts = PurePosixPath(report.nodeid.split("::")[0]).parts
    return parts[1] if len(parts) > 1 and parts[0] == "tests" else "elsewhere"
