"""What pages load beside themselves, and where it came from."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

import pytest

from services.panel.web.statics import STATIC, STYLES, STYLESHEET, Statics
from shared import errors

VENDOR: Final = STATIC / "vendor"


def manifest() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((VENDOR / "manifest.json").read_text())["packages"]
    return found


def test_every_vendored_file_is_what_the_manifest_says() -> None:
    told = {name: digest for it in manifest() for name, digest in it["files"].items()}
    there = {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }

    assert there == told


def test_every_vendored_package_says_its_version_and_licence() -> None:
    for it in manifest():
        assert it["version"]
        assert it["licence"]
        assert any("LICENSE" in name for name in it["files"])


def test_every_style_sheet_is_sent() -> None:
    assert sorted(STYLES) == sorted(it.stem for it in (STATIC / "css").glob("*.css"))


def test_an_address_changes_with_the_content() -> None:
    assert "?v=" in Statics().address(STYLESHEET)


def test_a_file_that_is_not_there_has_no_address() -> None:
    with pytest.raises(errors.FaultError):
        Statics().address("css/missing.css")
