"""However much an export lists, and however it is named: what is kept in mind of it has a bound."""

from __future__ import annotations

import io
import json
import os
import tracemalloc
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.modules import imported
from tests.support.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CODE = ROOT / "nix/state"
MANY = 3000
LONG = "/".join(["f" * 255] * 15)
"""A path that leaves room for a short name."""
MIB = 2**20


@pytest.fixture(scope="module", autouse=True)
def code() -> Iterator[dict[str, Any]]:
    with imported(CODE, sorted(it.stem for it in CODE.glob("*.py"))) as found:
        yield found


def line(path: str, kind: str = "file", owner: str = "a") -> bytes:
    mode = {"file": 0o644, "dir": 0o755}.get(kind, 0o777)
    return json.dumps([path, kind, mode, 0, 0, "", owner, owner]).encode() + b"\n"


def way(path: str) -> Iterator[bytes]:
    """Yield the lines of a path's folders."""
    parts = path.split("/")
    yield from (line("/".join(parts[:end]), "dir") for end in range(1, len(parts) + 1))


def peak(do: Callable[[], object]) -> int:
    """Return how many bytes were in use at the most, of those that something asked for."""
    tracemalloc.start()
    try:
        do()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def read(code: dict[str, Any], lines: Iterator[bytes], claimed: int = 10**6) -> int:
    """Read a list of files as an import does; say how many entries it had."""
    return sum(1 for _ in code["listings"]._checked(lines, claimed))  # noqa: SLF001 - the gate itself


@pytest.mark.parametrize(
    "path",
    [
        *("a" * 256, "ö" * 128, "\udcff" * 256, "d/" + "a" * 256 + "/b"),
        *(f"{LONG}/{'a' * 256}", f"{LONG}/{'a' * 200}/{'a' * 60}"),
    ],
)
def test_a_path_that_no_system_opens_is_refused(code: dict[str, Any], path: str) -> None:
    with pytest.raises(code["failures"].StateError, match="make it shorter") as caught:
        code["listings"].parsed(line(path), "line 0")
    assert caught.value.code == "files.too_long"
    assert len(caught.value.message) < 1000


@pytest.mark.parametrize("path", ["a" * 255, "ö" * 127, "\udcff" * 255, f"{LONG}/{'a' * 255}"])
def test_the_longest_path_is_read(code: dict[str, Any], path: str) -> None:
    assert code["listings"].parsed(line(path), "line 0").path == path
    assert len(line(path)) < code["listings"].LONGEST_LINE


def test_an_owner_has_a_name_of_some_length(code: dict[str, Any]) -> None:
    with pytest.raises(code["failures"].StateError, match="owner"):
        code["listings"].parsed(line("a", owner="a" * 257), "line 0")


def test_folders_that_were_listed_are_not_kept_in_mind(code: dict[str, Any]) -> None:
    def lines() -> Iterator[bytes]:
        yield line(".", "dir")
        yield from way(LONG)
        yield from (line(f"{LONG}/{number:06}", "dir") for number in range(MANY))

    assert peak(lambda: read(code, lines())) < MIB < MANY * len(LONG)


def test_a_folder_is_known_until_all_in_it_can_have_come(code: dict[str, Any]) -> None:
    paths = ["a", "a!", "a!!", "a!!/x", "a!/x", "a-b", "a/b", "a/b!", "a/b/c", "a/b/c/d", "b"]
    lines = [line(".", "dir"), *(line(it, "dir") for it in paths)]

    assert read(code, iter(lines)) == len(lines)
    for late in ("a!/y", "a/z/x"):
        with pytest.raises(code["failures"].StateError):
            read(code, iter([*lines[:-1], line(late)]))


def test_names_that_restic_shows_alike_are_not_kept_in_mind(code: dict[str, Any]) -> None:
    entries = [
        code["trees"].Entry(f"\udcff{'a' * 200}{n:06}", "file", 0, 0, 0) for n in range(MANY)
    ]
    file = io.BytesIO("".join(it.full_line for it in entries).encode())
    arrival = SimpleNamespace(place=SimpleNamespace(name="avatars"))

    assert peak(lambda: code["placing"]._awaited(arrival, file)) < 300 * MANY  # noqa: SLF001 - the gate itself


