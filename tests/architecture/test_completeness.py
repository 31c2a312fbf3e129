"""The plugin that counts tests keeps every one of them in CI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PASSES: Final = "def test_one():\n    pass\n"
PLANTED: Final = {
    "skip": "import pytest\ndef test_one():\n    pytest.skip('no machine')\n",
    "module": "import pytest\npytest.skip('no machine', allow_module_level=True)\n",
    "xfail": "import pytest\n@pytest.mark.xfail(strict=False)\ndef test_one():\n    assert False\n",
}


def run(folder: Path, text: str, *options: str, ci: str) -> tuple[int, str]:
    planted = folder / "test_planted.py"
    planted.write_text(text)
    plugins = ("-p", "tests.support.completeness", "-p", "no:randomly", "-p", "no:cacheprovider")
    argv = (sys.executable, "-m", "pytest", *plugins, f"--rootdir={folder}", "-c", os.devnull)
    clean = {name: it for name, it in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        (*argv, str(planted), *options),
        cwd=ROOT,
        env=clean | {"CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_passing_test_passes_and_is_counted(tmp_path: Path) -> None:
    status, seen = run(tmp_path, PASSES, ci="true")

    assert status == 0, seen
    assert "elsewhere: 1 passed" in seen


def test_figures_reach_the_end_of_the_output(tmp_path: Path) -> None:
    tells = "def test_one(record_property):\n    record_property('figure', 'killed: 9')\n"

    _, seen = run(tmp_path, tells, "-n", "1", ci="true")

    assert "killed: 9" in seen.partition("figures")[2]
    assert "1 passed" in seen.splitlines()[-1]


@pytest.mark.parametrize("kind", PLANTED)
def test_a_test_that_is_left_out_fails_in_ci(tmp_path: Path, kind: str) -> None:
    status, seen = run(tmp_path, PLANTED[kind], ci="true")

    assert status != 0, seen
    assert "nothing is left out in CI" in seen


def test_a_skip_is_a_skip_elsewhere(tmp_path: Path) -> None:
    status, seen = run(tmp_path, PLANTED["skip"], ci="")

    assert status == 0, seen
    assert "elsewhere: 1 skipped" in seen


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_deselected_test_fails_in_ci(tmp_path: Path, workers: str) -> None:
    both = PASSES + PASSES.replace("one", "two")

    status, seen = run(tmp_path, both, "-k", "two", "-n", workers, ci="true")

    assert status != 0, seen
    assert "deselected: 1" in seen
