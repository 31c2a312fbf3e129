"""A checkout sets itself up once, again after a dirty stop, and never twice at a time."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PROJECT: Final = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "planted"
version = "1"

[tool.setuptools]
"""
# The least that can be installed: the real one needs packages from an index.
BACKEND: Final = r"""
import zipfile

FILES = {
    "METADATA": "Metadata-Version: 2.1\nName: planted\nVersion: 1\n",
    "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "RECORD": "",
}

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "planted-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        for file, text in FILES.items():
            wheel.writestr(f"planted-1.dist-info/{file}", text)
    return name
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "bootstrap.py", tmp_path / "scripts")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "backend.py").write_text(BACKEND)
    (tmp_path / "requirements.lock").write_text("# nothing\n")
    return tmp_path


def set_up(checkout: Path) -> str:
    done = subprocess.run(
        (sys.executable, str(checkout / "scripts" / "bootstrap.py")),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_checkout_is_set_up_once_and_again_after_a_dirty_stop(checkout: Path) -> None:
    environment = checkout / ".venv"

    assert "setting up" in set_up(checkout)
    assert set_up(checkout) == ""

    kept = environment / "kept"
    kept.touch()
    (checkout / "requirements.lock").write_text("# nothing else\n")
    assert "setting up" in set_up(checkout)
    assert kept.exists()

    (environment / "complete").unlink()
    assert "setting up" in set_up(checkout)
    assert not kept.exists()
    assert set_up(checkout) == ""


def test_a_second_run_waits_for_the_first(checkout: Path) -> None:
    with (checkout / ".bootstrap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = subprocess.Popen(
            (sys.executable, str(checkout / "scripts" / "bootstrap.py")),
            stderr=subprocess.PIPE,
            text=True,
        )
        with waiting:
            assert waiting.stderr is not None
            said = waiting.stderr.readline()
            waiting.kill()

    assert "waiting" in said
    assert not (checkout / ".venv").exists()
