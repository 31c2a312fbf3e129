"""The standalone system as an expression: a pure function of its arguments."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from services.deployer.adapters.nix import Nix
from tests.support import systems
from tests.support.servers import require
from tests.support.tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path

AWKWARD = 'it\'s "quoted", $HOME `id` \\n'


def evaluated(expression: str) -> object:
    require("nix-instantiate", "nix-bin")
    argv = ("nix-instantiate", "--eval", "--json", "--strict", "--expr", expression)
    environment = os.environ | dict(Nix(store=None).environment)
    done = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("text", ["plain", "", AWKWARD, "'", "a\nb"])
def test_a_quoted_text_is_one_word_for_a_shell(text: str) -> None:
    argument = json.dumps(text).replace("$", "\\$")
    quoted = evaluated(f"(import {ROOT}/nix/lib/shell.nix).quote {argument}")

    done = subprocess.run(
        ("/bin/sh", "-c", f"printf %s {quoted}"), stdout=subprocess.PIPE, check=True
    )

    assert done.stdout.decode() == text


def test_the_same_arguments_give_the_same_system(root: Path) -> None:
    first, second = (systems.built(root, {"one": "true"}).path for _ in range(2))

    assert first == second
    assert systems.built(root, {"one": "true"}, note="other").path != first


def test_the_empty_system_is_what_no_arguments_give(root: Path) -> None:
    empty = systems.built(root, {}, deployment="")

    assert (empty.path / "order").read_text() == ""
    assert (empty.path / "deployment").read_text() == "\n"
    assert (empty.path / "activate").is_file()
    assert empty.run("switch-to-configuration", "switch").returncode == 0
    assert empty.file("run/current-system").resolve() == empty.path


def test_a_command_reaches_its_unit_as_it_was_written(root: Path) -> None:
    script = f"printf %s {shlex.quote(AWKWARD)} > $1/words; sleep 60"
    system = systems.built(root, {"one": script})
    system.run("switch-to-configuration", "test")
    system.permit()
    words = system.file("var/lib/applications/thing/words")

    assert system.run("units", "start").returncode == 0

    assert systems.soon(lambda: words.exists() and words.read_text() == AWKWARD)


def test_boot_and_dry_activate_leave_the_running_system_alone(root: Path) -> None:
    system = systems.built(root, {"one": "true"})

    for verb in ("boot", "dry-activate"):
        assert system.run("switch-to-configuration", verb).returncode == 0
    assert not system.file("run/current-system").exists()
    assert system.run("switch-to-configuration", "sideways").returncode == 2


def test_a_system_with_an_application_brings_what_carries_its_state(root: Path) -> None:
    system = systems.built(root, {"one": "true"})
    program = system.path / "bin" / "fediversity-state"

    # With the modules beside it, also those it shares with others, and told nothing.
    assert (program.resolve().parent / "signing.py").is_file()
    done = subprocess.run(
        (sys.executable, program.resolve()), input=b"", capture_output=True, check=False
    )

    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "request.invalid"
    assert not (systems.built(root, {}, deployment="").path / "bin" / "fediversity-state").exists()
