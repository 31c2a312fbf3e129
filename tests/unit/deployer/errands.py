"""Exports and imports on machines in memory, done step by step as a worker does them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from services.deployer.service.exporting import ExportOrder
from services.deployer.service.fallen import Fallen
from services.deployer.service.importing import ImportOrder
from shared import errors, ids, jobs
from shared.contracts.deployer import StateExported
from shared.contracts.deployments import Mode
from shared.contracts.state import Staging
from shared.jobs.holding import failure_of
from tests.support.deployments import (
    DEPLOYMENT,
    RUN,
    a_bucket,
    a_machine,
    a_revision,
    a_wish,
    applications,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.deployer.domain import Revision, StateVerb
    from services.deployer.service.carrying import Carrying
    from shared.contracts.messages import Event, Value
    from shared.contracts.progress import StepState
    from shared.contracts.state import SavedApplication
    from shared.database import Transaction
    from shared.jobs import Report
    from tests.support.fakes.transfers import FakeTransfers

    from .conftest import Rig

EXPORT = ids.new_id()
PATIENCE = 4
STAGING_KEY = "the staging key"
HOST = "microblog.garden.example"
NAMES = ("microblog", "hello")
STEPS = ["verify", "stop", "import", "start", "health"]
BLOG, ENGINE = "microblog", "microblog-database"
STATE = applications().get(BLOG).state
HOOK = " ".join(STATE.hooks.post_restore[0])
PROBE = " ".join(next(it.probe for it in STATE.secrets if it.probe))


class Nudges:
    """Stands where a database would be told that there is work."""

    @property
    def database(self) -> Nudges:
        return self

    @property
    def jobs_nudge(self) -> Nudges:
        return self

    def set(self) -> None:
        return


class Desk(Nudges):
    """Stands where jobs are enqueued, and notes what they are enqueued with."""

    cause = None

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    async def execute(self, sql: str, *values: object) -> str:
        if "insert into jobs" in sql:
            self.asked.append(values)
        return ""

    def after_commit(self, _: Callable[[], None]) -> None:
        return


@dataclass(kw_only=True)
class Errands:
    """Carries state for one deployment."""

    rig: Rig
    export: str = EXPORT
    run: str = RUN
    cancel_before: str = ""
    """The step before which the run is cancelled."""
    crash_in: str = ""
    """The step after which nothing was recorded, once."""
    steps: list[str] = field(default_factory=list)
    """What was done, or tried."""
    reports: list[Report] = field(default_factory=list)
    waited: int = 0
    """How often a step had to wait; what was away is back then."""
    is_lost: bool = False
    """Whether what is away stays away."""

    @property
    def carrying(self) -> Carrying:
        return self.rig.deployer.carrying

    @property
    def transfers(self) -> FakeTransfers:
        return self.rig.transfers

    @property
    def staging(self) -> Staging:
        bucket = a_bucket(sealed=self.rig.sealed(STAGING_KEY))
        names = ("microblog", "hello", "diary")
        return Staging(granted=bucket, prefixes={it: f"state/{it}" for it in names})

    async def save(self, *applications: str, recipient: str = "deployer") -> Event:
        """Export; return how that ended."""
        order = ExportOrder(
            export=self.export,
            applications=applications,
            staging=self.staging,
            recipient=recipient,
        )
        [event] = await self.do(self.carrying.exporting.kind(), order)
        return event

    async def saved(self, *applications: str) -> tuple[SavedApplication, ...]:
        """Export and return what that says."""
        event = await self.save(*applications)
        assert isinstance(event, StateExported), event
        return event.applications

    async def restore(self, *saved: SavedApplication) -> Event:
        """Import; return how that ended, with the way back where it was needed."""
        order = ImportOrder(export=self.export, applications=saved, staging=self.staging)
        [event] = await self.do(self.carrying.importing.kind(), order)
        return event

    async def do(self, kind: jobs.Kind, arguments: Value) -> list[Event]:
        """Do a job to its end, and what it asks for in turn."""
        job = self._job(kind, arguments)
        fall = await self._all_steps(kind, job)
        desk = Desk()
        tx = cast("Transaction", desk)
        if fall is None:
            return [*await kind.finish(job, tx)]
        events = [*await kind.failed(job, fall, tx)]
        for values in desk.asked:
            asked = next(it for it in self.carrying.kinds() if it.name == values[1])
            events += await self.do(asked, Fallen.model_validate(values[5]))
        return events

    async def _all_steps(self, kind: jobs.Kind, job: jobs.Job) -> jobs.Fall | None:
        results = cast("dict[str, Any]", job.results)
        attempt, is_cancelled = 1, False
        while step := kind.next_step(results):
            is_cancelled = is_cancelled or step.name == self.cancel_before
            begun = attempt > 1
            if is_cancelled and not kind.is_bound(step, results, begun=begun):
                return jobs.Fall(
                    failure=failure_of(jobs.RunCancelledError("Cancelled.", details={})),
                    stage=step.name,
                )
            self.steps.append(step.name)
            try:
                done = await step.do(replace(job, attempt=attempt, is_cancelled=is_cancelled))
            except errors.UnavailableError as error:
                self.waited += 1
                attempt += 1
                if self.is_lost or attempt > PATIENCE:
                    return jobs.Fall(failure=failure_of(error), stage=step.name)
                self._come_back()
                continue
            except errors.HostingError as error:
                return jobs.Fall(failure=failure_of(error), stage=step.name)
            attempt += 1
            if step.name == self.crash_in:
                self.crash_in = ""
                continue
            attempt = 1
            results[step.name] = done.model_dump(mode="json") if done else {}
        return None

    def _come_back(self) -> None:
        host = self.rig.host
        host.is_away = False
        for verb, error in list(host.refusals.items()):
            if error.retryable:
                del host.refusals[verb]

    def _job(self, kind: jobs.Kind, arguments: Value) -> jobs.Job:
        async def tell(report: Report, _: StepState) -> None:
            self.reports.append(report)

        return jobs.Job(
            id=ids.new_id(),
            kind=kind.name,
            deployment=DEPLOYMENT,
            revision=1,
            run=self.run,
            attempt=1,
            arguments=arguments.model_dump(mode="json"),
            results={},
            earlier={},
            tell=tell,
        )

    def refuse(self, verb: StateVerb, error: errors.HostingError) -> None:
        """Let something that a machine is asked fail."""
        self.rig.host.refusals[verb] = error


def a_blog(rig: Rig, mode: Mode = Mode.ACTIVE) -> Revision:
    """Return a blog with a book beside it."""
    return a_revision(
        wish=a_wish(*NAMES).model_copy(update={"mode": mode}),
        machines=(a_machine(applications=NAMES),),
        buckets=(a_bucket(sealed=rig.sealed("the key")),),
    )


async def finished(rig: Rig) -> Sequence[Event]:
    """Do all steps of a deploy, and return what it ends with."""
    await rig.run()
    desk = cast("Transaction", Desk())
    return await rig.deployer.deploying.announce_deployed(rig.job(), desk)


async def deployed(rig: Rig, mode: Mode = Mode.ACTIVE) -> None:
    """Deploy a blog with a book beside it."""
    rig.wish_for(a_blog(rig, mode))
    await finished(rig)


async def values(rig: Rig) -> dict[str, str]:
    """Return the secrets that are kept."""
    kept = await rig.kept.of(DEPLOYMENT)
    return {it.name: rig.unsealer.unseal(it.sealed) for it in kept}


def placed(rig: Rig) -> dict[str, str]:
    """Return what lies in the machine's memory for the blog."""
    files = rig.host.secrets[rig.host.system]["microblog"]
    return {name: it.decode() for name, it in files.items()}


async def as_before(errands: Errands, before: dict[str, str]) -> None:
    """Require that everything is as it was before an import."""
    host = errands.rig.host
    assert host.state == {"microblog": "posts of now"}
    assert host.aside == {}
    assert await values(errands.rig) == before
    assert host.running == {BLOG, ENGINE, "hello"}
    assert host.masked == set()
    assert errands.transfers.imports == {}
    assert errands.rig.kept.earlier == {}
