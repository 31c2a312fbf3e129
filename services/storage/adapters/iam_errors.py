"""What a store's answers mean: botocore's errors in, ours out.

Some stores leave the error's node out of IAM answers, so the HTTP status counts as well.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from aiohttp import ClientPayloadError
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
_NO_OBJECT: Final = {"404", "NoSuchKey"}
_TAKEN: Final = {"BucketAlreadyExists", "OperationAborted"}
_BUSY: Final = {"RequestTimeout", "SlowDown", "Throttling", "TooManyRequestsException"}
_LIMITS: Final = {
    "LimitExceeded",
    "QuotaExceeded",
    "TooManyBuckets",
    "XMinioAdminBucketQuotaExceeded",
}
_FULL: Final = {"InsufficientStorage", "XMinioStorageFull"}
_FULL_TEXTS: Final = ("no space left on device", "no free volumes", "no writable volumes")
_AWAY: Final = (
    ClientPayloadError,
    HTTPClientError,
    IncompleteReadError,
    ResponseParserError,
    StoreConnectionError,
)
_NOT_FOUND: Final = 404
_REFUSED: Final = frozenset({401, 403})
# What was read has changed since; there are too many requests.
_AGAIN: Final = frozenset({412, 429})
_SERVER: Final = 500
_NO_ROOM: Final = 507


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


def is_no_object(error: ClientError) -> bool:
    """Say whether it is the object that does not exist, and not its bucket."""
    return code(error) in _NO_OBJECT


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
            "store.unavailable",
            f"the object store{_where(error)} does not answer ({type(error).__name__}). "
            "See that it runs, and that its endpoint in the provider file is right.",
        ) from error
    except BotoCoreError as error:
        raise errors.FaultError(
            "store.protocol", f"the object store was asked for something impossible: {error}"
        ) from error


def _where(error: Exception) -> str:
    """Return the store's address without the path and query of what was asked."""
    parts = urlsplit(str(getattr(error, "kwargs", {}).get("endpoint_url", "")))
    return f" at {parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _ours(error: ClientError, bucket: str) -> errors.HostingError:
    word, number = code(error), status(error)
    what = f"{error.operation_name} of {bucket}: {word or 'no reason'} ({number})"
    if word == _UNKNOWN_HOLDER:
        # AWS answers from several places: what was just made may not be known everywhere.
        return errors.UnavailableError("store.not_yet", f"the holder is not known yet: {what}")
    if shortage := _shortage(error, what):
        return shortage
    if number >= _SERVER or number in _AGAIN or word in _BUSY:
        return errors.UnavailableError(
            "store.unavailable",
            f"the object store is too busy or in trouble: {what}. See its log if that lasts.",
        )
    if word in _TAKEN:
        return errors.ConflictError("store.bucket_taken", f"the bucket is somebody else's: {what}")
    if number in _REFUSED:
        return errors.FaultError(
            "store.refused",
            f"the object store refuses the administrator's key: {what}. "
            "Check access_key_id and secret_key_file in the provider file.",
        )
    return errors.FaultError("store.unexpected", f"the object store answered unexpectedly: {what}")


def _shortage(error: ClientError, what: str) -> errors.HostingError | None:
    """Return what it means when the store has nothing left to give."""
    text = str((error.response.get("Error") or error.response).get("Message", "")).lower()
    word = code(error)
    if status(error) == _NO_ROOM or word in _FULL or any(it in text for it in _FULL_TEXTS):
        return errors.FaultError(
            "store.full",
            f"the object store has no room left: {what}. Give it more, or free some space "
            "(buckets of removed deployments are kept for retention_days), then try again.",
        )
    if word in _LIMITS:
        return errors.QuotaExceededError(
            "store.limit",
            f"a limit that the object store sets the administrator's account is reached: {what}. "
            "Have it raised, or remove deployments, then try again.",
        )
    return None
