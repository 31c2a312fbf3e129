"""Connections to a store that speaks S3 and AWS IAM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import aioboto3
from botocore.config import Config

if TYPE_CHECKING:
    from pydantic import SecretStr

CONNECT_SECONDS: Final = 3


def session(region: str, access_key_id: str, secret_key: SecretStr) -> aioboto3.Session:
    """Return a session with this key; nothing is sent yet."""
    return aioboto3.Session(
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_key.get_secret_value(),
        region_name=region,
    )


def settings(*, read_timeout: float, **more: Any) -> Config:  # noqa: ANN401 - botocore's own
    """Return what every store needs, also one that is not AWS, and what differs."""
    return Config(
        s3={"addressing_style": "path", "payload_signing_enabled": False},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connect_timeout=CONNECT_SECONDS,
        read_timeout=read_timeout,
        **more,
    )
