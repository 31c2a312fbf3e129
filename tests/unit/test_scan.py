"""The search for secrets finds them, however they are written."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from tests.support import scan

SECRET = "correct/horse+battery=staple"  # noqa: S105 - made up
PEM = """-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASC
BKcwggSjAgEAAoIBAQC7
-----END PRIVATE KEY-----"""


def is_betrayed(text: bytes, values: dict[str, str]) -> bool:
    return any(needle in text for needle in scan.needles(values))


@pytest.mark.parametrize(
    "text",
    [
        SECRET.encode(),
        b"x" + base64.b64encode(SECRET.encode()),
        base64.b64encode(b"1" + SECRET.encode() + b"after"),
        base64.urlsafe_b64encode(b"12" + SECRET.encode() + b"after"),
        base64.b64encode(b"123" + SECRET.encode()),
        SECRET.encode().hex().encode(),
        SECRET.encode().hex().upper().encode(),
        f"/path?token={quote(SECRET, safe='')}".encode(),
    ],
)
def test_a_secret_is_found_in_every_form(text: bytes) -> None:
    assert is_betrayed(text, {"it": SECRET})


def test_a_key_is_found_by_one_of_its_lines() -> None:
    assert is_betrayed(json.dumps({"key": PEM}).encode(), {"key": PEM})


def test_something_else_is_not_found() -> None:
    assert not is_betrayed(
        b"correct horse battery staple -----BEGIN PRIVATE KEY-----", {"it": SECRET}
    )
