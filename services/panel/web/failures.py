"""Errors as pages: the only place of the web that turns one into the other.

What an operator did wrong is said in full. What went wrong inside is logged; on the page it is
only named by the id of the request.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import URL
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from shared import errors, telemetry

from ..domain.identity import NotSignedInError
from ..domain.refusals import TooManyAtOnceError
from ..domain.sessions import ConfirmationNeededError
from ..domain.throttling import TooManyAttemptsError
from .dependencies import pages_of, see_other
from .headers import REQUEST_ID
from .languages import N_, retell
from .places import CONFIRM, SIGN_IN, own_path
from .presenters.refusals import SENTENCES, sentence_of
from .ways import ways_of

RETRY_SECONDS: Final = 2
STREAM: Final = "text/event-stream"
AWAY: Final = "event: away\ndata: away\n\n"
"""Tells a live page to load itself again, which then leads where it has to."""
LOOKING: Final = frozenset({"GET", "HEAD"})
BECAUSE: Final = {"session.expired": "idle", "session.lasted": "long"}
"""What the page where one signs in says of a session that has ended, by why it has."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of failure, as a page says it: what happened, and what to do next."""

    status: int
    title: str
    next: str
    text: str = ""
    """Said when nothing more precise is known."""


INVALID: Final = Kind(
    422, N_("Something in the form is not right"), N_("Go back, change it, and send it again.")
)
NOT_FOUND: Final = Kind(
    404,
    N_("There is nothing here"),
    N_("Check the address, or begin at the list of your deployments."),
    N_("It may have been removed, or the address has a mistake in it."),
)
CONFLICT: Final = Kind(
    409, N_("That is not possible now"), N_("Go back and look how things stand.")
)
FORBIDDEN: Final = Kind(
    403, N_("You may not do that"), N_("Ask an owner of your organisation to do it, or to let you.")
)
QUOTA: Final = Kind(
    409, N_("A limit is reached"), N_("Wait until something has ended, or ask the provider.")
)
UNAVAILABLE: Final = Kind(
    503,
    N_("The panel cannot answer at the moment"),
    N_("Try again in a moment. Your applications go on as they are."),
    N_("Something it needs is not ready. Nothing was changed."),
)
FAULT: Final = Kind(
    500,
    N_("Something is broken here"),
    N_("Give the hosting provider the number below: it leads to what happened."),
    N_("The panel could not do this. It is not your fault."),
)
BAD_METHOD: Final = Kind(
    405,
    N_("This page cannot be used like that"),
    N_("Begin at the list of your deployments."),
    N_("The address is right, but not for what was sent to it."),
)
TOO_LARGE: Final = Kind(
    413,
    N_("That is too large"),
    N_("Go back, make it shorter, and send it again."),
    N_("The panel did not read it, and nothing was changed."),
)
BAD_MEDIA: Final = Kind(
    415,
    N_("That could not be read"),
    N_("Go back and send the form as it is."),
    N_("The panel only reads forms here."),
)
TOO_MANY: Final = Kind(
    429,
    N_("That was too often"),
    N_("Wait a little, then try again."),
    N_("The panel answers only so often in a short time."),
)
ELSEWHERE: Final = Kind(
    403,
    N_("That did not come from a page of this panel"),
    N_("Open the panel itself, and do there what you wanted to do."),
    N_("Another site asked for it in your name. Nothing was changed."),
)
MALFORMED: Final = Kind(
    400,
    N_("That could not be read"),
    N_("Go back and send it again."),
    N_("What arrived is not what a browser sends from this page."),
)
KINDS: Final = (
    *(INVALID, NOT_FOUND, CONFLICT, FORBIDDEN, UNAVAILABLE, FAULT, BAD_METHOD, TOO_LARGE),
    *(BAD_MEDIA, TOO_MANY, MALFORMED),
)
_BY_ERROR: Final[Sequence[tuple[type[errors.HostingError], Kind]]] = (
    (errors.InvalidError, INVALID),
    (errors.NotFoundError, NOT_FOUND),
    (errors.ConflictError, CONFLICT),
    (errors.ForbiddenError, FORBIDDEN),
    (TooManyAttemptsError, TOO_MANY),
    (TooManyAtOnceError, TOO_MANY),
    (errors.QuotaExceededError, QUOTA),
    (errors.UnavailableError, UNAVAILABLE),
)