def test_who_owned_what_is_not_kept_in_mind(code: dict[str, Any]) -> None:
    trees, chunks = code["trees"], code["chunks"]
    content = line(".", "dir") + b"".join(
        line(f"{number:06}", owner=f"{number:0250}") for number in range(MANY)
    )
    summary = trees.Summary()
    for it in content.splitlines():
        summary.add(trees.Entry(*json.loads(it)))
    packed = chunks.zlib.compress(content, 1, 31)
    digest = chunks.hashlib.sha256(packed).hexdigest()
    chunk = code["manifest"].Chunk(f"chunks/{digest}", len(packed), len(content))
    about = {"files": MANY, "folders": 0, "links": 0, "bytes": 0}
    tree = code["manifest"].Tree(
        *("avatars", "/avatars", "", (), True),
        **about,
        fingerprint=summary.fingerprint,
        listing=(chunk,),
    )
    bucket = SimpleNamespace(find=lambda *_: packed)

    with Path(os.devnull).open("wb") as file:
        used = peak(lambda: code["listings"].fetch(bucket, tree, file))

    assert used < 2 * len(content) + MIB // 4


def test_what_is_beside_a_way_is_kept_in_mind_by_its_name_alone(
    code: dict[str, Any], tmp_path: Path
) -> None:
    deep = tmp_path.joinpath(*LONG.split("/")[:14])
    deep.mkdir(parents=True)
    for number in range(MANY):
        (deep / f"{number:06}").touch()
    top = os.open(tmp_path, os.O_RDONLY)
    seen: list[str] = []

    def walk() -> None:
        for it in code["trees"].walked(top, (), seen.append):
            assert len(it.path) < 4096

    try:
        assert peak(walk) < MIB < MANY * len(LONG)
    finally:
        os.close(top)
    assert not seen


def test_a_path_of_our_own_that_nobody_could_bring_back_is_named(
    code: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = Path("f" * 255)
    for _ in range(17):
        name.mkdir()
        # As a whole it is too long for any call.
        os.chdir(name)
    number = os.open(tmp_path, os.O_RDONLY)

    try:
        with pytest.raises(code["failures"].StateError, match="make it shorter") as caught:
            list(code["trees"].walked(number, (), print))
    finally:
        os.close(number)
    assert caught.value.code == "files.too_long"


def test_names_in_a_message_are_short(code: dict[str, Any]) -> None:
    found = [code["trees"].Entry(f"{LONG}/{it}", "file", 0, 0, 0) for it in "ab"]

    names = code["listings"].different([], found, print)

    assert all(len(it) <= code["trees"].NAMED for it in names)


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"bytes": 2**62}, "bytes"),
        ({"listing": 2**62}, "bytes"),
        ({"files": 2**62}, "files, folders and links"),
        ({"folders": 2**62}, "files, folders and links"),
    ],
)
def test_what_an_export_claims_has_to_fit(
    code: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    claims: dict[str, int],
    message: str,
) -> None:
    # Some file systems have no limit to the number of files, perhaps that of this computer.
    disk = SimpleNamespace(f_bavail=2**30, f_frsize=4096, f_files=2**20, f_favail=2**20)
    monkeypatch.setattr(os, "statvfs", lambda _: disk)
    numbers = {"files": 1, "folders": 0, "links": 0, "bytes": 1, "listing": 1} | claims
    listing = (SimpleNamespace(raw_bytes=numbers.pop("listing")),)
    arrival = SimpleNamespace(wanted=SimpleNamespace(listing=listing, **numbers))
    plan = SimpleNamespace(paths=(arrival,), databases=())

    with pytest.raises(code["failures"].StateError, match=message) as caught:
        code["importing"]._check_room(plan, SimpleNamespace(scratch=tmp_path))  # noqa: SLF001 - the gate itself
    assert caught.value.code == "space.missing"
    assert "make the machine's disk larger" in caught.value.message
