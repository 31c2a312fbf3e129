"""Progress reaches panel in order, and never holds up who reports it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shared import clock, ids
from shared.bus import progress
from shared.contracts.progress import Progress, StepState
from tests.support import messaging
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from tests.support.bus import Bus


def a_report(run: str, deployment: str, attempt: int = 1, lines: tuple[str, ...] = ()) -> Progress:
    return Progress(
        deployment=deployment,
        run=run,
        service="provisioner",
        step="boot",
        state=StepState.RUNNING,
        attempt=attempt,
        lines=lines,
        at=clock.system.now().isoformat(),
    )


class Panel:
    def __init__(self, *, failures: int = 0) -> None:
        self.seen: list[Progress] = []
        self.places: list[int] = []
        self.failures = failures

    async def on_progress(self, report: Progress, place: int) -> None:
        if self.failures:
            self.failures -= 1
            raise ValueError("not today")
        self.seen.append(report)
        self.places.append(place)


async def test_reports_of_a_run_arrive_in_their_order(bus: Bus) -> None:
    panel, run, deployment = Panel(), ids.new_id(), ids.new_id()

    async with (
        bus.connect("provisioner") as connection,
        bus.connect("panel") as ear,
        messaging.running(progress.consume_progress(ear, panel.on_progress)),
    ):
        for number in range(1, 51):
            report = a_report(run, deployment, number)
            await progress.ProgressPublisher(connection).publish(report)
        await eventually(lambda: len(panel.seen) == 50, within=10)

    assert [it.attempt for it in panel.seen] == list(range(1, 51))
    assert panel.places == sorted(panel.places)


async def test_a_report_keeps_its_last_hundred_lines_within_bounds(bus: Bus) -> None:
    panel, lines = Panel(), tuple(f"{number} {'x' * 5000}" for number in range(300))

    async with (
        bus.connect("provisioner") as connection,
        bus.connect("panel") as ear,
        messaging.running(progress.consume_progress(ear, panel.on_progress)),
    ):
        report = a_report(ids.new_id(), ids.new_id(), lines=lines)
        await progress.ProgressPublisher(connection).publish(report)
        await eventually(lambda: panel.seen, within=10)

    assert [it.split()[0] for it in panel.seen[0].lines] == [str(n) for n in range(200, 300)]


async def test_a_report_nobody_can_read_or_keep_is_dropped_and_the_rest_goes_on(bus: Bus) -> None:
    panel = Panel(failures=2)

    async with bus.connect("provisioner") as connection, bus.connect("panel") as ear:
        await connection.send(f"progress.{ids.new_id()}.{ids.new_id()}", b"?")
        async with messaging.running(progress.consume_progress(ear, panel.on_progress)):
            report = a_report(ids.new_id(), ids.new_id())
            await progress.ProgressPublisher(connection).publish(report)
            await eventually(lambda: panel.seen == [report], within=10)


async def test_reporting_to_a_bus_that_is_away_does_not_block(bus: Bus) -> None:
    async with bus.connect("provisioner") as connection:
        await bus.server.kill()
        await eventually(lambda: not connection.is_connected, within=10)
        publisher, started = progress.ProgressPublisher(connection), time.monotonic()

        for _ in range(200):
            lines = tuple("x" * 900 for _ in range(100))
            await publisher.publish(a_report(ids.new_id(), ids.new_id(), lines=lines))

        # Half a second for each would be a hundred.
        assert time.monotonic() - started < 30
