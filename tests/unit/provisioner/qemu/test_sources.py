"""The host's own package sources are what images are built from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.provisioner.adapters.qemu import sources
from shared import errors

if TYPE_CHECKING:
    from pathlib import Path

DEB822 = """\
Types: deb
# a note
URIs: https://deb.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc

Types: deb deb-src
URIs: https://deb.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb
URIs: https://vendor.example/
Suites: nodistro
Components: main

Types: deb
Enabled: no
URIs: https://off.example/
Suites: bookworm
Components: main
"""
LINES = """\
# deb https://old.example bookworm main
deb [signed-by=/usr/share/keyrings/debian.gpg arch=amd64] https://deb.example/d bookworm main x
deb-src https://deb.example/debian bookworm main
deb https://vendor.example/apt vendor-bookworm main
"""


def an_apt_folder(path: Path, **files: str) -> Path:
    (path / "sources.list.d").mkdir()
    for name, text in files.items():
        (path / "sources.list.d" / name.replace("__", ".")).write_text(text)
    return path


def test_the_distribution_is_kept_and_vendors_stay_out(tmp_path: Path) -> None:
    found = sources.read(an_apt_folder(tmp_path, debian__sources=DEB822), "bookworm")

    assert found.count("Types:") == 2
    assert "deb.example/debian-security" in found
    assert "vendor.example" not in found
    assert "off.example" not in found
    assert " .\n abc" in found


def test_the_one_line_form_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text(LINES)

    found = sources.read(tmp_path, "bookworm")

    assert found == (
        "Types: deb\nURIs: https://deb.example/d\nSuites: bookworm\n"
        "Components: main x\nSigned-By: /usr/share/keyrings/debian.gpg\n"
    )


def test_a_host_without_that_release_is_told_so(tmp_path: Path) -> None:
    folder = an_apt_folder(tmp_path, debian__sources=DEB822)

    with pytest.raises(errors.InvalidError) as caught:
        sources.read(folder, "trixie")

    assert "trixie main" in caught.value.message
