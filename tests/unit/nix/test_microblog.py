"""The code of the application microblog, without a machine: addresses, signatures, forms, pages."""

from __future__ import annotations

import base64
import sys
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.microblog import CODE, PNG
from tests.support.microblog_peer import Letter, is_signed_by, new_key, pem, private_pem
from tests.support.modules import imported

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = tuple(sorted(it.stem for it in CODE.glob("*.py")))
HOST = "blog.garden.localhost:18080"
HOSTS = frozenset((HOST,))
OWN = f"http://{HOST}"
SAFE = "https://blog.example.org"
KEY = new_key()
KEY_ID = "http://peer.garden.localhost:18080/users/ada#main-key"


@pytest.fixture(scope="module", autouse=True)
def microblog() -> Iterator[dict[str, Any]]:
    """Import the application's modules as it does itself: by their bare names."""
    with imported(CODE, NAMES) as found:
        yield found


class Given:
    """What a configuration gives: secrets."""

    def __init__(self, **changes: bytes) -> None:
        known = {"column-key": b"k" * 32, "administrator": b"p" * 16}
        self._known = {**known, "actor-key": private_pem(KEY), **changes}

    def secret(self, name: str) -> bytes:
        """Return one."""
        return self._known[name]


def secrets_of(configuration: Any, **changes: bytes) -> Any:  # noqa: ANN401 - the application's own
    return configuration.Secrets(Given(**changes))


def read(microblog: dict[str, Any], letter: Letter, **changes: str) -> Any:  # noqa: ANN401 - the application's own class
    fields = {**letter.fields(), **changes}
    body = letter.body
    return microblog["outside"].read(("POST", "/inbox"), fields, body, HOSTS)


def letter(**changes: Any) -> Letter:  # noqa: ANN401 - fields of different kinds
    return Letter(**{"key": KEY, "key_id": KEY_ID, "host": HOST, "activity": {}, **changes})


@pytest.mark.parametrize(
    "url",
    [
        "http://peer.garden.localhost:18080/users/ada",
        "http://peer.garden.localhost/users/ada?x=1",
        "http://xn--grten-hra.example/u",
        "https://example.org/",
        "https://a-1.b-2.example.org:18080/users/ada#main-key",
    ],
)
def test_addresses_of_other_servers_are_taken(microblog: dict[str, Any], url: str) -> None:
    assert microblog["outside"].host_of(url, OWN)


@pytest.mark.parametrize(
    "url",
    [
        *(None, 7, "", "/", "example.org", "//example.org/", "http://", "http:///x", "http://a b/"),
        *("http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f.0.0.1/"),
        *("http://0/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://10.0.0.1/"),
        *("http://169.254.169.254/latest", "http://0177.0.0.1/", "http://1.2.3.4.5/"),
        *("http://localhost/", "http://intranet/", "http://printer.local/", "http://x.internal/"),
        *("file:///etc/passwd", "gopher://example.org/", "ftp://example.org/x", "HTTP://a.b/"),
        *("http://user@example.org/", "http://user:secret@example.org/", "http://@example.org/"),
        *("http://example.org:22/", "http://example.org:3900/", "http://example.org:0/"),
        *("http://example.org:99999/", "http://example.org:x/", "http://example.org:-1/"),
        *("http://example.org./", "http://-a.org/", "http://a-.org/", "http://a..org/"),
        *("http://example.org", "http://example.org\\@127.0.0.1/", "http://example.org%2f/"),
        *("http://exa\nmple.org/", "http://example.org/\r\nhost: x", "http://bücher.example/"),
        *("http://blog.garden.localhost:18080/actor", "http://blog.garden.localhost/"),
        "http://example.org/" + "x" * 2048,
    ],
)
def test_addresses_that_could_lead_elsewhere_are_refused(
    microblog: dict[str, Any], url: object
) -> None:
    outside = microblog["outside"]
    with pytest.raises(outside.OutsideError):
        outside.host_of(url, OWN)


def test_a_blog_on_the_internet_talks_to_no_plain_and_no_local_server(
    microblog: dict[str, Any],
) -> None:
    outside = microblog["outside"]

    assert outside.host_of("https://peer.example.org/users/ada", SAFE) == "peer.example.org"
    for it in ("http://peer.example.org/", "https://peer.localhost/", "https://a.example:18080/"):
        with pytest.raises(outside.OutsideError):
            outside.host_of(it, SAFE)


