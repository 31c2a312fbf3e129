"""`fediversity restart`, `pause` and `resume`: what a person does to applications that run."""

import uuid
from typing import Annotated

import typer

from . import profile
from .client import Client
from .deployments import get_deployment
from .options import AsJson, Key, Timeout, Verbose, Wait, check_waiting
from .watching import follow

Deployment = Annotated[str, typer.Argument(help="Its id or its domain.")]


def restart(  # noqa: PLR0913 - one parameter per option of the command line
    deployment: Deployment,
    *,
    wait: Wait = False,
    timeout: Timeout = None,
    idempotency_key: Key = None,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Stop the applications of a deployment and start them again."""
    asked = _Asked("restart", deployment, idempotency_key)
    asked.follow(wait=wait, timeout=timeout, verbose=verbose, as_json=as_json)


def pause(  # noqa: PLR0913 - one parameter per option of the command line
    deployment: Deployment,
    *,
    wait: Wait = False,
    timeout: Timeout = None,
    idempotency_key: Key = None,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Let the applications stand still; visitors are told to come back later."""
    asked = _Asked("pause", deployment, idempotency_key)
    asked.follow(wait=wait, timeout=timeout, verbose=verbose, as_json=as_json)


def resume(  # noqa: PLR0913 - one parameter per option of the command line
    deployment: Deployment,
    *,
    wait: Wait = False,
    timeout: Timeout = None,
    idempotency_key: Key = None,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Let paused applications go on."""
    asked = _Asked("resume", deployment, idempotency_key)
    asked.follow(wait=wait, timeout=timeout, verbose=verbose, as_json=as_json)


class _Asked:
    """What a command line asks to be done to a deployment."""

    def __init__(self, verb: str, deployment: str, key: str | None) -> None:
        self._verb = verb
        self._deployment = deployment
        self._key = key or str(uuid.uuid4())

    def follow(self, *, wait: bool, timeout: float | None, verbose: bool, as_json: bool) -> None:
        """Ask for it, and watch its run if that was asked for."""
        check_waiting(timeout, wait=wait)
        with Client(profile.load()) as client:
            found = get_deployment(client, self._deployment)
            run = client.post(f"/deployments/{found['id']}/{self._verb}", key=self._key)
            follow(client, run, wait=wait, timeout=timeout, verbose=verbose, as_json=as_json)
