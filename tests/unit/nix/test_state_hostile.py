"""What somebody else exported is refused when it means harm, before any of it is written."""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import state_sample
from tests.support.modules import imported
from tests.support.state_sample import SAMPLE
from tests.support.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CODE = ROOT / "nix/state"
TOP = (".", "dir", 0o755, 0, 0, "", "a", "a")
MOMENT = "1970-01-01T00:00:01Z"
NESTED = "[" * 100_000 + "]" * 100_000


@pytest.fixture(scope="module", autouse=True)
def code() -> Iterator[dict[str, Any]]:
    with imported(CODE, sorted(it.stem for it in CODE.glob("*.py"))) as found:
        yield found


def entry(path: str, kind: str = "file", **changes: object) -> tuple[object, ...]:
    mode = {"file": 0o644, "dir": 0o755}.get(kind, 0o777)
    named = {"mode": mode, "size": 0, "changed_ns": 10**9, "digest": "0" * 64} | changes
    return (path, kind, *named.values(), "a", "a")


def listed(*entries: tuple[object, ...]) -> bytes:
    return b"".join(json.dumps(it).encode() + b"\n" for it in entries)


class Bucket:
    """A bucket with one object, which may be anything."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def find(self, _: str, most_bytes: int) -> bytes | None:
        return self.content[: most_bytes + 1]


def fetched(code: dict[str, Any], content: bytes, **claims: int) -> Any:  # noqa: ANN401 - the program's own class
    """Read a list of files as an import does, with a manifest that claims what the list says."""
    trees, summary = code["trees"], code["trees"].Summary()
    for line in content.splitlines():
        try:
            summary.add(trees.Entry(*json.loads(line)))
        except (TypeError, ValueError, RecursionError):
            continue
    numbers = {it: getattr(summary, it) for it in ("files", "folders", "links", "bytes")} | claims
    writer = code["chunks"].Writer(SimpleNamespace(listed=lambda _: {}, put=lambda *_: None))
    chunk = writer.write(content)
    tree = code["manifest"].Tree(
        *("avatars", "/avatars", "", (), True),
        **numbers,
        fingerprint=summary.fingerprint,
        listing=(chunk,),
    )
    file = io.BytesIO()
    packed = code["chunks"].zlib.compress(content, 1, 31)
    code["listings"].fetch(Bucket(packed), tree, file)
    return list(code["listings"].read(file))


def test_a_list_of_files_is_read_in_order(code: dict[str, Any]) -> None:
    paths = ["-a", "a", "a-b", "a/c", "a/d", "a/d/e", "b\udcff"]
    kinds = {"a": "dir", "a/d": "dir", "b\udcff": "symlink"}
    entries = [entry(it, kinds.get(it, "file")) for it in paths]

    found = fetched(code, listed(entries[0], TOP, *entries[1:]))

    assert [it.path for it in found] == ["-a", ".", *paths[1:]]


@pytest.mark.parametrize(
    "path",
    [
        *("/etc/passwd", "..", "a/../../b", "../a", "a\n/../b", "", "a/", "a//b", "./a", "a/."),
        *("a\0b", "half \ud800"),
    ],
)
def test_a_list_of_files_does_not_lead_out_of_its_folder(code: dict[str, Any], path: str) -> None:
    line = json.dumps(entry(path)).encode()

    with pytest.raises(code["failures"].StateError, match="line 0"):
        code["listings"].parsed(line, "line 0")


@pytest.mark.parametrize(
    "content",
    [
        listed(TOP, entry("link", "symlink"), entry("link/file")),
        listed(TOP, entry("file"), entry("file/below")),
        listed(TOP, entry("nowhere/file")),
        listed(TOP, entry("a"), entry("a", "symlink")),
        listed(TOP, entry("b"), entry("a")),
        listed(TOP, entry("\udcc3\udcb6"), entry("ö", "symlink")),
        listed(entry("a")),
        listed(TOP, TOP),
        listed((".", "symlink", *TOP[2:])),
        listed(TOP, entry("a", mode=0o4755)),
        listed(TOP, entry("a", mode=True)),
        listed(TOP, entry("a", size=10**30)),
        listed(TOP, entry("a", changed_ns=-(10**30))),
        listed(TOP, entry("a", "fifo")),
        listed(TOP, entry("/".join("a" * 300))),
        listed(TOP, entry("a", digest="no")),
        listed(TOP) + b"{}\n",
        listed(TOP) + b"\n",
        listed(TOP) + b"\xff\xfe\n",
        listed(TOP) + NESTED.encode()[:60_000] + b"\n",
        listed(TOP, entry("a" * 70_000)),
        listed(TOP).removesuffix(b"\n"),
        b"\n" * 2**12,
    ],
)
def test_a_list_of_files_that_means_harm_is_refused(code: dict[str, Any], content: bytes) -> None:
    with pytest.raises(code["failures"].StateError) as caught:
        fetched(code, content)
    assert caught.value.code in {"manifest.damaged", "export.damaged", "files.too_deep"}


@pytest.mark.parametrize("claims", [{"files": 0}, {"files": 2}, {"bytes": 5}, {"links": 1}])
def test_a_list_of_files_has_to_be_what_the_manifest_says(
    code: dict[str, Any], claims: dict[str, int]
) -> None:
    with pytest.raises(code["failures"].StateError, match="manifest says"):
        fetched(code, listed(TOP, entry("a")), **claims)


def node(path: str, kind: str = "file", **changes: object) -> dict[str, Any]:
    name = path.rpartition("/")[2]
    about = {"name": name, "type": kind, "path": path, "mode": 0o644, "mtime": MOMENT}
    return about | ({"size": 0} if kind == "file" else {}) | changes


FOLDER = node("/d", "dir", mode=0o755 | 1 << 31)
LINK = node("/l", "symlink", mode=0o777 | 1 << 27)
HONEST = [node("/a"), FOLDER, node("/d/b"), LINK]


def checked(code: dict[str, Any], nodes: list[dict[str, Any]], *more: tuple[object, ...]) -> int:
    """Compare a snapshot with a list of files; return the largest file."""
    file = io.BytesIO(
        listed(TOP, entry("a"), entry("d", "dir"), entry("d/b"), entry("l", "symlink"), *more)
    )
    restic = SimpleNamespace(listed=lambda _: (it for it in [{"id": "0" * 64}, *nodes]))
    arrival = SimpleNamespace(
        place=SimpleNamespace(name="avatars"), wanted=SimpleNamespace(snapshot="0" * 64)
    )
    largest: int = code["placing"]._check_snapshot(arrival, restic, file)  # noqa: SLF001 - the gate itself
    return largest


def test_a_snapshot_of_just_what_is_listed_is_accepted(code: dict[str, Any]) -> None:
    assert checked(code, HONEST) == 0
    assert checked(code, [*HONEST, node("/z", size=7)], entry("z", size=7)) == 7
    # A file may give rights where it came from; it does not here.
    assert checked(code, [node("/a", mode=0o644 | 1 << 23), *HONEST[1:]]) == 0


@pytest.mark.parametrize(
    "nodes",
    [
        HONEST[:-1],
        [*HONEST, HONEST[0]],
        [*HONEST, node("/device", "dev")],
        [*HONEST, node("/pipe", "fifo")],
        [node("/a", "symlink", mode=0o777), *HONEST[1:]],
        [node("/a", "dev"), *HONEST[1:]],
        [node("/a", size=1), *HONEST[1:]],
        [node("/a", mode=0o666), *HONEST[1:]],
        [node("/a", mtime="1970-01-01T00:00:02Z"), *HONEST[1:]],
        [node("/a", mtime="tomorrow"), *HONEST[1:]],
        # What the path says is not where it is put: a name may hold a path.
        [node("/a", name="../a"), *HONEST[1:]],
        [node("/a", name="d/../a"), *HONEST[1:]],
        [node("/../a"), *HONEST[1:]],
        [*HONEST, node("/l/passwd")],
        [{}, *HONEST],
        [node("/a", mode="x"), *HONEST[1:]],
        [node("/a", size=[]), *HONEST[1:]],
    ],
)
def test_a_snapshot_of_anything_else_is_refused(
    code: dict[str, Any], nodes: list[dict[str, Any]]
) -> None:
    with pytest.raises(code["failures"].StateError) as caught:
        checked(code, nodes)
    assert caught.value.code == "files.damaged"
    assert not caught.value.is_retryable


def test_names_that_restic_shows_alike_are_only_those_of_files(code: dict[str, Any]) -> None:
    two = [node("/z\ufffd"), node("/z\ufffd")]
    assert checked(code, [*HONEST, *two], entry("z\udcfe"), entry("z\udcff")) == 0
    link = node("/z\ufffd", "symlink", mode=0o777)

    for names in (("z\udcfe", "z\udcff"), ("z\udcff", "z\udcfe"), ("z\udcfe", "z\ufffd")):
        listed_alike = (entry(names[0]), entry(names[1], "symlink"))
        with pytest.raises(code["failures"].StateError, match="two of"):
            checked(code, [*HONEST, two[0], link], *listed_alike)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("kill -9 $$", "memory.missing"),
        ("echo 'fatal error: runtime: out of memory' >&2; exit 2", "memory.missing"),
        ("echo 'Fatal: Connection refused' >&2; exit 1", "staging.unreachable"),
        ("echo 'Fatal: wrong password or no key found' >&2; exit 1", "files.password"),
        ("echo 'Fatal: ciphertext verification failed' >&2; exit 1", "files.damaged"),
        ("echo '[['", "files.damaged"),
        ("echo '[]'", "files.damaged"),
        (f"printf '%0{2**20}d' 7", "files.damaged"),
    ],
)
def test_what_became_of_restic_is_told_apart(
    code: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    expected: str,
) -> None:
    program = tmp_path / "restic"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    access = code["request"].StagingAccess("http://s3", "eu", "b", "", "ID", "secret")
    monkeypatch.setattr(os, "geteuid", lambda: 1)
    restic = code["restic"].Restic(access, "password", tmp_path)

    with pytest.raises(code["failures"].StateError) as caught:
        list(restic.listed("0" * 64))
    assert caught.value.code == expected
    assert caught.value.is_retryable == (expected in {"memory.missing", "staging.unreachable"})
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


@pytest.mark.parametrize(
    "content",
    [
        NESTED.encode(),
        b'{"facts": ' + NESTED.encode() + b"}",
        b"[]," * 2**23,
        b"7" * 5000,
        b'{"a": NaN}',
        b"\xff\xfe",
        b'"\\ud800"',
    ],
)
def test_json_that_means_harm_is_no_manifest_and_no_request(
    code: dict[str, Any], content: bytes
) -> None:
    with pytest.raises(code["failures"].StateError) as caught:
        code["manifest"].read(content)
    assert caught.value.code == "manifest.damaged"
    with pytest.raises(code["failures"].RequestError):
        code["request"].read("garden", "status", content.decode("latin-1"))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("databases", 0, "tables", 0, "chunks", 0, "raw_bytes"), 2**40),
        (("databases", 0, "tables", 0, "chunks", 0, "bytes"), 2**40),
        (("databases", 0, "tables", 0, "rows"), 10**100),
        (("databases", 0, "tables", 0, "name"), "half \ud800"),
        (("databases", 0, "name"), "half \ud800"),
        (("databases", 0, "sequences", 0, "last_value"), 2**64),
        (("paths", 0, "files"), -1),
    ],
)
def test_a_manifest_that_claims_too_much_is_refused(
    code: dict[str, Any], place: tuple[str | int, ...], value: object
) -> None:
    sample = state_sample.changed(place, value)

    with pytest.raises(code["failures"].StateError, match=str(place[-1])):
        code["manifest"].read(json.dumps(sample).encode())


def test_a_schema_of_many_pieces_is_refused(code: dict[str, Any]) -> None:
    sample: Any = json.loads(SAMPLE.read_text(encoding="utf-8"))
    [chunk] = sample["databases"][0]["pre_data"]
    sample["databases"][0]["pre_data"] = [chunk | {"raw_bytes": 2**24}] * 3

    with pytest.raises(code["failures"].StateError, match="pre_data"):
        code["manifest"].read(json.dumps(sample).encode())


def test_facts_that_are_very_deep_are_refused(code: dict[str, Any]) -> None:
    sample = json.loads(SAMPLE.read_text(encoding="utf-8"))
    sample["facts"] = {"a": json.loads("[" * 100 + "]" * 100)}

    with pytest.raises(code["failures"].StateError, match="facts"):
        code["manifest"].read(json.dumps(sample).encode())


@pytest.mark.parametrize("asked", [NESTED.encode(), b"\xff", b"7" * 2**21, b'"\\ud800"'])
def test_the_last_line_is_always_one_of_json(asked: bytes) -> None:
    argv = (sys.executable, "-B", str(CODE / "fediversity-state"), "status", "garden")

    done = subprocess.run(argv, input=asked, capture_output=True, check=False)

    assert done.returncode == 2
    assert not done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["error"]["code"] == "request.invalid"
