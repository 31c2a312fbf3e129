"""What a body is known by under an idempotency key."""

from __future__ import annotations

import hashlib

from services.panel.domain.records import digest_of


def test_a_body_is_known_again_only_by_who_sent_it() -> None:
    found = digest_of("token", "body")

    assert found == digest_of("token", "body")
    assert found not in (digest_of("another token", "body"), digest_of("token", "another body"))
    assert found != hashlib.sha256(b"body").digest()
