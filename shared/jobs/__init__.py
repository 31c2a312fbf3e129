"""Jobs: everything that touches the world, as leased rows with named, resumable steps.

    await jobs.enqueue(tx, "provision", deployment=…, revision=…, run=…)   # in a handler
    jobs.Kind("provision", steps=(jobs.Step("boot", self.boot),), finish=…, failed=…)

A step ensures something: it looks for what exists, checks its identity and creates only what is
missing, so that it may run again after a crash at any line. Its result is persisted. What a run
ends with, state and events, is written in one transaction.

    await jobs.cancel(tx, deployment, run)   # its jobs end before the next step, as failed
"""

from .model import CANCELLED, Fall, Job, Kind, ReenterError, Report, RunCancelledError, Step, Watch
from .store import cancel, enqueue, forget, is_cancelled, start_watch, stop_watch
from .watcher import Watcher
from .worker import Worker

__all__ = [
    "CANCELLED",
    "Fall",
    "Job",
    "Kind",
    "ReenterError",
    "Report",
    "RunCancelledError",
    "Step",
    "Watch",
    "Watcher",
    "Worker",
    "cancel",
    "enqueue",
    "forget",
    "is_cancelled",
    "start_watch",
    "stop_watch",
]
