"""Codes are unguessable, kept as digests, hidden from logs, and read however they were typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.panel.domain import codes
from services.panel.domain.codes import Kind
from services.panel.domain.identity import is_token
from shared import telemetry


@pytest.mark.parametrize("kind", Kind)
def test_a_code_is_read_as_what_it_is_and_as_nothing_else(kind: Kind) -> None:
    code = codes.new(kind)

    assert codes.read(f"  {code}\n", kind) == code
    assert codes.read(f"http://panel.localhost/somewhere#{code}", kind) == code
    assert [it for it in Kind if codes.read(code, it)] == [kind]
    assert codes.read(code[:-1], kind) is None
    assert codes.read(code + "0", kind) is None
    assert codes.new(kind) != code


@pytest.mark.parametrize("kind", Kind)
def test_a_code_is_no_token_and_is_left_out_of_logs(kind: Kind) -> None:
    code = codes.new(kind)

    assert not is_token(code)
    assert telemetry.redacted_text(f"/sign-in/once#{code}") == "/sign-in/once#[redacted]"
    assert code.encode() not in codes.digest(code)


def test_recovery_codes_are_read_however_they_were_typed() -> None:
    given_out = codes.new_recovery_codes()

    assert len(set(given_out)) == 10
    for it in given_out:
        assert codes.read_recovery_code(it) == it
        typed = it.upper().replace("-", " ").replace("0", "O").replace("1", "I")
        assert codes.read_recovery_code(f" {typed} ") == it


@given(st.text(max_size=40))
def test_nothing_typed_by_chance_breaks_the_reading(text: str) -> None:
    found = codes.read_recovery_code(text)

    assert found is None or codes.read_recovery_code(found) == found
    assert codes.read(text, Kind.SIGN_IN) is None