@given(st.text(max_size=60))
def test_no_text_is_more_than_refused_as_an_address(text: str) -> None:
    outside = sys.modules["outside"]
    for it in (text, f"http://{text}", f"http://example.org/{text}"):
        try:
            host = outside.host_of(it, OWN)
        except outside.OutsideError:
            continue
        assert host.rpartition(":")[0].rpartition(".")[2] or host.rpartition(".")[2]


def test_what_the_blog_signs_is_what_others_verify(microblog: dict[str, Any]) -> None:
    key = secrets_of(microblog["configuration"])
    url = "http://peer.garden.localhost:18080/inbox?a=b"

    fields = microblog["outside"].sign(key, f"{OWN}/actor#main-key", "POST", url, b"{}")

    assert key.public_pem == pem(KEY)
    assert is_signed_by(key.public_pem, "POST", "/inbox?a=b", fields)
    assert fields["digest"].startswith("SHA-256=")


def test_what_others_sign_is_verified(microblog: dict[str, Any]) -> None:
    signed = read(microblog, letter())

    assert signed.key_id == KEY_ID
    microblog["outside"].verify(signed, pem(KEY))


@pytest.mark.parametrize(
    "changes",
    [
        {"path": "/outbox"},
        {"host": "elsewhere.example.org"},
        {"date": formatdate(time.time() - 3600, usegmt=True)},
        {"date": formatdate(time.time() + 3600, usegmt=True)},
        {"date": "yesterday"},
        {"date": "Mon, 99 Jan 99999999 00:00:00 GMT"},
        {"names": "(request-target) host date"},
        {"names": "host date digest"},
        {"names": "(request-target) date digest"},
        {"names": "(request-target) host digest"},
        {"names": "(request-target) host date digest digest"},
    ],
)
def test_a_letter_that_is_not_about_this_request_is_refused(
    microblog: dict[str, Any], changes: dict[str, str]
) -> None:
    outside = microblog["outside"]
    sent = letter(**changes)
    with pytest.raises(outside.OutsideError):
        outside.verify(read(microblog, sent), pem(KEY))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("digest", "SHA-256=AAAA"),
        ("digest", "MD5=xyz"),
        ("digest", ""),
        ("signature", ""),
        ("signature", "nonsense"),
        ("signature", 'keyId="a"'),
        ("signature", 'keyId="a",headers="(request-target) host date digest",signature="%%%"'),
        ("signature", 'keyId="a",' * 2000),
        ("signature", 'keyId="a",algorithm="none",headers="(request-target) host date digest"'),
    ],
)
def test_a_damaged_signature_is_refused(microblog: dict[str, Any], name: str, value: str) -> None:
    with pytest.raises(microblog["outside"].OutsideError):
        read(microblog, letter(), **{name: value})


@pytest.mark.parametrize("public", [None, 7, "", "x" * 5000, pem(new_key()), "-----BEGIN"])
def test_only_the_key_that_signed_verifies(microblog: dict[str, Any], public: object) -> None:
    outside = microblog["outside"]
    with pytest.raises(outside.OutsideError):
        outside.verify(read(microblog, letter()), public)


@given(st.text(max_size=200))
def test_no_text_is_more_than_refused_as_a_signature(text: str) -> None:
    outside = sys.modules["outside"]
    fields = {**letter().fields(), "signature": text}
    with pytest.raises(outside.OutsideError):
        outside.read(("POST", "/inbox"), fields, b"{}", HOSTS)


@pytest.mark.parametrize(
    ("content", "ending"),
    [
        (PNG, "png"),
        (b"\xff\xd8\xff\xe0" + bytes(20), "jpg"),
        (b"GIF89a" + bytes(20), "gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "webp"),
    ],
)
def test_a_picture_is_known_by_its_content(
    microblog: dict[str, Any], content: bytes, ending: str
) -> None:
    assert microblog["forms"].sniffed(content, 100) == ending


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html>",
        b"%PDF-1.7",
        b"\x89PNG",
        b"RIFF\x00\x00\x00\x00WAVE",
        PNG + bytes(100),
    ],
)
def test_what_is_no_picture_or_too_large_is_refused(
    microblog: dict[str, Any], content: bytes
) -> None:
    with pytest.raises(microblog["configuration"].Refusal):
        microblog["forms"].sniffed(content, 100)


