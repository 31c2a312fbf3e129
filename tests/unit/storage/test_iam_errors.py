"""A store's answer means the same thing wherever the store puts the word for it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ParamValidationError,
)

from services.storage.adapters import iam, iam_errors
from services.storage.domain.buckets import Holder
from shared import errors

BUCKET = "fdv-x-hello-entries"


def answer(code: str | None, status: int, *, has_node: bool = True, text: str = "") -> ClientError:
    word: dict[str, Any] = {"Code": code, "Message": text} if code else {}
    body = {"Error": word} if has_node else word
    return ClientError({**body, "ResponseMetadata": {"HTTPStatusCode": status}}, "CreateUser")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (answer("InternalError", 500), errors.UnavailableError),
        (answer("ServiceUnavailable", 503), errors.UnavailableError),
        (answer("SlowDown", 400), errors.UnavailableError),
        (answer("TooManyRequests", 429), errors.UnavailableError),
        (answer("NoSuchEntity", 404), errors.UnavailableError),
        (answer("BucketAlreadyExists", 409), errors.ConflictError),
        (answer("SignatureDoesNotMatch", 403, has_node=False), errors.FaultError),
        (answer(None, 403, has_node=False), errors.FaultError),
        (answer("MalformedPolicyDocument", 400), errors.FaultError),
        (answer("InsufficientStorage", 507), errors.FaultError),
        (answer("QuotaExceeded", 403), errors.QuotaExceededError),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:9"), errors.UnavailableError),
        (ConnectionClosedError(endpoint_url="http://127.0.0.1:9"), errors.UnavailableError),
        (ParamValidationError(report="wrong"), errors.FaultError),
    ],
)
def test_every_answer_becomes_an_error_of_ours(
    error: Exception, expected: type[errors.HostingError]
) -> None:
    with pytest.raises(expected) as raised, iam_errors.translated(BUCKET):
        raise error

    assert raised.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        answer(None, 507, has_node=False),
        answer("XMinioStorageFull", 500),
        answer("InternalError", 500, text="write /data/1.dat: no space left on device"),
    ],
)
def test_a_store_without_room_says_so_and_what_to_do(error: ClientError) -> None:
    with pytest.raises(errors.FaultError) as raised, iam_errors.translated(BUCKET):
        raise error

    assert raised.value.code == "store.full"
    assert "free some space" in raised.value.message


@pytest.mark.parametrize(
    "error",
    [answer("QuotaExceeded", 403), answer("TooManyBuckets", 400), answer("LimitExceeded", 409)],
)
def test_a_limit_of_the_store_is_no_wrong_key(error: ClientError) -> None:
    with pytest.raises(errors.QuotaExceededError) as raised, iam_errors.translated(BUCKET):
        raise error

    assert raised.value.code == "store.limit"
    assert iam_errors.code(error) in raised.value.message
    assert "Have it raised" in raised.value.message


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            EndpointConnectionError(endpoint_url="http://127.0.0.1:9/a"),
            "at http://127.0.0.1:9 does",
        ),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:9/a"), "its endpoint in the"),
        (answer("SlowDown", 503), "too busy"),
    ],
)
def test_a_store_that_is_away_or_busy_is_named_with_what_to_look_at(
    error: Exception, words: str
) -> None:
    with pytest.raises(errors.UnavailableError) as raised, iam_errors.translated(BUCKET):
        raise error

    assert words in raised.value.message


@pytest.mark.parametrize("has_node", [True, False])
def test_a_missing_thing_is_known_with_and_without_the_errors_node(*, has_node: bool) -> None:
    assert iam_errors.is_missing(answer("NoSuchEntity", 404, has_node=has_node))
    assert iam_errors.is_missing(answer(None, 404, has_node=has_node))
    assert not iam_errors.is_missing(answer("AccessDenied", 403, has_node=has_node))


def test_a_missing_thing_needs_no_removal_but_a_refusal_passes() -> None:
    with iam_errors.missing_is_fine():
        raise answer("NoSuchEntity", 404)
    with pytest.raises(ClientError), iam_errors.missing_is_fine():
        raise answer("AccessDenied", 403)


def test_a_holder_may_do_four_things_to_one_bucket_and_nothing_else() -> None:
    assert iam.policy(Holder.own(BUCKET)) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"],
                "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
            }
        ],
    }
