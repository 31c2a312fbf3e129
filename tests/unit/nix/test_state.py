"""The code of `fediversity-state`, without servers: requests, pieces, samples."""

from __future__ import annotations

import dataclasses
import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import state_sample
from tests.support.modules import imported
from tests.support.state_sample import SAMPLE
from tests.support.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

CODE = ROOT / "nix/state"
NEW_YEAR = 1767225600_000000000
SECRET = "do-not-repeat-me"  # noqa: S105 - not one


@pytest.fixture(scope="module", autouse=True)
def code() -> Iterator[dict[str, Any]]:
    """Import the program's modules as it does itself: by their bare names."""
    with imported(CODE, sorted(it.stem for it in CODE.glob("*.py"))) as found:
        yield found


def asked(**changes: object) -> dict[str, Any]:
    return {
        "manifest": {
            "application": "garden",
            "version": "1.0",
            "databases": [
                {
                    "name": "garden",
                    "engine": "postgresql",
                    "socket": "/run/pg",
                    "user": "app-garden",
                }
            ],
            "paths": [{"path": "/var/lib/applications/garden/avatars", "owner": "app-garden"}],
            "buckets": [{"purpose": "media", "prefixes": []}],
            "secrets": [{"name": "actor-key", "scope": "must-carry"}],
            "units": {"stop": []},
        },
        "staging": {
            "endpoint": "http://10.0.2.100:3900",
            "region": "eu-1",
            "bucket": "staging",
            "prefix": "exports/1",
            "access_key_id": "ID",
            "secret_key": SECRET,
        },
        "files_password": SECRET,
        "export": "run-1",
    } | changes


def mistakes(code: dict[str, Any], verb: str, document: object) -> list[str]:
    with pytest.raises(code["failures"].RequestError) as caught:
        code["request"].read("garden", verb, json.dumps(document))
    found: list[str] = caught.value.mistakes
    return found


def test_a_request_is_read(code: dict[str, Any]) -> None:
    request = code["request"].read("garden", "export", json.dumps(asked()))

    assert request.state.databases[0].port == 5432
    assert request.state.paths[0].name == "avatars"
    assert request.state.elsewhere == ("bucket media", "secret actor-key")
    assert request.folder == Path("/var/lib/fediversity/state")
    assert SECRET not in repr(request)


def test_the_request_of_the_document_is_one(code: dict[str, Any]) -> None:
    text = (ROOT / "docs" / "state-format.md").read_text(encoding="utf-8")
    example = text.partition("```json\n")[2].partition("```")[0]

    request = code["request"].read("garden", "import", example.replace("…", "0" * 64))

    assert request.state.paths[0].excludes == ("cache", "thumbs/*.tmp")


def test_the_list_of_files_of_the_document_is_one(code: dict[str, Any], tmp_path: Path) -> None:
    text = (ROOT / "docs" / "state-format.md").read_text(encoding="utf-8")
    lines = text.partition("```\n[")[2].partition("```")[0]
    (tmp_path / "ada").mkdir(mode=0o700)
    (tmp_path / "ada" / "hello").write_text("hello")
    (tmp_path / "ada" / "hello").chmod(0o644)
    (tmp_path / "newest").symlink_to("ada/hello")
    tmp_path.chmod(0o750)
    for it in ("newest", "ada/hello", "ada"):
        os.utime(tmp_path / it, ns=(0, NEW_YEAR), follow_symlinks=False)

    number = os.open(tmp_path, os.O_PATH)
    found = [*code["trees"].walked(number, (), print)]
    os.close(number)

    own = [dataclasses.replace(it, owner="app-garden", group="app-garden") for it in found]
    assert "".join(it.full_line for it in own) == f"[{lines}"
    assert own[2].line.startswith('["ada/hello","file",420,5,1767225600000000000,"2cf2')


def test_every_mistake_has_a_message_and_none_repeats_a_value(code: dict[str, Any]) -> None:
    document = asked(
        files_password=[SECRET], exprot=SECRET, export=f"{SECRET} x", facts=[SECRET], folder="a"
    )
    document["staging"]["endpoint"] = f"ftp://{SECRET}"
    document["manifest"]["databases"][0] |= {"engine": "mysql", "port": -1}
    document["manifest"]["paths"] += [
        {"path": f"../{SECRET}", "owner": "app-garden"},
        {"path": "/a/avatars", "owner": "app-garden", "excludes": ["[a]", "a/../b", "**"]},
    ]

    found = mistakes(code, "export", document)

    assert SECRET not in " ".join(found)
    places = sorted(it.partition(":")[0] for it in found)
    assert places == [
        "export",
        "exprot",
        "facts",
        "files_password",
        "folder",
        "manifest.databases[0].engine",
        "manifest.databases[0].port",
        "manifest.paths",
        "manifest.paths[1].path",
        "manifest.paths[2].excludes[0]",
        "manifest.paths[2].excludes[2]",
        "staging.endpoint",
    ]


@pytest.mark.parametrize("document", [None, [], "text", 3, {}, {"manifest": []}])
def test_a_document_that_is_no_request_is_refused(code: dict[str, Any], document: object) -> None:
    assert mistakes(code, "import", document)


def test_only_what_carries_needs_a_bucket(code: dict[str, Any]) -> None:
    document = {"manifest": asked()["manifest"]}

    assert code["request"].read("garden", "status", json.dumps(document)).export == ""
    assert any(it.startswith("staging") for it in mistakes(code, "import", document))


def test_another_application_is_refused(code: dict[str, Any]) -> None:
    with pytest.raises(code["failures"].RequestError, match="another application"):
        code["request"].read("forest", "status", json.dumps(asked()))


@given(
    rows=st.lists(st.binary(max_size=40).map(lambda it: it.replace(b"\n", b"") + b"\n")),
    step=st.integers(1, 9),
)
def test_pieces_end_where_rows_end_unless_a_row_is_very_long(
    code: dict[str, Any], rows: list[bytes], step: int
) -> None:
    whole = b"".join(rows)
    cutter = code["chunks"].Cutter(16, 32)

    pieces = [
        piece for at in range(0, len(whole), step) for piece in cutter.feed(whole[at : at + step])
    ]
    pieces = [it for it in (*pieces, cutter.rest()) if it]

    assert b"".join(pieces) == whole
    assert all(it.endswith(b"\n") or len(it) == 32 for it in pieces)
    assert all(len(it) <= 32 for it in pieces)


@given(rows=st.lists(st.binary(max_size=30)), step=st.integers(1, 9))
def test_lines_that_were_cut_anywhere_are_put_together(
    code: dict[str, Any], rows: list[bytes], step: int
) -> None:
    expected = [it.replace(b"\n", b"") + b"\n" for it in rows]
    whole = b"".join(expected)
    parts = [whole[at : at + step] for at in range(0, len(whole), step)]

    found = [*code["chunks"].lines(parts, 31)]

    assert found == expected


@pytest.mark.parametrize("content", [b"short\nno end", b"x" * 40, b"x" * 40 + b"\n"])
def test_lines_that_are_none_are_refused(code: dict[str, Any], content: bytes) -> None:
    with pytest.raises(code["failures"].StateError) as caught:
        list(code["chunks"].lines([content], 31))
    assert caught.value.code == "export.damaged"


class Bucket:
    """A bucket in memory."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.sent: list[str] = []

    def listed(self, below: str) -> dict[str, Any]:
        return {it: None for it in self.objects if it.startswith(below)}

    def put(self, name: str, body: bytes) -> None:
        self.objects[name] = body
        self.sent.append(name)

    def find(self, name: str, most_bytes: int) -> bytes | None:
        found = self.objects.get(name)
        return None if found is None else found[: most_bytes + 1]


@given(piece=st.binary(max_size=200))
def test_a_chunk_comes_back_as_it_was(code: dict[str, Any], piece: bytes) -> None:
    bucket = Bucket()
    chunk = code["chunks"].Writer(bucket).write(piece)

    assert code["chunks"].fetched(bucket, chunk) == piece


@given(piece=st.binary(min_size=1, max_size=200), data=st.data())
def test_a_chunk_that_is_not_itself_is_refused(
    code: dict[str, Any], piece: bytes, data: st.DataObject
) -> None:
    bucket = Bucket()
    chunk = code["chunks"].Writer(bucket).write(piece)
    content = bytearray(bucket.objects[chunk.object])
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1
    bucket.objects[chunk.object] = bytes(content)

    with pytest.raises(code["failures"].StateError, match=chunk.object):
        code["chunks"].fetched(bucket, chunk)


@pytest.mark.parametrize("promised", [0, 10, 1_000_001])
def test_a_chunk_that_unpacks_to_more_or_less_than_promised_is_refused(
    code: dict[str, Any], promised: int
) -> None:
    bucket = Bucket()
    chunk = code["chunks"].Writer(bucket).write(bytes(1_000_000))

    with pytest.raises(code["failures"].StateError, match="another length"):
        code["chunks"].fetched(bucket, dataclasses.replace(chunk, raw_bytes=promised))


def test_the_sample_of_the_format_is_still_read(code: dict[str, Any]) -> None:
    content = SAMPLE.read_bytes()

    found = code["manifest"].read(content)

    assert found.format_version == "1.0"
    assert found.databases[0].tables[0].rows == 2
    assert found.paths[0].files == 1
    # Nothing in it is lost on the way through.
    assert json.loads(found.encoded()) == json.loads(content)


def test_a_later_minor_version_is_read_and_a_later_major_one_is_not(code: dict[str, Any]) -> None:
    sample = json.loads(SAMPLE.read_text(encoding="utf-8"))
    sample["databases"][0]["invented_later"] = True

    assert code["manifest"].read(json.dumps(sample | {"format_version": "1.7"}).encode())
    with pytest.raises(code["failures"].StateError) as caught:
        code["manifest"].read(json.dumps(sample | {"format_version": "2.0"}).encode())
    assert caught.value.code == "format.unknown"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("databases", 0, "tables", 0, "chunks", 0, "object"), "chunks/../manifest.json"),
        (("databases", 0, "tables", 0, "rows"), "2"),
        (("databases", 0, "tables", 0, "hash"), "0; drop table posts"),
        (("databases", 0, "extensions", 0, "name"), "a b"),
        (("paths", 0, "snapshot"), "--target=/"),
        (("export",), None),
        (("format",), "tar"),
    ],
)
def test_a_manifest_that_means_harm_is_refused(
    code: dict[str, Any], place: tuple[str | int, ...], value: object
) -> None:
    sample = state_sample.changed(place, value)

    with pytest.raises(code["failures"].StateError, match=str(place[-1])):
        code["manifest"].read(json.dumps(sample).encode())


@pytest.mark.parametrize(
    ("path", "pattern", "is_excluded"),
    [
        ("cache", "cache", True),
        ("a/cache/b", "cache", True),
        ("a/cached", "cache", False),
        ("a/b.tmp", "*.tmp", True),
        ("a/b", "a/b", True),
        ("a/b/c", "a/b", True),
        ("x/a/b", "a/b", False),
        ("a/x/b", "a/*/b", True),
        ("a/x/y/b", "a/*/b", False),
    ],
)
def test_patterns_leave_out_what_restic_leaves_out(
    code: dict[str, Any], path: str, pattern: str, *, is_excluded: bool
) -> None:
    assert code["trees"].is_excluded(path, (pattern,)) == is_excluded


def test_a_schema_has_nothing_that_only_one_program_or_owner_understands(
    code: dict[str, Any],
) -> None:
    script = (
        "--\n-- dump\n--\n\n\\restrict abc\n\nSET statement_timeout = 0;\n"
        "SET transaction_timeout = 0;\n\n--\n-- Name: f; Type: FUNCTION; Schema: public\n--\n\n"
        "CREATE FUNCTION f() AS '\n\\restrict kept\nSET transaction_timeout = 0;\n';\n\n"
        "--\n-- Name: EXTENSION pg_trgm; Type: COMMENT; Schema: -; Owner: -\n--\n\n"
        "COMMENT ON EXTENSION pg_trgm IS 'text';\n\n\n--\n-- dump complete\n--\n\n"
        "\\unrestrict abc\n\n"
    )

    found = code["dumping"].cleaned(script)

    assert "abc" not in found
    assert "EXTENSION" not in found
    assert found.count("transaction_timeout") == 1
    assert "\\restrict kept" in found
    assert code["dumping"].cleaned("--\n\\restrict abc\n\n\\unrestrict abc\n") == "--\n\n"


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("2026-11-21T13:06:24.971941175Z", 1_795_266_384_971_941_175),
        ("2026-11-21T13:06:24.5Z", 1_795_266_384_500_000_000),
    ],
)
def test_moments_keep_their_nanoseconds(code: dict[str, Any], moment: str, expected: int) -> None:
    assert code["saving"]._nanoseconds(moment) == expected  # noqa: SLF001 - a small thing of its own


def test_progress_is_said_at_the_start_at_the_end_and_not_too_often(code: dict[str, Any]) -> None:
    said = io.StringIO()
    progress = code["progress"].Progress(said, pause_seconds=3600)

    for done in range(101):
        progress.report("rows", done, 100, "rows")

    numbers = [json.loads(it)["progress"]["done"] for it in said.getvalue().splitlines()]
    assert numbers == [0, 100]


@given(name=st.text(min_size=1, max_size=10))
def test_a_quoted_name_is_one_name(code: dict[str, Any], name: str) -> None:
    quoted = code["postgres"].quoted(name)

    assert quoted[0] == quoted[-1] == '"'
    assert quoted[1:-1].replace('""', "") == name.replace('"', "")
