"""Tokens have a form that scanners find, and roles limit what they open."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.panel.domain import identity
from services.panel.domain.identity import Caller, KnownToken, NotSignedInError, Role, Scope
from shared import errors, telemetry

OWNER = Caller(
    person="p",
    person_name="Robin",
    operator="o",
    operator_name="Garden",
    role=Role.OWNER,
    token="t",  # noqa: S106 - an id
    scopes=frozenset(Scope),
)


def test_a_new_token_is_recognised_and_another_is_not() -> None:
    token = identity.new_token()

    assert identity.is_token(token)
    assert not identity.is_token(token[:-1] + ("0" if token[-1] != "0" else "1"))
    assert not identity.is_token(token.removeprefix("fdv_"))
    assert identity.new_token() != token


def test_a_token_is_redacted_from_every_log() -> None:
    assert telemetry.redacted_text(f"Bearer {identity.new_token()}.") == "Bearer [redacted]."


@given(st.text(max_size=80))
def test_nothing_typed_by_chance_is_a_token(text: str) -> None:
    assert not identity.is_token(text)
    assert not identity.is_token("fdv_" + text)


def test_only_a_digest_of_a_token_is_kept() -> None:
    token = identity.new_token()

    assert identity.token_digest(token) == identity.token_digest(token)
    assert token.encode() not in identity.token_digest(token)


@pytest.mark.parametrize("scope", Scope)
def test_a_token_without_a_scope_is_refused(scope: Scope) -> None:
    without = replace(OWNER, scopes=frozenset(Scope) - {scope})

    OWNER.require(scope)
    with pytest.raises(errors.ForbiddenError, match=scope.value):
        without.require(scope)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.OWNER, {Scope.READ, Scope.WRITE, Scope.ACCESS, Scope.PROVIDER}),
        (Role.EDITOR, {Scope.READ, Scope.WRITE, Scope.ACCESS}),
        (Role.VIEWER, {Scope.READ, Scope.ACCESS}),
    ],
)
def test_a_role_limits_what_every_token_opens(role: Role, allowed: set[Scope]) -> None:
    caller = replace(OWNER, role=role)

    for scope in Scope:
        if scope in allowed:
            caller.require(scope)
        else:
            with pytest.raises(errors.ForbiddenError, match=role.value):
                caller.require(scope)


@pytest.mark.parametrize(
    ("expired", "revoked", "code"),
    [(True, False, "token.expired"), (False, True, "token.revoked")],
)
def test_a_token_that_is_over_opens_nothing(*, expired: bool, revoked: bool, code: str) -> None:
    known = KnownToken(caller=OWNER, is_expired=expired, is_revoked=revoked)

    with pytest.raises(NotSignedInError) as refused:
        known.admit()

    assert refused.value.code == code


@pytest.mark.parametrize("role", [Role.EDITOR, Role.VIEWER])
def test_only_owners_say_who_else_may_do_what(role: Role) -> None:
    OWNER.require_owner()

    with pytest.raises(errors.ForbiddenError, match="Only owners"):
        replace(OWNER, role=role).require_owner()
    with pytest.raises(errors.ForbiddenError, match="access"):
        replace(OWNER, scopes=frozenset({Scope.WRITE})).require_owner()


def test_a_caller_has_the_id_of_token_or_session() -> None:
    assert OWNER.credential == "t"
    assert replace(OWNER, token=None, session="s").credential == "s"
    with pytest.raises(errors.FaultError):
        _ = replace(OWNER, token=None).credential


def test_a_person_is_not_told_about_scopes_of_tokens() -> None:
    person = replace(OWNER, token=None, session="s", scopes=frozenset({Scope.READ}))

    with pytest.raises(errors.ForbiddenError, match="hosting provider"):
        person.require(Scope.PROVIDER)
