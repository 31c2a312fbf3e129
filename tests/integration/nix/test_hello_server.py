"""The web server of the application hello, under visitors who mean no good."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

from shared.embedded import ports
from tests.support.tree import ROOT

CODE = ROOT / "nix/applications/hello/standalone"
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import server
server.SECONDS = 0.5
server.serve(int(sys.argv[2]), lambda request: server.Answer(200, "here"))
"""


# Says when a visitor is being answered, and answers once it is told to.
SLOW = """
import sys
sys.path.insert(0, sys.argv[1])
import server

def respond(request):
    print("answering", flush=True)
    sys.stdin.readline()
    return server.Answer(200, "here")

server.serve(int(sys.argv[2]), respond)
"""


def test_a_visitor_who_drips_bytes_keeps_nobody_out() -> None:
    port = ports.free()
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(CODE), str(port)]) as process:
        try:
            dripping = [_connected(port) for _ in range(64)]
            for it in dripping:
                it.sendall(b"POST /book HTTP/1.1\r\nhost: x\r\n")
            with _connected(port) as visitor:
                visitor.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
                assert visitor.recv(100).startswith(b"HTTP/1.1 200")
        finally:
            process.kill()
            for it in dripping:
                it.close()


def test_a_visitor_who_goes_on_dripping_is_hung_up_on() -> None:
    port = ports.free()
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(CODE), str(port)]) as process:
        try:
            with _connected(port) as visitor:
                began = time.monotonic()
                visitor.sendall(b"GET / HTTP/1.1\r\n")
                visitor.settimeout(0.1)
                while not _hung_up(visitor):
                    assert time.monotonic() - began < 10
        finally:
            process.kill()


def test_who_is_here_when_it_is_stopped_gets_an_answer() -> None:
    port = ports.free()
    argv = [sys.executable, "-c", SLOW, str(CODE), str(port)]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        try:
            with _connected(port) as visitor:
                visitor.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
                assert process.stdout.readline() == b"answering\n"
                process.terminate()
                _wait_until_closed(port)
                _, said = process.communicate(b"go on\n", timeout=10)
                assert visitor.recv(100).startswith(b"HTTP/1.1 200")
        finally:
            process.kill()
    assert process.returncode == 0
    assert b"Traceback" not in said


def _wait_until_closed(port: int) -> None:
    """Return once nobody can connect any more."""
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=10).close()
        except ConnectionError:
            return
        assert time.monotonic() < deadline


def _hung_up(visitor: socket.socket) -> bool:
    try:
        visitor.sendall(b"a")
        visitor.recv(100)
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


def _connected(port: int) -> socket.socket:
    deadline = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=10)
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
