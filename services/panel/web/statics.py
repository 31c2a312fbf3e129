"""Static files: what pages load beside themselves, read once and named by content.

Style sheets are written by subject and sent as one. An address carries a digest, so that browsers
keep what they have for a year and ask again only for what has changed.
"""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from shared import errors

if TYPE_CHECKING:
    from starlette.requests import Request

STATIC: Final = Path(__file__).parent / "static"
FIRST_STYLES: Final = "tokens"
"""The style sheet that names the layers, whose order decides what wins."""
STYLESHEET: Final = "panel.css"
TYPES: Final = {".woff2": "font/woff2", ".js": "text/javascript", ".css": "text/css"}
FOREVER: Final = "public, max-age=31536000, immutable"
SHORTLY: Final = "public, max-age=3600"
DIGITS: Final = 12


class Statics:
    """Every file under `static`, by name."""

    def __init__(self, folder: Path = STATIC) -> None:
        self._found = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.parent.name != "css"
        }
        sheets = sorted(
            (folder / "css").glob("*.css"), key=lambda it: (it.stem != FIRST_STYLES, it)
        )
        self._found[STYLESHEET] = b"\n".join(path.read_bytes() for path in sheets)
        self._digests = {
            name: hashlib.sha256(content).hexdigest()[:DIGITS]
            for name, content in self._found.items()
        }

    def address(self, name: str) -> str:
        """Return where a page finds a file.

        Raises:
            FaultError: there is no such file.
        """
        if name not in self._digests:
            raise errors.FaultError("statics.missing", f"there is no static file {name}")
        return f"/static/{name}?v={self._digests[name]}"

    async def serve(self, request: Request) -> Response:
        """Answer a request for a file."""
        name = request.path_params["name"]
        if name not in self._found:
            return Response(status_code=404)
        asked = request.query_params.get("v")
        tag = f'"{self._digests[name]}"'
        headers = {
            "Cache-Control": FOREVER if asked == self._digests[name] else SHORTLY,
            "ETag": tag,
        }
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(self._found[name], media_type=_type(name), headers=headers)


def _type(name: str) -> str:
    suffix = Path(name).suffix
    return TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
