"""What a store's answers mean: botocore's errors in, ours out.

Some stores leave the error's node out of IAM answers, so the HTTP status counts as well.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
)
from botocore.exceptions import ConnectionError as StoreConnectionError
from botocore.parsers import ResponseParserError

from shared import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNKNOWN_HOLDER: Final = "NoSuchEntity"
_MISSING: Final = {"404", "NoSuchBucket", _UNKNOWN_HOLDER, "NoSuchKey", "NoSuchUpload"}
_TAKEN: Final = {"BucketAlreadyExists", "OperationAborted"}
_BUSY: Final = {"RequestTimeout", "SlowDown", "Throttling", "TooManyRequestsException"}
_AWAY: Final = (
    HTTPClientError,
    IncompleteReadError,
    ResponseParserError,
    StoreConnectionError,
)
_NOT_FOUND: Final = 404
_REFUSED: Final = frozenset({401, 403})
_TOO_MANY: Final = 429
_SERVER: Final = 500


def code(error: ClientError) -> str:
    """Return the store's word for what went wrong, wherever it stands; empty when it has none."""
    node = error.response.get("Error") or error.response
    return str(node.get("Code", ""))


def status(error: ClientError) -> int:
    """Return the HTTP status of the answer; 0 when unknown."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_missing(error: ClientError) -> bool:
    """Say whether what was asked for does not exist."""
    return code(error) in _MISSING or status(error) == _NOT_FOUND


def is_refused(error: ClientError) -> bool:
    """Say whether the key that was used is not accepted."""
    return status(error) in _REFUSED


@contextmanager
def missing_is_fine() -> Iterator[None]:
    """End the block when what it takes away is not there."""
    try:
        yield
    except ClientError as error:
        if not is_missing(error):
            raise


@contextmanager
def translated(bucket: str) -> Iterator[None]:
    """Raise our own errors for the library's."""
    try:
        yield
    except ClientError as error:
        raise _ours(error, bucket) from error
    except _AWAY as error:
        raise errors.UnavailableError(
            "store.unavailable", f"the object store does not answer: {type(error).__name__}"
        ) from error
    except BotoCoreError as error:
        raise errors.FaultError(
            "store.protocol", f"the object store was asked for something impossible: {error}"
        ) from error


def _ours(error: ClientError, bucket: str) -> errors.HostingError:
    word, number = code(error), status(error)
    what = f"{error.operation_name} of {bucket}: {word or 'no reason'} ({number})"
    if word == _UNKNOWN_HOLDER:
        # AWS answers from several places: what was just made may not be known everywhere.
        return errors.UnavailableError("store.not_yet", f"the holder is not known yet: {what}")
    if number >= _SERVER or number == _TOO_MANY or word in _BUSY:
        return errors.UnavailableError("store.unavailable", f"the object store is busy: {what}")
    if word in _TAKEN:
        return errors.ConflictError("store.bucket_taken", f"the bucket is somebody else's: {what}")
    if number in _REFUSED:
        return errors.FaultError(
            "store.refused",
            f"the object store refuses the administrator's key: {what}. "
            "Check access_key_id and secret_key_file in the provider file.",
        )
    return errors.FaultError("store.unexpected", f"the object store answered unexpectedly: {what}")
