"""Whatever people do is told in words that can be translated."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from services.panel.domain.runs import RunKind
from services.panel.web.presenters.activity import NAMES, SENTENCES

PANEL: Final = Path(__file__).resolve().parents[4] / "services" / "panel"
NAMED: Final = re.compile(r'(?:Deed\(|_write_down\(tx, caller, )\s*"([a-z_]+\.[a-z_]+)"')
DETAILS: Final = re.compile(r"Deed\([^{}()]*\{([^}]*)\}")
AS_THEY_ARE: Final = frozenset({"deployment", "deployments", "applications", "storage_gib"})
"""Details that name an id or a number of quotas, which nobody translates."""


def test_every_deed_has_a_sentence() -> None:
    done = {it for text in sources() for it in NAMED.findall(text)}
    done |= {f"{it.value}.requested" for it in RunKind}

    assert len(done) > 30
    assert done - SENTENCES.keys() == set()


def test_every_detail_of_a_deed_has_a_name() -> None:
    told = {
        name
        for text in sources()
        for details in DETAILS.findall(text)
        for name in re.findall(r'"([a-z_]+)":', details)
    }

    assert told
    assert told - NAMES.keys() - AS_THEY_ARE == set()


def sources() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted(PANEL.rglob("*.py"))]
