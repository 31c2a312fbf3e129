"""The mail relay keeps letters as files, within limits, and sends none on."""

from __future__ import annotations

import asyncio
import os
import smtplib
import socket
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from shared.embedded import accounts, ports
from shared.embedded.servers import aiosmtpd, letterbox
from tests.support.servers import require

if TYPE_CHECKING:
    from collections.abc import Callable

SENDER = "blog@garden.example"
RECIPIENT = "person@elsewhere.example"
LETTER = b"Subject: Hello\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n.a line that begins with a dot\r\n"
T = TypeVar("T")


@pytest.fixture
def directory(data_directory: Path) -> Path:
    require("aiosmtpd", "python3-aiosmtpd")
    return data_directory / "mail"


async def talk(relay: aiosmtpd.MailServer, say: Callable[[smtplib.SMTP], T]) -> T:
    def connected() -> T:
        with smtplib.SMTP(ports.LOOPBACK, relay.port, timeout=20) as smtp:
            return say(smtp)

    return await asyncio.to_thread(connected)


async def refusal(relay: aiosmtpd.MailServer, letter: bytes) -> int:
    with pytest.raises(smtplib.SMTPResponseException) as caught:
        await talk(relay, lambda it: it.sendmail(SENDER, [RECIPIENT], letter))
    return caught.value.smtp_code


def letters(relay: aiosmtpd.MailServer) -> list[Path]:
    return sorted(relay.letters.iterdir())


async def test_a_letter_is_kept_as_it_came_for_whoever_it_is(directory: Path) -> None:
    async with aiosmtpd.running(directory) as relay:
        # It would look the name up, and send there, if it sent anything.
        both = [RECIPIENT, "other@garden.localhost"]
        assert await talk(relay, lambda it: it.sendmail(SENDER, both, LETTER)) == {}
        await relay.kill()
        await relay.start()
        await talk(relay, lambda it: it.sendmail(SENDER, [RECIPIENT], LETTER))

        first, second = letters(relay)

    head = b"Return-Path: <blog@garden.example>\r\nX-Envelope-To: person@elsewhere.example"
    assert first.read_bytes() == head + b", other@garden.localhost\r\n" + LETTER
    assert second.read_bytes() == head + b"\r\n" + LETTER


async def test_a_letter_that_is_too_large_is_refused_and_leaves_nothing(directory: Path) -> None:
    async with aiosmtpd.running(directory) as relay:
        large = LETTER + b"x" * 998 + b"\r\n"
        large += (b"x" * 998 + b"\r\n") * (aiosmtpd.LARGEST_BYTES // 1000)

        def without_its_size(smtp: smtplib.SMTP) -> int:
            smtp.helo()
            smtp.mail(SENDER)
            smtp.rcpt(RECIPIENT)
            return smtp.data(large)[0]

        assert await refusal(relay, large) == 552
        assert await talk(relay, without_its_size) == 552
        assert letters(relay) == []


async def test_a_full_letterbox_takes_no_more_until_there_is_room(directory: Path) -> None:
    async with aiosmtpd.running(directory) as relay:
        with (relay.letters / "0-large.eml").open("wb") as file:
            file.truncate(letterbox.MOST_BYTES)

        assert await refusal(relay, LETTER) == 452
        assert len(letters(relay)) == 1

        letters(relay)[0].unlink()
        await talk(relay, lambda it: it.sendmail(SENDER, [RECIPIENT], LETTER))
        assert len(letters(relay)) == 1


async def test_a_letter_has_so_many_recipients_at_most(directory: Path) -> None:
    many = [f"person{number}@elsewhere.example" for number in range(120)]
    async with aiosmtpd.running(directory) as relay:
        refused = await talk(relay, lambda it: it.sendmail(SENDER, many, LETTER))

        [letter] = letters(relay)
    assert {code for code, _ in refused.values()} == {452}
    assert len(refused) == 120 - letterbox.MOST_RECIPIENTS
    assert letter.read_bytes().count(b"@elsewhere.example") == letterbox.MOST_RECIPIENTS


async def test_the_relay_is_not_root_and_listens_on_the_loopback_only(directory: Path) -> None:
    async with aiosmtpd.running(directory) as relay:
        who = relay.child.identity
        assert who is not None

        assert owner(who.pid) == (accounts.unprivileged() or (os.geteuid(), 0))[0]
        assert not relay.letters.stat().st_mode & 0o077
        with socket.create_server(("127.0.0.2", relay.port)):
            pass  # nobody listens at every address


def owner(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid
