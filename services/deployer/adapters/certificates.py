"""Certificates as visitors are shown them: by TLS, at the edge, under the host's own name."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography import x509
from typing_extensions import override

from shared import errors

from ..domain import Certificate
from ..ports import Certificates

if TYPE_CHECKING:
    from shared.contracts.deployments import Endpoint

SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class EdgeCertificates(Certificates):
    """Asks the edge."""

    edge: Endpoint | None
    """Where it takes TLS; None where public URLs are plain HTTP."""

    @override
    async def of(self, host: str) -> Certificate | None:
        if self.edge is None:
            return None
        try:
            async with asyncio.timeout(SECONDS):
                return await _shown(self.edge, host)
        except ssl.SSLError as error:
            raise errors.FaultError(
                "certificate.missing", f"visitors of {host} are shown no certificate"
            ) from error
        except (OSError, TimeoutError):
            return None  # the edge is away, which is no ailment of an application


async def _shown(edge: Endpoint, host: str) -> Certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Its dates are read and nothing is sent: whom visitors trust is not known here.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _, writer = await asyncio.open_connection(
        edge.host, edge.port, ssl=context, server_hostname=host
    )
    try:
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
    found = x509.load_der_x509_certificate(shown)
    return Certificate(begins=found.not_valid_before_utc, ends=found.not_valid_after_utc)
