"""What is said when the bucket refuses or is away, and that nothing says a secret."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.embedded import ports
from shared.embedded.servers import seaweedfs
from tests.support import state
from tests.support.servers import throwaway_directory

if TYPE_CHECKING:
    from tests.support.state import Carrier

IMPATIENT = state.limited({"staging.FIRST_PAUSE_SECONDS": 0.01})
# Half a minute in all, however long a store takes to start.
PATIENT = state.limited({"staging.FIRST_PAUSE_SECONDS": 1})
WITHOUT_PACKAGES = "import sys; sys.path = [it for it in sys.path if 'site-packages' not in it]; "


@pytest.fixture
def carrier(blog: Carrier) -> Carrier:
    return blog


@pytest.mark.parametrize("verb", ["export", "import"])
@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("bucket", "no-such-bucket", "staging.bucket_missing"),
        ("access_key_id", "NOBODY", "staging.denied"),
        ("secret_key", "wrong-secret", "staging.denied"),
    ],
)
def test_a_refusal_is_final_and_says_what_to_do(
    carrier: Carrier, verb: str, field: str, value: str, code: str
) -> None:
    staging = carrier.document()["staging"] | {field: value}

    outcome = carrier.run(verb, staging=staging)

    assert outcome.status == 1
    assert outcome.code == code
    assert ";" in outcome.error["message"]
    assert staging["secret_key"] not in json.dumps(outcome.lines)


@pytest.mark.parametrize("verb", ["export", "import"])
def test_a_store_that_is_away_is_asked_for_again(carrier: Carrier, verb: str) -> None:
    endpoint = f"http://127.0.0.1:{ports.free()}"

    staging = carrier.document()["staging"] | {"endpoint": endpoint}
    outcome = carrier.run(verb, before=IMPATIENT, staging=staging)

    assert outcome.status == 75
    assert outcome.code == "staging.unreachable"


def test_a_place_without_an_export_is_said_to_be_one(carrier: Carrier) -> None:
    carrier.prefix = "nothing/here"

    assert carrier.run("import").code == "export.missing"


async def test_an_export_goes_on_when_the_store_starts_again(carrier: Carrier) -> None:
    rows = "insert into posts select i from generate_series(1, 400000) i"
    await carrier.owned.run_as_owner(carrier.name, rows)
    with throwaway_directory() as path:
        async with seaweedfs.running(path) as store:
            carrier.store = store
            carrier.bucket = await state.create_bucket(store)
            with carrier.started("export", before=PATIENT) as process:
                assert process.stdout is not None
                first = await asyncio.to_thread(process.stdout.readline)
                await store.kill()
                await store.start()
                out, _ = await asyncio.to_thread(process.communicate)
            assert "progress" in json.loads(first)
            assert json.loads(out.splitlines()[-1])["result"]["rows"] == 400100


async def test_no_secret_is_seen_by_anybody_else(carrier: Carrier, tmp_path: Path) -> None:
    carrier.password, carrier.prefix = secrets.token_urlsafe(18), "exports/own"
    seen: set[str] = set()
    is_over = asyncio.Event()

    async def look() -> None:
        while not is_over.is_set():
            seen.update(await asyncio.to_thread(everything_about_processes))

    looking = asyncio.create_task(look())
    said = []
    for verb in ("export", "import", "fingerprint", "status"):
        if verb == "import":
            await carrier.moved_aside()
            aside(tmp_path)
        with carrier.started(verb) as process:
            out, err = await asyncio.to_thread(process.communicate)
            assert process.returncode == 0, (out, err)
            said += [out, err]
    is_over.set()
    await looking
    assert any("--password-file" in it for it in seen)
    assert any("pg_dump" in it for it in seen)
    stored = b"\n".join((await carrier.objects()).values()).decode("latin-1")
    secret_key = carrier.store.access.secret_access_key.get_secret_value()
    for text in (*said, *seen, stored, *left_on_disk(tmp_path)):
        assert carrier.password not in text
        assert secret_key not in text


def aside(tmp_path: Path) -> None:
    (tmp_path / "garden" / "avatars").rename(tmp_path / "before")


def left_on_disk(folder: Path) -> list[str]:
    return [it.read_text("latin-1") for it in folder.rglob("*") if it.is_file()]


def everything_about_processes() -> set[str]:
    """Return arguments of every process, and the environment of those that are the program's."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_text("latin-1")
            found.add(arguments)
            if any(it in arguments for it in ("--password-file", "pg_dump", "fediversity-state")):
                found.add((process / "environ").read_text("latin-1"))
        except OSError:
            continue
    return found


def test_two_runs_for_one_application_do_not_meet(carrier: Carrier) -> None:
    with carrier.started("export") as first:
        assert first.stdout is not None
        first.stdout.readline()
        first.send_signal(signal.SIGSTOP)
        try:
            second = carrier.run("export")
        finally:
            first.send_signal(signal.SIGCONT)
        first.communicate()

    assert first.returncode == 0
    assert second.status == 75
    assert second.code == "application.busy"


@pytest.mark.parametrize("verb", ["export", "status", "fingerprint"])
def test_an_application_without_state_needs_no_package(carrier: Carrier, verb: str) -> None:
    none: dict[str, Any] = {"application": state.APPLICATION, "version": "1.0"}
    program = WITHOUT_PACKAGES + (
        f"sys.path.insert(0, {str(state.CODE)!r}); "
        "import program; sys.exit(program.main(sys.argv[1:]))"
    )

    done = subprocess.run(
        (sys.executable, "-c", program, verb, state.APPLICATION),
        input=json.dumps(carrier.document(manifest=none)),
        env={"PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "result" in json.loads(done.stdout.splitlines()[-1])
