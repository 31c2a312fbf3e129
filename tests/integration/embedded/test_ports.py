"""Ports are found once and kept; who holds one is named."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from shared import errors
from shared.embedded import ports


def test_ports_are_kept_and_new_names_get_new_ones(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first = dict(ports.allocate(file, ("nats", "objects")))
    second = dict(ports.allocate(file, ("nats", "objects", "edge")))

    assert {name: second[name] for name in first} == first
    inner = range(first["objects"], first["objects"] + ports.OBJECTS_COUNT)
    assert second["edge"] not in inner
    assert second["nats"] not in inner


def test_a_preferred_port_that_is_taken_is_passed_over(tmp_path: Path) -> None:
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            stranger.bind(("127.0.0.1", ports.PREFERRED["front"]))
            stranger.listen()
        except OSError:
            assert not ports.is_free(ports.PREFERRED["front"])

        chosen = ports.allocate(tmp_path / "ports.json", ("front",))

    assert chosen["front"] != ports.PREFERRED["front"]


def test_what_another_process_chose_is_left_to_it_until_it_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    only = range(ports.free(), ports.SINGLE.stop)[:1]
    ports.release()
    monkeypatch.setattr(ports, "SINGLE", only)
    choosing = f"""from shared.embedded import ports
ports.SINGLE = {only!r}
print(ports.free(), flush=True)
input()"""

    with subprocess.Popen(
        [sys.executable, "-c", choosing], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert int(other.stdout.readline()) == only.start
        with pytest.raises(errors.UnavailableError, match="no 1 free ports"):
            ports.free()
        other.communicate("\n")

    assert ports.free() == only.start


async def test_who_listens_on_a_port_is_named() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        assert f"(pid {os.getpid()})" in (ports.listener(port) or "")
        with pytest.raises(errors.ConflictError, match=f"port {port} \\(edge\\) is taken"):
            await ports.require_free("edge", port)

    await ports.require_free("edge", port)
