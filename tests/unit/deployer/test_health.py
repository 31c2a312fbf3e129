"""The watch over health, on machines in memory: what it sees, tells and keeps to itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from services.deployer.domain import Certificate
from shared.contracts.deployer import HealthChanged
from shared.contracts.deployments import Mode
from tests.support.deployments import DEPLOYMENT, a_machine, a_revision, a_wish
from tests.support.fakes.host import EMPTY

if TYPE_CHECKING:
    from services.deployer.service.health import Health

    from .conftest import Rig

HOST = "hello.garden.example"
SECONDS = 5


class Looks:
    """Looks at the one deployment again and again."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.health: Health = rig.deployer.health

    async def at(self, times: int = 1) -> list[list[tuple[str, str, str]]]:
        """Look some times; return everything that was told, as it was told."""
        for _ in range(times):
            await self.health.look(DEPLOYMENT)
            self.rig.clock.move(SECONDS)
        told = []
        for event in self.rig.said:
            assert isinstance(event, HealthChanged)
            told.append([(it.application, it.kind, it.message) for it in event.ailments])
        return told


async def watched(rig: Rig) -> Looks:
    """Leave the machine with what a finished run leaves, and begin to look."""
    await rig.run()
    rig.leave_running()
    return Looks(rig)


async def test_of_what_is_well_nothing_is_said(rig: Rig) -> None:
    looks = await watched(rig)

    assert await looks.at(3) == []
    assert rig.conditions.noted == {}
    assert rig.host.examinations == 3


async def test_a_unit_that_does_not_run_is_told_once_and_so_is_its_return(rig: Rig) -> None:
    looks = await watched(rig)
    began = rig.clock.now()
    rig.host.seen["hello"] = "restarting"

    assert await looks.at() == []
    sick = [("hello", "unit", "hello: restarting")]
    assert await looks.at(3) == [sick]
    rig.host.seen["hello"] = "running"
    assert await looks.at() == [sick]
    assert await looks.at() == [sick, []]

    event = rig.said[0]
    assert isinstance(event, HealthChanged)
    assert event.ailments[0].since == began.isoformat().replace("+00:00", "Z")


async def test_what_has_become_something_else_is_told_when_it_lasts(rig: Rig) -> None:
    looks = await watched(rig)
    rig.host.seen["hello"] = "stopped"
    stopped = [("hello", "unit", "hello: stopped")]
    assert await looks.at(2) == [stopped]

    for state in ("restarting", "stopped", "restarting", "stopped"):
        rig.host.seen["hello"] = state
        assert await looks.at() == [stopped]
    rig.host.seen["hello"] = "failed"
    assert await looks.at(3) == [stopped, [("hello", "unit", "hello: failed")]]


async def test_a_unit_that_the_machine_does_not_know_is_missing(rig: Rig) -> None:
    looks = await watched(rig)
    rig.host.seen.clear()

    assert await looks.at(2) == [[("hello", "unit", "hello: missing")]]


async def test_a_page_that_is_not_well_is_told(rig: Rig) -> None:
    looks = await watched(rig)
    rig.probe.ailments[HOST] = "status 503: the book is closed"

    found = "asked for /health.txt: status 503: the book is closed"
    assert await looks.at(2) == [[("hello", "http", found)]]


async def test_a_disk_without_room_is_told(rig: Rig) -> None:
    looks = await watched(rig)
    rig.host.disk_percent = 90
    assert await looks.at(2) == []

    rig.host.disk_percent = 91
    assert await looks.at(2) == [[("hello", "disk", "the disk of its machine is 91 % full")]]
    # Another percent is not news.
    rig.host.disk_percent = 92
    assert len(await looks.at(2)) == 1


async def test_a_machine_that_does_not_answer_is_given_the_time_to_boot(rig: Rig) -> None:
    looks = await watched(rig)
    rig.host.is_away = True
    rig.probe.ailments[HOST] = "no answer"

    assert await looks.at(3) == []
    assert await looks.at() == [[("hello", "unit", "the machine does not answer")]]


async def test_a_machine_that_booted_is_no_news(rig: Rig) -> None:
    looks = await watched(rig)
    rig.host.is_away = True
    await looks.at(2)
    rig.host.is_away = False

    assert await looks.at(3) == []


async def test_a_machine_that_runs_something_else_is_told(rig: Rig) -> None:
    looks = await watched(rig)
    rig.host.system = EMPTY

    found = "the machine runs another system than it was left with"
    assert await looks.at(2) == [[("hello", "unit", found)]]


async def test_several_machines_are_looked_at_and_told_of_together(rig: Rig) -> None:
    machines = (a_machine(), a_machine(number=2, applications=("moody",)))
    rig.wish_for(a_revision(wish=a_wish("hello", "moody"), machines=machines))
    looks = await watched(rig)
    rig.hosts.at(machines[1]).seen = {"moody": "stopped"}
    rig.probe.ailments[HOST] = "status 500"

    assert await looks.at(2) == [
        [
            ("hello", "http", "asked for /health.txt: status 500"),
            ("moody", "unit", "moody: stopped"),
        ]
    ]


async def test_a_certificate_that_runs_out_is_told(rig: Rig) -> None:
    looks = await watched(rig)
    now = rig.clock.now()
    late = Certificate(begins=now - timedelta(days=80), ends=now + timedelta(days=10))
    rig.certificates.shown[HOST] = late

    found = f"the certificate of {HOST} ends on 2026-01-11T00:00:00Z"
    assert await looks.at(2) == [[("hello", "certificate", found)]]


async def test_a_name_without_a_certificate_is_given_a_minute(rig: Rig) -> None:
    looks = await watched(rig)
    rig.certificates.bare.add(HOST)

    assert await looks.at(12) == []
    assert [it[0][1] for it in await looks.at()] == ["certificate"]


async def test_a_good_certificate_is_not_asked_for_at_every_look(rig: Rig) -> None:
    looks = await watched(rig)

    await looks.at(4)

    assert rig.certificates.asked == [HOST]


async def test_what_stands_still_is_not_sick_but_kept_still(rig: Rig) -> None:
    looks = await watched(rig)
    rig.conditions.paused.add(DEPLOYMENT)
    rig.probe.ailments[HOST] = "no answer"

    assert await looks.at(3) == []
    assert rig.host.masked == {"hello"}
    assert len(rig.host.asked) == 1


async def test_a_machine_that_is_away_while_it_stands_still_is_left_alone(rig: Rig) -> None:
    looks = await watched(rig)
    rig.conditions.paused.add(DEPLOYMENT)
    rig.host.is_away = True

    assert await looks.at(5) == []


async def test_what_is_only_prepared_is_not_looked_at(rig: Rig) -> None:
    looks = await watched(rig)
    prepared = a_wish().model_copy(update={"mode": Mode.PREPARED})
    rig.revisions.know(a_revision(wish=prepared))
    rig.host.is_away = True

    assert await looks.at(5) == []


async def test_what_was_never_deployed_is_not_looked_at(rig: Rig) -> None:
    assert await Looks(rig).at(2) == []
