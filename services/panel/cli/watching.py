"""Watching a run: a line per step as it ends, durations, and the failure in plain words."""

import time
from typing import Any, Final, Self

from shared import program

from .client import Client, Json
from .failures import CommandFailedError, Status
from .output import say, seconds, show_json, stderr
from .streams import StreamEvent

HELD: Final = "it waits for a decision of the hosting provider"


def watch(
    client: Client, run: Json, *, timeout: float | None = None, verbose: bool = False
) -> Json:
    """Show a run until it has ended, and return it as it ended.

    Raises:
        CommandFailedError: time is up, Ctrl-C, or the panel stays away.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    try:
        with _Progress() as progress:
            for event in client.watch(run["id"], deadline):
                progress.show(event, verbose=verbose)
    except KeyboardInterrupt:
        reason = f"interrupted; the run goes on. Watch it: {_watching(run)}"
        raise CommandFailedError(Status.INTERRUPTED, reason) from None
    except TimeoutError:
        reason = f"not done yet; the run goes on. Watch it: {_watching(run)}"
        raise CommandFailedError(Status.TIME_IS_UP, reason) from None
    return client.get(f"/runs/{run['id']}")


def conclude(run: Json, *, as_json: bool) -> None:
    """Print how a run ended.

    Raises:
        CommandFailedError: it did not succeed.
    """
    if as_json:
        show_json(run)
    if run["state"] == "succeeded":
        say(f"Run {run['number']} succeeded in {seconds(run['seconds'])}.", "green")
        return
    failure = run["failure"]
    if failure is None:
        raise CommandFailedError(Status.RUN_FAILED, f"run {run['number']} was {run['state']}")
    say(f"Why:   {failure['why']}")
    say(f"State: {failure['left']}")
    say(f"Next:  {failure['next']}")
    ended = f"run {run['number']} {_HOW.get(run['state'], run['state'])}: {failure['what']}"
    raise CommandFailedError(Status.RUN_FAILED, ended)


def follow(  # noqa: PLR0913 - as the command line says
    client: Client,
    run: Json,
    *,
    wait: bool,
    timeout: float | None,
    verbose: bool = False,
    as_json: bool = False,
) -> Json:
    """Watch a run if that was asked for, and print it.

    Raises:
        CommandFailedError: it did not succeed, or did not end in time.
    """
    if not wait:
        if as_json:
            show_json(run)
        else:
            say(f"Run {run['number']} is {run['state']}. Watch it: {_watching(run)}")
        return run
    ended = watch(client, run, timeout=timeout, verbose=verbose)
    conclude(ended, as_json=as_json)
    return ended


_HOW: Final = {"cancelled": "was cancelled"}


def _watching(run: Json) -> str:
    return f"{program.typed()} run watch {run['id']}"


class _Progress:
    """Shows what goes on: a moving line on a terminal, a line per ended step anywhere."""

    def __init__(self) -> None:
        self._status = stderr.status("") if stderr.is_terminal else None
        self._began = time.monotonic()
        self._running: dict[str, str] = {}

    def __enter__(self) -> Self:
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()

    def show(self, event: StreamEvent, *, verbose: bool) -> None:
        """Show one event."""
        data = event.data
        match event.kind:
            case "step":
                self._show_step(data)
            case "log" if verbose:
                for line in data["lines"]:
                    say(f"    {data['service']}: {line}", "dim")
            case "state" if data.get("held_by"):
                say(f"held by dead letter {data['held_by']}: {HELD}", "yellow")
            case "state" if data.get("state") == "queued":
                say("waiting for another run of this deployment", "dim")
            case "state" if data.get("state") == "cancelling":
                say("it stops after the current step", "yellow")
        if self._status:
            running = " · ".join(self._running.values())
            self._status.update(f"{time.monotonic() - self._began:.0f} s  {running}")

    def _show_step(self, data: dict[str, Any]) -> None:
        name = f"{data['service']} {data['step']}"
        match data["status"]:
            case "running" | "retrying":
                counted = f" {data.get('done', 0)}/{data['total']}" if data.get("total") else ""
                again = f" (attempt {data['attempt']})" if data["status"] == "retrying" else ""
                if again and name not in self._running:
                    say(f"… {name} is tried again", "yellow")
                self._running[name] = name + counted + again
            case "succeeded":
                self._running.pop(name, None)
                say(f"✓ {name:<24} {seconds(data.get('seconds')):>8}", "green")
            case "failed":
                self._running.pop(name, None)
                say(f"✗ {name:<24} {seconds(data.get('seconds')):>8}", "red")
            case _:
                self._running.pop(name, None)
