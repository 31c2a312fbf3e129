"""Webhooks leave for public addresses only, over a connection to the address that was checked."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.panel.adapters.webhook_sender import HttpWebhookSender, SystemNames
from services.panel.domain.reachable import ReachRules
from tests.support.receiver import receiving
from tests.support.threads import no_thread_free

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CLOSED = ReachRules(allow_http=True)
LOOPBACK = ReachRules(allow_http=True, allowed=(ipaddress.ip_network("127.0.0.1/32"),))


class Names:
    """A name server whose answers change with every question."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(self, _host: str, _port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://panel.demo.localhost:{port}/",
        "http://2130706433:{port}/",
        "http://127.1:{port}/",
        "http://[::1]:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://[64:ff9b::7f00:1]:{port}/",
        "http://[2002:7f00:1::]:{port}/",
        "http://0:{port}/",
    ],
)
async def test_no_spelling_of_this_computer_is_reached(url: str) -> None:
    async with receiving() as receiver:
        port = receiver.address.rpartition(":")[2]
        answer = await HttpWebhookSender(CLOSED).send(url.format(port=port), {}, b"{}")

    assert answer.status is None
    assert answer.reason
    assert receiver.received == []


async def test_a_name_that_has_a_private_address_beside_a_public_one_is_refused() -> None:
    names = Names(["1.1.1.1", "127.0.0.1"])
    async with receiving() as receiver:
        port = receiver.address.rpartition(":")[2]
        sender = HttpWebhookSender(CLOSED, resolver=names.resolve)
        answer = await sender.send(f"http://hooks.example:{port}/", {}, b"{}")

    assert "does not send" in answer.reason
    assert "127" not in answer.reason
    assert receiver.received == []


async def test_a_name_that_changes_its_mind_is_asked_once_and_reached_where_it_was_checked() -> (
    None
):
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    async with receiving() as receiver:
        port = receiver.address.rpartition(":")[2]
        sender = HttpWebhookSender(LOOPBACK, resolver=names.resolve)
        answer = await sender.send(f"http://hooks.example:{port}/a?b", {}, b"{}")

    assert names.asked == 1
    assert answer.status == 204
    [got] = receiver.received
    assert (got.path, got.headers["host"]) == ("/a?b", f"hooks.example:{port}")


async def test_the_next_address_is_tried_when_one_is_closed() -> None:
    names = Names(["127.0.0.9", "127.0.0.1"])
    rules = ReachRules(allow_http=True, allowed=(ipaddress.ip_network("127.0.0.0/8"),))
    async with receiving() as receiver:
        port = receiver.address.rpartition(":")[2]
        sender = HttpWebhookSender(rules, resolver=names.resolve)
        answer = await sender.send(f"http://hooks.example:{port}/", {}, b"{}")

    assert answer.status == 204


async def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving(status=418) as proxy, receiving() as receiver:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        monkeypatch.setenv("ALL_PROXY", f"http://{proxy.address}")
        answer = await HttpWebhookSender(LOOPBACK).send(receiver.url, {}, b"{}")

    assert answer.status == 204
    assert proxy.received == []


async def test_nothing_listening_and_nonsense_are_told_in_words() -> None:
    async with receiving() as receiver:
        gone = receiver.url
    sender = HttpWebhookSender(LOOPBACK)

    closed = await sender.send(gone, {}, b"{}")
    unknown = await sender.send("http://does-not-exist.invalid/", {}, b"{}")
    unusable = await sender.send("ftp://hooks.example/", {}, b"{}")

    assert "nothing answers" in closed.reason
    assert unknown.reason == "There is no such host."
    assert "begin with" in unusable.reason


async def test_retry_after_is_read_as_seconds_and_as_a_date() -> None:
    at = datetime.now(UTC) + timedelta(minutes=10)
    async with receiving(status=503) as receiver:
        sender = HttpWebhookSender(LOOPBACK)
        found = []
        for value in ("120", at.strftime("%a, %d %b %Y %H:%M:%S GMT"), "soon", "9" * 400):
            receiver.headers["Retry-After"] = value
            found.append((await sender.send(receiver.url, {}, b"{}")).retry_after_seconds)

    assert found[0] == 120
    assert found[1] is not None
    assert 590 < found[1] < 601
    assert found[2] is None
    assert found[3] == 999999999


async def test_names_are_looked_up_in_threads_for_that_alone() -> None:
    names = SystemNames()
    async with no_thread_free():
        found = await names.resolve("192.0.2.1", 443)

    assert found == ["192.0.2.1"]


async def test_tls_is_checked_for_the_name_and_not_for_the_address(tmp_path: Path) -> None:
    certificate, key = issue(tmp_path, "hooks.example")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    heard: list[bytes] = []

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(respond, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        sender = HttpWebhookSender(LOOPBACK, certificate, resolver=Names(["127.0.0.1"]).resolve)
        good = await sender.send(f"https://hooks.example:{port}/", {}, b"{}")
        other = await sender.send(f"https://other.example:{port}/", {}, b"{}")
        unknown = await HttpWebhookSender(LOOPBACK, resolver=Names(["127.0.0.1"]).resolve).send(
            f"https://hooks.example:{port}/", {}, b"{}"
        )
    finally:
        server.close()

    assert good.status == 204
    assert f"host: hooks.example:{port}".encode() in heard[0].lower()
    assert "certificate" in other.reason
    assert "certificate" in unknown.reason


def issue(folder: Path, host: str) -> tuple[Path, Path]:
    """Write a certificate that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private
