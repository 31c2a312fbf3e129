"""However often a key is asked for, its bucket has exactly one, and its secret is only sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from services.storage.domain.buckets import Holder
from services.storage.service.grant import ensure_key
from services.storage.service.stores import Stores
from shared import errors, sealing
from tests.support.fakes.object_store import FakeObjectStore

if TYPE_CHECKING:
    from services.storage.domain.buckets import AccessKey

BUCKET = "fdv-x-hello-entries"
IDENTITY, RECIPIENT = sealing.new_identity()


def sealed(secret: SecretStr) -> str:
    return sealing.Sealer({"deployer": RECIPIENT}).seal("deployer", secret.get_secret_value())


async def test_the_secret_is_readable_for_its_addressee_only() -> None:
    store = FakeObjectStore()

    key = await ensure_key(store, Holder.own(BUCKET), None, sealed)

    assert "secret-1" not in repr(key)
    assert sealing.Unsealer(IDENTITY).unseal(key.sealed_secret) == "secret-1"


@given(st.lists(st.sampled_from(["ask", "crash", "own key", "lose holder", "forget"]), max_size=12))
async def test_whatever_happens_before_the_last_request_leaves_one_key(story: list[str]) -> None:
    store = FakeObjectStore()
    known: AccessKey | None = None
    for event in (*story, "ask"):
        match event:
            case "ask":
                known = await ensure_key(
                    store, Holder.own(BUCKET), known, SecretStr.get_secret_value
                )
            case "crash":
                await ensure_key(store, Holder.own(BUCKET), known, SecretStr.get_secret_value)
            case "own key" if BUCKET in store.holders:
                await store.create_key(Holder.own(BUCKET))
            case "lose holder":
                await store.revoke(BUCKET)
            case "forget":
                known = None
            case _:
                pass  # there is no holder yet that could make a key

    assert known is not None
    assert store.holders == {BUCKET: {known.id}}


async def test_a_key_that_works_is_not_replaced() -> None:
    store = FakeObjectStore()
    first = await ensure_key(store, Holder.own(BUCKET), None, SecretStr.get_secret_value)

    assert await ensure_key(store, Holder.own(BUCKET), first, SecretStr.get_secret_value) == first


def test_a_store_that_left_the_provider_file_is_named() -> None:
    with pytest.raises(errors.InvalidError, match="old, which is not in the provider file"):
        Stores({}).get("old")
