"""Copy what browsers load from other projects into the panel, exactly as its authors packed it.

python scripts/vendor.py        needs npm; run it after a change of PACKAGES or ICONS, and commit

Each package is pinned by its version and by the digest of its archive. The manifest beside the
files says where each came from; a test compares it with the files.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

VENDOR: Final = Path(__file__).resolve().parents[1] / "services/panel/web/static/vendor"


@dataclass(frozen=True, kw_only=True)
class Package:
    """One package of another project, and which of its files are copied where."""

    name: str
    version: str
    licence: str
    sha512: str
    files: dict[str, str]


FONTS: Final = "@fontsource-variable/atkinson-hyperlegible"
LUCIDE: Final = "lucide-static"
PACKAGES: Final = (
    Package(
        name="htmx.org",
        version="4.0.1",
        licence="0BSD",
        sha512="oF7JgXhDW9UXCy/k1ZYFUQgzu/rm19ORWPSPNL91vPluB2PB9+MV55tyQdH/w7o2EAbTYUG5SDW1R60mdkdqGg==",
        files={
            "dist/htmx.min.js": "htmx/htmx.min.js",
            "dist/ext/hx-sse.min.js": "htmx/hx-sse.min.js",
            "LICENSE": "htmx/LICENSE.txt",
        },
    ),
    Package(
        name=f"{FONTS}-next",
        version="5.3.0",
        licence="OFL-1.1",
        sha512="UnLzNUy1RWoLDfydAatP4NaRm99X/WbQEph7q/PymJnCFIOOwKOx3pBmp5ys8trO0dM+CKGuJgeZP9fAR4mQpA==",
        files={
            "files/atkinson-hyperlegible-next-latin-wght-normal.woff2": "fonts/text.woff2",
            "files/atkinson-hyperlegible-next-latin-ext-wght-normal.woff2": "fonts/text-ext.woff2",
            "LICENSE": "fonts/LICENSE-text.txt",
        },
    ),
    Package(
        name=f"{FONTS}-mono",
        version="5.3.0",
        licence="OFL-1.1",
        sha512="0IbthhO18EEpLe69h+cmrsxCkl4yk80gMk+fAN3+9M5zQvoR1JlkzoJRR6U9/UXLYpVBGEXu+Md2LO8TIp30dw==",
        files={
            "files/atkinson-hyperlegible-mono-latin-wght-normal.woff2": "fonts/mono.woff2",
            "LICENSE": "fonts/LICENSE-mono.txt",
        },
    ),
    Package(
        name=LUCIDE,
        version="1.62.0",
        licence="ISC",
        sha512="WBZA/m2PvkFpMGHDtsBck5P2A9G4ehLlYu4GwwICcmEm1BvYVgj00lCDxKRWLlbMlOibLaiwdQ88G5pHkSWgwA==",
        files={"LICENSE": "icons/LICENSE.txt"},
    ),
)
ICONS: Final = (
    *("archive", "archive-restore", "arrow-left", "arrow-right", "ban", "bell", "boxes"),
    *("building-2", "check", "chevron-down", "chevron-left", "chevron-right", "circle"),
    *("circle-alert", "circle-check", "circle-dashed", "circle-dot", "circle-pause"),
    *("circle-play", "circle-x", "clock", "copy", "database", "download", "external-link"),
    *("eye", "file-text", "funnel", "globe", "hard-drive", "history", "hourglass", "info"),
    *("key-round", "languages", "layers", "layout-grid", "life-buoy", "link", "list"),
    *("loader-circle", "lock", "log-out", "mail", "menu", "minus", "monitor", "moon"),
    *("pause", "pencil", "play", "plus", "power", "qr-code", "refresh-cw", "rotate-cw"),
    *("search", "send", "server", "settings", "shield-check", "smartphone", "sun"),
    *("sun-moon", "terminal", "trash-2", "triangle-alert", "user", "user-plus", "users"),
    *("wand-sparkles", "webhook", "wifi-off", "wrench", "x"),
)
SPRITE: Final = "icons/icons.svg"
_DRAWING: Final = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)


def main() -> None:
    """Fetch, verify and copy every package, and write the manifest."""
    entries = []
    for package in PACKAGES:
        with tempfile.TemporaryDirectory() as folder:
            opened = _fetched(package, Path(folder))
            found = {to: (opened / name).read_bytes() for name, to in package.files.items()}
            if package.name == LUCIDE:
                found[SPRITE] = _sprite(opened / "icons").encode()
        entries.append(_kept(package, found))
    text = json.dumps({"packages": entries}, indent=2) + "\n"
    (VENDOR / "manifest.json").write_text(text, encoding="utf-8")


def _fetched(package: Package, folder: Path) -> Path:
    """Return where the archive of a package was opened, after its digest was checked."""
    argv = ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
    subprocess.run(argv, cwd=folder, check=True, capture_output=True)  # noqa: S603 - all of it is ours
    [archive] = folder.glob("*.tgz")
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != package.sha512:
        sys.exit(f"vendor: {package.name} {package.version} is not what was pinned: {digest}")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder / "package"


def _sprite(icons: Path) -> str:
    """Return one file with every icon that the pages use, each under its name."""
    symbols = []
    for name in ICONS:
        drawing = _DRAWING.search((icons / f"{name}.svg").read_text(encoding="utf-8"))
        if drawing is None:
            sys.exit(f"vendor: {name}.svg holds no drawing")
        lines = "".join(it.strip() for it in drawing.group(1).splitlines())
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{lines}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def _kept(package: Package, found: dict[str, bytes]) -> dict[str, object]:
    """Write the files of a package, and return what the manifest says of it."""
    for name, content in found.items():
        path = VENDOR / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return {
        "name": package.name,
        "version": package.version,
        "licence": package.licence,
        "archive_sha512": package.sha512,
        "files": {
            name: hashlib.sha256(content).hexdigest() for name, content in sorted(found.items())
        },
    }


if __name__ == "__main__":
    main()
