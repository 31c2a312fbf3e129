"""What a person is told to type can be typed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from shared import program

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_program_is_named_from_the_folder_where_the_person_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setenv("PATH", "/usr/bin")

    monkeypatch.chdir(tmp_path)

    assert program.typed() == ".venv/bin/fediversity"


def test_the_program_is_named_alone_where_a_shell_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = tmp_path / "fediversity"
    found.touch(mode=0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))

    assert program.typed() == "fediversity"


def test_a_program_elsewhere_is_named_with_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.chdir(tmp_path / "elsewhere")

    assert program.typed() == str(tmp_path / "bin" / "fediversity")