def multipart(*fields: tuple[str, bytes], boundary: str = "----x") -> tuple[str, bytes]:
    parts = [
        f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"; filename="../../a"\r\n'
        f"content-type: text/html\r\n\r\n".encode()
        + content
        for name, content in fields
    ]
    end = f"--{boundary}--\r\n".encode()
    return f"multipart/form-data; boundary={boundary}", b"\r\n".join([*parts, end])


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_what_a_form_holds_is_read_back(first: bytes, second: bytes) -> None:
    kind, content = multipart(("text", first), ("picture", second))

    assert sys.modules["forms"].fields(kind, content) == {"text": first, "picture": second}


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nno name\r\n--x--"),
        ("multipart/form-data; boundary=x", b'--x\r\ncontent-disposition: form-data; name="a"'),
        multipart(*(("a", b"") for _ in range(40))),
        ("application/x-www-form-urlencoded", b"a=b"),
        ("application/json", b"[]"),
    ],
)
def test_a_form_that_is_none_is_refused(
    microblog: dict[str, Any], kind: str, content: bytes
) -> None:
    with pytest.raises(microblog["configuration"].Refusal):
        microblog["forms"].fields(kind, content)


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 11, "a\0b", "\ud800", 7, None, ["x"], b"\xff"])
def test_what_is_no_text_is_refused(microblog: dict[str, Any], text: object) -> None:
    with pytest.raises(microblog["configuration"].Refusal):
        microblog["forms"].text({"text": text}, "text", 10)


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"{", b"[" * 100_000, b"\xff"])
def test_what_is_no_json_object_is_refused(microblog: dict[str, Any], body: bytes) -> None:
    with pytest.raises(microblog["configuration"].Refusal):
        microblog["forms"].document(body)


@given(st.text())
def test_whatever_is_put_into_a_page_is_text(text: str) -> None:
    documents = sys.modules["documents"]
    hostile = f'"><script>alert(1)</script>{{0}}{text}'

    for found in (
        str(documents.markup('<p title="{it}">{it}</p>', it=hostile)),
        documents.paragraph(hostile),
    ):
        assert "<script" not in found
    inner = documents.markup("{it}", it=text)
    assert not set("<>\"'") & set(inner)
    assert str(documents.markup("<b>{it}</b>", it=inner)) == f"<b>{inner}</b>"


@pytest.mark.parametrize("text", ["", "A plan", "\0 ü 🌱\n"])
def test_a_draft_is_opened_with_its_key_in_its_place_only(
    microblog: dict[str, Any], text: str
) -> None:
    configuration = microblog["configuration"]
    key = secrets_of(configuration)
    other = secrets_of(configuration, **{"column-key": b"o" * 32})
    sealed = key.seal(text, "draft 1")

    assert key.open(sealed, "draft 1") == text
    for opener, place in ((other, "draft 1"), (key, "draft 2")):
        with pytest.raises(configuration.UnreadableError):
            opener.open(sealed, place)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("actor-key", b"x"),
        ("actor-key", base64.b64encode(b"x" * 100)),
        ("actor-key", private_pem(KEY).replace(b"A", b"B")),
        ("column-key", b"too short"),
        ("administrator", b"guess me"),
    ],
)
def test_what_is_no_good_secret_is_refused(
    microblog: dict[str, Any], name: str, content: bytes
) -> None:
    configuration = microblog["configuration"]
    with pytest.raises(configuration.ConfigurationError, match=name):
        secrets_of(configuration, **{name: content})


def test_only_the_right_name_and_password_are_the_administrators(
    microblog: dict[str, Any],
) -> None:
    key = secrets_of(microblog["configuration"])

    assert key.is_administrator(b"admin", b"p" * 16)
    for user, password in (
        (b"admin", b"p" * 15),
        (b"eve", b"p" * 16),
        (b"", b""),
        (b"\xff", b"\xff"),
    ):
        assert not key.is_administrator(user, password)
