"""An image holds shared/, its own service with its command, and nothing of the others."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.tree import ROOT, Tree

if TYPE_CHECKING:
    from pathlib import Path

SERVICES: Final = Tree(ROOT).services
LEFT_OUT: Final = shutil.ignore_patterns("__pycache__")


def steps(service: str) -> list[str]:
    text = (ROOT / "services" / service / "Dockerfile").read_text()
    joined = text.replace("\\\n", " ")
    return [line for line in joined.splitlines() if line and not line.startswith("#")]


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_what_is_copied_builds_one_service_alone(service: str, tmp_path: Path) -> None:
    context = tmp_path / "src"
    for step in steps(service):
        if step.startswith("COPY") and not step.split()[-1].startswith("/"):
            _copy(step.split()[1:], context)
    argv = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    subprocess.run((*argv, "--wheel-dir", str(tmp_path), "."), cwd=context, check=True)

    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    held = {match[1] for it in names if (match := re.match(r"services/(\w+)/", it))}
    assert held == {service}
    assert any(it.startswith("shared/contracts/") for it in names)
    for folder in ("shared", f"services/{service}"):
        for schema in (ROOT / folder / "schema").glob("*.sql"):
            assert schema.relative_to(ROOT).as_posix() in names


def test_an_image_installs_by_hash_and_runs_as_nobody(service: str) -> None:
    found = steps(service)

    assert f"-r services/{service}/requirements.lock" in " ".join(found)
    assert all("--require-hashes" in it for it in found if " -r " in it)
    assert found[-2:] == ["USER nobody", f'ENTRYPOINT ["fediversity-{service}"]']


def test_an_image_leaves_no_package_lists_behind(service: str) -> None:
    for step in steps(service):
        if "apt-get" in step:
            assert "--no-install-recommends" in step
            assert step.endswith("rm -rf /var/lib/apt/lists/*")


def _copy(names: list[str], context: Path) -> None:
    *sources, target = names
    for name in sources:
        source = ROOT / name
        to = context / target
        if source.is_dir():
            shutil.copytree(source, to, dirs_exist_ok=True, ignore=LEFT_OUT)
        else:
            to = to / source.name if target.endswith("/") else to
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, to)
