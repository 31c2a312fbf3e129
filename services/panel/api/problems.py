"""Errors as RFC 9457 problem documents: the only place that turns one into the other.

What an operator did wrong is said in full, with pointers into the request. What went wrong inside
is logged; outside it is only named by the id of the request.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from shared import errors, telemetry

from ..domain.identity import NotSignedInError
from ..domain.refusals import (
    StaleError,
    StillRunningError,
    TooManyAtOnceError,
    UnconditionalError,
)
from . import examples

MEDIA_TYPE: Final = "application/problem+json"
REQUEST_ID: Final = "request_id"
RETRY_SECONDS: Final = 2


class PointedError(BaseModel):
    """One mistake in a request."""

    pointer: str
    """Where it is in the body, as a JSON pointer."""
    detail: str


class Problem(BaseModel):
    """Why a request was not answered with what it asked for (RFC 9457)."""

    model_config = ConfigDict(frozen=True)

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    """Stable and searchable, such as `domain.taken`."""
    request_id: str
    """Name it when you ask for help."""
    errors: tuple[PointedError, ...] = Field(default=())
    retry_after: int | None = None
    """After how many seconds it is worth asking again, where that is known."""
    current: int | None = None
    """The version that there is, where another one was to be replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What a problem says besides what is wrong."""

    pointed: Mapping[str, str] = field(default_factory=dict)
    """What is wrong where, by JSON pointers."""
    retry_after: int | None = None
    current: int | None = None


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One sort of problem: its name, its status, and what it means."""

    name: str
    status: int
    title: str
    code: str
    """Used where nothing more precise is known."""


INVALID: Final = ProblemKind("invalid", 422, "The request has errors", "request.invalid")
NOT_FOUND: Final = ProblemKind("not-found", 404, "There is no such thing", "request.not_found")
CONFLICT: Final = ProblemKind("conflict", 409, "That is not possible now", "request.conflict")
NOT_SIGNED_IN: Final = ProblemKind("not-signed-in", 401, "No valid token", "token.missing")
FORBIDDEN: Final = ProblemKind("forbidden", 403, "That is not allowed", "request.forbidden")
QUOTA: Final = ProblemKind("quota-exceeded", 409, "A limit is reached", "quota.exceeded")
UNAVAILABLE: Final = ProblemKind("unavailable", 503, "Not available now", "panel.unavailable")
FAULT: Final = ProblemKind("fault", 500, "Something is broken here", "panel.fault")
BAD_METHOD: Final = ProblemKind("bad-method", 405, "No such method here", "request.method")
TOO_LARGE: Final = ProblemKind("too-large", 413, "The request is too large", "request.too_large")
BAD_MEDIA: Final = ProblemKind("bad-media-type", 415, "Only JSON is read here", "request.media")
MALFORMED: Final = ProblemKind("malformed", 400, "The request cannot be read", "request.malformed")
NOT_ACCEPTABLE: Final = ProblemKind(
    "not-acceptable", 406, "Not to be had in that form", "request.accept"
)
STALE: Final = ProblemKind("stale", 412, "It was changed since", "configuration.stale")
UNCONDITIONAL: Final = ProblemKind(
    "no-if-match", 428, "Say which version you replace", "request.no_if_match"
)
TOO_MANY: Final = ProblemKind("too-many-requests", 429, "Too many requests", "request.too_many")
STILL_RUNNING: Final = ProblemKind(
    "still-running", 409, "The same request is being answered", "idempotency.running"
)

KINDS: Final = (
    *(INVALID, NOT_FOUND, CONFLICT, NOT_SIGNED_IN, FORBIDDEN, QUOTA, UNAVAILABLE, FAULT),
    *(BAD_METHOD, TOO_LARGE, BAD_MEDIA, MALFORMED, NOT_ACCEPTABLE),
    *(STALE, UNCONDITIONAL, TOO_MANY, STILL_RUNNING),
)
_BY_ERROR: Final[Sequence[tuple[type[errors.HostingError], ProblemKind]]] = (
    (errors.InvalidError, INVALID),
    (errors.NotFoundError, NOT_FOUND),
    (errors.ConflictError, CONFLICT),
    (NotSignedInError, NOT_SIGNED_IN),
    (errors.ForbiddenError, FORBIDDEN),
    (errors.QuotaExceededError, QUOTA),
    (TooManyAtOnceError, TOO_MANY),
    (errors.UnavailableError, UNAVAILABLE),
    (StaleError, STALE),
    (UnconditionalError, UNCONDITIONAL),
    (StillRunningError, STILL_RUNNING),
)
_SENTENCES: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "tuple_type": "must be a list",
    "string_type": "must be text",
    "dict_type": "must be an object",
    "model_attributes_type": "must be an object",
    "int_parsing": "must be a whole number",
    "string_pattern_mismatch": "does not have the form that the API's description gives",
}
"""What pydantic finds, in words that do not need Python."""
_DETAILS: Final[Mapping[ProblemKind, str]] = {
    NOT_FOUND: "There is nothing at this address.",
    BAD_METHOD: "This address does not take that method.",
    MALFORMED: "The body of the request cannot be read.",
    UNAVAILABLE: "The panel cannot answer at the moment. Nothing was changed. Try again soon.",
    FAULT: "The panel could not do this. Give the hosting provider the id of this request.",
}
_WAITS: Final[Mapping[ProblemKind, int]] = {
    UNAVAILABLE: RETRY_SECONDS,
    STILL_RUNNING: 1,
    TOO_MANY: 1,
}
_NO_HINTS: Final = Hints()


def install(app: FastAPI) -> None:
    """Answer every error of an application with a problem document."""
    app.add_exception_handler(errors.HostingError, _on_hosting_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_anything)


