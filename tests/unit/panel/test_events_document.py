"""What the document on events tells integrators is what happens."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from services.panel.domain.signatures import SigningKeys, headers
from services.panel.domain.webhooks import SCHEDULE_SECONDS
from shared.contracts.happenings import HappeningType, example, meaning

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENT: Final = (Path(__file__).parents[3] / "docs" / "events" / "README.md").read_text()


def worked_example() -> Callable[[dict[str, str], bytes, str], bool]:
    [code] = re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - our own document
    found: Callable[[dict[str, str], bytes, str], bool] = names["is_genuine"]
    return found


def test_the_worked_example_verifies_what_panel_signs() -> None:
    is_genuine = worked_example()
    old, new = SigningKeys.new(), SigningKeys.new()
    body = example(HappeningType.RUN_FAILED).model_dump_json().encode()
    now = int(time.time())
    signed = headers([new, old], "01k9", now, body)
    late = headers([new], "01k9", now - 301, body)

    for keys in (old, new):
        assert is_genuine(signed, body, keys.secret.get_secret_value())
    assert not is_genuine(signed, body + b" ", new.secret.get_secret_value())
    assert not is_genuine(signed, body, SigningKeys.new().secret.get_secret_value())
    assert not is_genuine(late, body, new.secret.get_secret_value())


def test_every_type_is_listed_with_its_meaning() -> None:
    _, _, arrives = DOCUMENT.partition("### What arrives")
    table, _, _ = arrives.partition("###")
    listed = dict(re.findall(r"^\| `([a-z.]+)` \| (.+) \|$", table, re.MULTILINE))

    assert listed == {kind.value: meaning(kind) for kind in HappeningType}


def test_the_pauses_are_those_that_are_made() -> None:
    hours = [f"{it // 3600}" for it in SCHEDULE_SECONDS if it >= 3600]

    assert SCHEDULE_SECONDS[:4] == (0, 5, 300, 1800)
    said = f"after 5 s, 5 min, 30 min, {', '.join(hours[:-1])} and {hours[-1]} h"
    assert said in " ".join(DOCUMENT.split())
