"""The REST application: routes, problems, limits and the OpenAPI document, put together."""

from functools import partial
from typing import Final

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.types import Scope

from ..service.panel import Panel
from . import (
    access,
    applications,
    audit,
    backups,
    credentials,
    dead_letters,
    deployments,
    domains,
    me,
    notifications,
    problems,
    provider,
    reference,
    revisions,
    runs,
    webhooks,
)
from .answers import Finish
from .dependencies import PREFIX
from .document import describe
from .limits import Gate
from .rates import Meter, Rates

PARTS: Final = (
    *(me, applications, deployments, backups, credentials, runs, dead_letters),
    *(notifications, webhooks),
)
TAGS: Final = [
    {"name": "applications", "description": "What can be deployed here."},
    {"name": "deployments", "description": "An operator's applications on one domain."},
    {"name": "domains", "description": "Names of an operator, and the records they need."},
    {"name": "backups", "description": "The state of a deployment, kept apart from it."},
    {"name": "credentials", "description": "First passwords of applications, each told once."},
    {"name": "runs", "description": "Anything long that a person watches."},
    {"name": "dead letters", "description": "For the hosting provider: what could not be handled."},
    {"name": "provider", "description": "For the hosting provider: what concerns all operators."},
    {"name": "notice", "description": "What the hosting provider tells everybody."},
    {"name": "notifications", "description": "What a person is told."},
    {"name": "webhooks", "description": "What happens, sent to an operator's own programs."},
    {"name": "access", "description": "Who may do what: tokens, sessions, people; and who did."},
    {"name": "me", "description": "Who is asking."},
]
DESCRIPTION: Final = (
    "Deploy fediverse applications under your own domain. Errors are problem documents "
    "(RFC 9457). Everything long is a run: POST answers 202 with its address, its events can be "
    "watched as a stream. Send an Idempotency-Key with every POST that creates work; "
    "revealing a password takes none. Answers to GET have an ETag: with If-None-Match the same "
    "one is 304. What replaces a configuration needs If-Match. Lists come in parts; Link names "
    "the next one. RateLimit says how often you may ask, Retry-After when to come again."
)


def create_app(panel: Panel, rates: Rates | None = None) -> FastAPI:
    """Return the REST application of a panel."""
    app = create_documented_app(rates or Rates())
    app.state.panel = panel
    return app


def create_documented_app(rates: Rates) -> FastAPI:
    """Return the REST application as its document describes it, with nothing behind it."""
    app = FastAPI(
        title="Fediversity panel",
        version="1",
        description=DESCRIPTION,
        openapi_url=f"{PREFIX}/openapi.json",
        openapi_tags=TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"metrics": False, "logs": False, "operation_spans": False, "exclude": _is_quiet},
    )
    api = APIRouter(prefix=PREFIX)
    deploying = (applications, deployments, revisions, domains, backups, credentials, runs)
    for part in (me, *deploying, notifications, webhooks, access, audit, dead_letters):
        api.include_router(part.router)
    api.include_router(audit.of_all)
    api.include_router(provider.router)
    api.include_router(provider.notices)
    webhooks.document_messages(app.webhooks)
    app.include_router(api)
    app.add_api_route("/problems/{name}", show_problem, include_in_schema=False)
    app.add_middleware(Finish)
    app.add_middleware(Meter, rates=rates)
    app.add_middleware(Gate)
    problems.install(app)
    reference.install(app)
    app.openapi = partial(describe, app)  # type: ignore[method-assign]  # as FastAPI documents it
    return app


async def show_problem(name: str, request: Request) -> Response:
    """Say what a sort of problem means: its documents name this address as their type."""
    kind = next((it for it in problems.KINDS if it.name == name), None)
    if kind is None:
        return problems.document(request.scope, problems.NOT_FOUND, "There is no such problem.")
    return Response(f"{kind.title} (HTTP status {kind.status}).\n", media_type="text/plain")


def _is_quiet(scope: Scope) -> bool:
    """Say whether a request needs no span: it only looks, and belongs to no run's trace."""
    return str(scope.get("method")) == "GET"
