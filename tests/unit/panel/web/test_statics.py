"""What pages load beside themselves, and where it came from."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

import pytest
from starlette.requests import Request

from services.panel.web.statics import STATIC, STYLESHEET, Statics
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


async def test_every_style_sheet_is_sent_after_the_one_that_orders_them() -> None:
    request = Request(
        {"type": "http", "query_string": b"", "path_params": {"name": STYLESHEET}, "headers": []}
    )

    sent = bytes((await Statics().serve(request)).body).decode()

    sheets = sorted((STATIC / "css").glob("*.css"))
    assert all(path.read_text(encoding="utf-8") in sent for path in sheets)
    assert sent.startswith((STATIC / "css" / "tokens.css").read_text(encoding="utf-8"))


def test_an_address_changes_with_the_content() -> None:
    assert "?v=" in Statics().address(STYLESHEET)


def test_a_file_that_is_not_there_has_no_address() -> None:
    with pytest.raises(errors.FaultError):
        Statics().address("css/missing.css")