def install(app: FastAPI) -> None:
    """Answer every error of the pages with a page."""
    app.add_exception_handler(errors.HostingError, _on_hosting_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_anything)


def kind_of(error: errors.HostingError) -> Kind:
    """Return what sort of failure an error is to whoever asked."""
    return next((kind for known, kind in _BY_ERROR if isinstance(error, known)), FAULT)


def page(
    request: Request,
    kind: Kind,
    message: str = "",
    reasons: Mapping[str, str] | None = None,
) -> Response:
    """Return the page that says what failed, why, and what to do next."""
    answer = pages_of(request).answer(
        request,
        "failure.html",
        kind.status,
        failure=kind,
        message=_sendable(message),
        reasons=[_sendable(it) for it in dict.fromkeys((reasons or {}).values()) if it != message],
        request_id=_id_in(request) if kind.status >= FAULT.status else "",
    )
    if kind is UNAVAILABLE:
        answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer


def sign_in_first(request: Request, code: str = "") -> Response:
    """Lead to the page where one signs in, and from there back to what was asked for."""
    because = f"&because={BECAUSE[code]}" if code in BECAUSE else ""
    return _lead(request, f"{SIGN_IN}?next={_asked_for(request)}{because}")


def confirm_first(request: Request) -> Response:
    """Lead to the page where one proves who one is, and from there back to the page of the act."""
    return _lead(request, f"{CONFIRM}?next={_asked_for(request)}")


def _asked_for(request: Request) -> str:
    """Return the page that was asked for, or on which a form was sent."""
    url = request.url if request.method in LOOKING else URL(request.headers.get("referer", ""))
    path = own_path(url.path + (f"?{url.query}" if url.query else ""))
    return quote(path, safe="/")


def _lead(request: Request, location: str) -> Response:
    """Lead the browser elsewhere; a part of a page leads the page that it belongs to."""
    if STREAM in request.headers.get("accept", ""):
        return Response(AWAY, media_type=STREAM)
    if "hx-request" in request.headers:
        return Response(headers={"HX-Redirect": location})
    return see_other(location)


async def _on_hosting_error(request: Request, error: Exception) -> Response:
    if isinstance(error, NotSignedInError):
        return sign_in_first(request, error.code)
    if isinstance(error, ConfirmationNeededError):
        return confirm_first(request)
    if not isinstance(error, errors.HostingError):
        return await _on_anything(request, error)
    kind = kind_of(error)
    if kind in {FAULT, UNAVAILABLE}:
        telemetry.log.warning("request_failed", request=_name(request), reason=str(error))
        return page(request, kind)
    # Where the pages have a sentence of their own, the reasons would repeat it.
    reasons = {} if error.code in SENTENCES else error.details
    told = {name: retell(it) for name, it in reasons.items()}
    return page(request, kind, sentence_of(error), told)


async def _on_validation_error(request: Request, _: Exception) -> Response:
    # The forms of these pages never send such a thing; what it was may be a secret.
    return page(request, MALFORMED)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else FAULT.status
    kind = next((it for it in KINDS if it.status == status), MALFORMED)
    is_form_only = kind is BAD_METHOD and request.method in LOOKING
    if is_form_only and (above := ways_of(request).above(request.url.path)):
        return _lead(request, above)
    response = page(request, kind)
    response.headers.update(getattr(error, "headers", None) or {})
    return response


async def _on_anything(request: Request, error: Exception) -> Response:
    telemetry.log.error("request_broke", request=_name(request), exc_info=error)
    return page(request, FAULT)


def _name(request: Request) -> str:
    return f"{request.method} {request.url.path} {_id_in(request)}"


def _id_in(request: Request) -> str:
    return str(request.scope.get("state", {}).get(REQUEST_ID, ""))


def _sendable(text: str) -> str:
    """Return a text that quotes what was asked, with halves of characters spelled out."""
    return text.encode("utf-8", "backslashreplace").decode()
