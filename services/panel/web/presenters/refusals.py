"""Refusals as forms show them: what is wrong beside each field, and all of it before the form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shared import errors

from ...domain.throttling import TooManyAttemptsError
from ..languages import N_, ngettext, retell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SENTENCES: Final[Mapping[str, str]] = {
    "sign_in.wrong": N_("E-mail address or password is not right. Check both and try again."),
    "sign_in.code": N_("That is not valid: it works once and not for long."),
    "sign_in.not_confirmed": N_("That is not right. Try again."),
    "password.busy": N_("Many people sign in at the moment. Try again in a few seconds."),
    "person.email": N_("Write an e-mail address, such as robin@garden.example."),
    "person.email_taken": N_("This e-mail address cannot be used here; choose another."),
    "person.name": N_("Write a name of 1 to 100 characters."),
    "second_factor.secret": N_("The key of the app is damaged. Begin again with a new one."),
    "second_factor.code": N_("This code is not right. Wait for the next one and try again."),
}
"""What refusals say, by their code; others say it themselves."""
REFUSED: Final = (errors.InvalidError, errors.ConflictError, errors.QuotaExceededError)
"""What a person can do something about, in the form that was sent."""
BUSY_SECONDS: Final = 2


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a form was not accepted."""

    status: int = 200
    summary: Sequence[tuple[str, str]] = ()
    """Field and sentence; the field is empty where it is none."""
    fields: Mapping[str, str] = field(default_factory=dict)
    seconds: int = 0
    """How long to wait; 0: not at all."""


NONE: Final = Refusal()


def sentence_of(error: errors.HostingError) -> str:
    """Return what a refusal says, in the language of the request at hand."""
    return retell(SENTENCES.get(error.code, error.message))


def refusal_of(error: errors.HostingError, *names: str) -> Refusal:
    """Return how a form with these fields shows an error.

    Raises:
        UnavailableError: something inside is away, which is not for a form to tell.
    """
    if isinstance(error, TooManyAttemptsError):
        sentence = ngettext(
            "Too many attempts. Wait %(num)d second, then try again.",
            "Too many attempts. Wait %(num)d seconds, then try again.",
            error.seconds,
        ) % {"num": error.seconds}
        return Refusal(429, (("", sentence),), {}, error.seconds)
    sentence, is_known = sentence_of(error), error.code in SENTENCES
    if isinstance(error, errors.UnavailableError):
        if not is_known:
            raise error
        return Refusal(503, (("", sentence),), {}, BUSY_SECONDS)
    told = {
        name: sentence if is_known else retell(reason)
        for name, reason in error.details.items()
        if name in names
    }
    summary = tuple(told.items()) or ((names[0] if names else "", sentence),)
    return Refusal(422, summary, told)
