"""Signatures of webhooks are those of Standard Webhooks, which others wrote."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.panel.domain.signatures import SigningKeys, headers

BODY = b'{"type": "test"}'


def now() -> int:
    return int(datetime.now(UTC).timestamp())


@given(body=st.text(min_size=1).map(str.encode))
def test_the_reference_library_accepts_what_is_signed(body: bytes) -> None:
    keys = SigningKeys.new()

    signed = headers([keys], "msg_1", now(), body)

    Webhook(keys.secret.get_secret_value()).verify(body, signed, json_parse=False)


def test_the_reference_library_makes_the_same_signature() -> None:
    keys = SigningKeys.new()
    moment = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)

    signed = headers([keys], "msg_1", int(moment.timestamp()), BODY)

    expected = Webhook(keys.secret.get_secret_value()).sign("msg_1", moment, BODY.decode())
    assert signed["webhook-signature"].split(" ")[0] == expected


def test_a_changed_body_or_another_secret_is_refused() -> None:
    keys = SigningKeys.new()
    signed = headers([keys], "msg_1", now(), BODY)

    with pytest.raises(WebhookVerificationError):
        Webhook(keys.secret.get_secret_value()).verify(BODY + b" ", signed)
    with pytest.raises(WebhookVerificationError):
        Webhook(SigningKeys.new().secret.get_secret_value()).verify(BODY, signed)


def test_both_keys_of_a_rotation_are_accepted() -> None:
    old, new = SigningKeys.new(), SigningKeys.new()

    signed = headers([new, old], "msg_1", now(), BODY)

    for keys in (old, new):
        Webhook(keys.secret.get_secret_value()).verify(BODY, signed)


def test_the_public_key_verifies_the_other_signature() -> None:
    keys = SigningKeys.new()
    signed = headers([keys], "msg_1", 7, BODY)

    version, _, text = signed["webhook-signature"].split(" ")[1].partition(",")

    assert version == "v1a"
    verifier = VerifyKey(base64.b64decode(keys.public_key.removeprefix("whpk_")))
    verifier.verify(b"msg_1.7." + BODY, base64.b64decode(text))
    with pytest.raises(BadSignatureError):
        verifier.verify(b"msg_2.7." + BODY, base64.b64decode(text))


def test_keys_have_the_forms_of_the_standard_and_show_nothing() -> None:
    keys = SigningKeys.new()

    assert len(base64.b64decode(keys.secret.get_secret_value().removeprefix("whsec_"))) == 32
    assert keys.private_key.get_secret_value().startswith("whsk_")
    assert "whsec_" not in repr(keys)
    assert SigningKeys.of_text(keys.as_text()) == keys
