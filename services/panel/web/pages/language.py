"""The language in which a browser is answered, for whoever is not signed in."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Response
from pydantic import BaseModel, Field

from ..dependencies import see_other
from ..languages import COOKIE, offered
from ..places import SIGN_IN, leading_to, own_path

SECONDS: Final = 365 * 24 * 3600
SIGNING_IN: Final = (SIGN_IN, f"{SIGN_IN}/code", f"{SIGN_IN}/once")
Text = Annotated[str, Field(max_length=2000)]
router = APIRouter()


class LanguageForm(BaseModel):
    """What a button with the name of a language sends."""

    language: Text = ""
    page: Text = ""
    """The page that it stands on."""
    next: Text = ""
    """Where that page leads on to."""


@router.post("/language")
async def choose_language(form: Annotated[LanguageForm, Form()]) -> Response:
    """Answer this browser in another language from now on, and lead back."""
    is_signing_in = form.page in SIGNING_IN
    answer = see_other(leading_to(form.page, form.next) if is_signing_in else own_path(form.page))
    if form.language in offered():
        answer.set_cookie(
            COOKIE,
            form.language,
            max_age=SECONDS,
            path="/",
            secure=True,
            httponly=True,
            samesite="lax",
        )
    return answer