def document(
    scope: Scope, kind: ProblemKind, detail: str, *, code: str = "", hints: Hints = _NO_HINTS
) -> Response:
    """Return a problem document about a request."""
    wait = hints.retry_after or _WAITS.get(kind)
    problem = Problem(
        type=f"/problems/{kind.name}",
        title=kind.title,
        status=kind.status,
        detail=_sendable(detail),
        instance=_sendable(scope["path"]),
        code=code or kind.code,
        request_id=_id_in(scope),
        errors=tuple(
            PointedError(pointer=_sendable("/" + pointer.lstrip("/")), detail=_sendable(reason))
            for pointer, reason in hints.pointed.items()
        ),
        retry_after=wait,
        current=hints.current,
    )
    headers = {"Retry-After": str(wait)} if wait else {}
    if kind is NOT_SIGNED_IN:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(
        problem.model_dump(exclude_none=True),
        status_code=kind.status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )


def documented(*kinds: ProblemKind) -> dict[int | str, dict[str, Any]]:
    """Return how these problems are shown in the OpenAPI document."""
    shown: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        example = {
            "type": f"/problems/{kind.name}",
            "title": kind.title,
            "status": kind.status,
            "detail": _DETAILS.get(kind, kind.title + "."),
            "instance": f"/api/v1/deployments/{examples.DEPLOYMENT_ID}",
            "code": kind.code,
            "request_id": examples.RUN_ID,
            "errors": [],
        }
        wait = _WAITS.get(kind)
        example |= {"retry_after": wait} if wait else {}
        example |= {"current": 2} if kind is STALE else {}
        known = shown.setdefault(kind.status, {"description": kind.title})
        content = known.setdefault("content", {MEDIA_TYPE: {"examples": {}}})
        content[MEDIA_TYPE]["examples"][kind.name] = {"summary": kind.title, "value": example}
    return shown


LOOKING: Final = documented(NOT_SIGNED_IN, FORBIDDEN, NOT_FOUND)
CHANGING: Final = documented(
    *(NOT_SIGNED_IN, FORBIDDEN, NOT_FOUND, CONFLICT, QUOTA, STILL_RUNNING),
    *(TOO_LARGE, BAD_MEDIA, INVALID, UNAVAILABLE),
)
REPLACING: Final = CHANGING | documented(STALE, UNCONDITIONAL)


def kind_of(error: errors.HostingError) -> ProblemKind:
    """Return what sort of problem an error is to whoever asked."""
    # The most precise class decides: being not signed in is one way of being forbidden.
    found = [(kind, known) for known, kind in _BY_ERROR if isinstance(error, known)]
    return max(found, key=lambda it: len(it[1].__mro__))[0] if found else FAULT


async def _on_hosting_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, errors.HostingError):
        return await _on_anything(request, error)
    kind = kind_of(error)
    if kind in {FAULT, UNAVAILABLE}:
        telemetry.log.warning("request_failed", request=_id(request), reason=str(error))
        return document(request.scope, kind, _DETAILS[kind], code=error.code)
    current = error.current if isinstance(error, StaleError) else None
    hints = Hints(pointed=error.details, current=current)
    return document(request.scope, kind, error.message, code=error.code, hints=hints)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    pointed = {_pointer(it["loc"]): _sentence(it) for it in found}
    if any(it["type"] == "json_invalid" for it in found):
        return document(request.scope, MALFORMED, _DETAILS[MALFORMED])
    return document(
        request.scope, INVALID, " ".join(pointed.values()), hints=Hints(pointed=pointed)
    )


async def _on_http_exception(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else FAULT.status
    kind = next((it for it in KINDS if it.status == status), MALFORMED)
    detail = _DETAILS.get(kind) or str(getattr(error, "detail", "") or kind.title)
    response = document(request.scope, kind, detail)
    response.headers.update(getattr(error, "headers", None) or {})
    if kind is BAD_METHOD:
        response.headers["Allow"] = ", ".join(_methods_at(request)) or "GET"
    return response


def _methods_at(request: Request) -> Sequence[str]:
    """Return every method of an address: the router names those of one route alone."""
    paths: Mapping[str, Mapping[str, object]] = request.app.openapi()["paths"]
    patterns = {re.sub("{[^}]+}", "[^/]+", it): methods for it, methods in paths.items()}
    found = [them for it, them in patterns.items() if re.fullmatch(it, request.url.path)]
    return sorted({method.upper() for them in found for method in them})


async def _on_anything(request: Request, error: Exception) -> Response:
    telemetry.log.error("request_broke", request=_id(request), exc_info=error)
    return document(request.scope, FAULT, _DETAILS[FAULT])


def _id(request: Request) -> str:
    return f"{request.method} {request.url.path} {_id_in(request.scope)}"


def _id_in(scope: Scope) -> str:
    return str(scope.get("state", {}).get(REQUEST_ID, ""))


def _sendable(text: str) -> str:
    """Return a text that quotes what was asked, with halves of characters spelled out."""
    return text.encode("utf-8", "backslashreplace").decode()


def _pointer(location: Sequence[str | int]) -> str:
    parts = location[1:] if location and location[0] == "body" else location
    return "/".join(str(it).replace("~", "~0").replace("/", "~1") for it in parts)


def _sentence(problem: Mapping[str, Any]) -> str:
    """Say what is wrong without repeating the value, which may be a secret."""
    name = _pointer(problem["loc"]) or "The body"
    known = _SENTENCES.get(problem["type"])
    message = str(problem["msg"]).replace("Input should be", "must be")
    return f"{name} {known}." if known else f"{name}: {message}."
