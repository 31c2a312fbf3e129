"""`fediversity restart`, `pause` and `resume`: what a person does to applications that run."""

import uuid
from collections.abc import Callable
from typing import Annotated

import typer

from . import profile
from .client import Client
from .deployments import get_deployment
from .options import AsJson, Key, Timeout, Verbose, Wait, check_waiting
from .watching import follow


def command(verb: str) -> Callable[..., None]:
    """Return the command that asks for a run of this name, and watches it if that is wanted."""

    def ask(  # noqa: PLR0913 - one parameter per option of the command line
        deployment: Annotated[str, typer.Argument(help="Its id or its domain.")],
        *,
        wait: Wait = False,
        timeout: Timeout = None,
        idempotency_key: Key = None,
        verbose: Verbose = False,
        as_json: AsJson = False,
    ) -> None:
        check_waiting(timeout, wait=wait)
        with Client(profile.load()) as client:
            found = get_deployment(client, deployment)
            key = idempotency_key or str(uuid.uuid4())
            run = client.post(f"/deployments/{found['id']}/{verb}", key=key)
            follow(client, run, wait=wait, timeout=timeout, verbose=verbose, as_json=as_json)

    return ask
