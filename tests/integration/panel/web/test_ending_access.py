"""What lets somebody in is not ended by one click: it is named first, and asked about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from services.panel.domain.identity import Role
from tests.support import pages as forms
from tests.support.forms import submitted
from tests.support.signing_in import add_app, with_password

if TYPE_CHECKING:
    from tests.support.panel import PanelRig

TOKENS = "/account/tokens"
CODES = "/account/recovery-codes"


async def test_a_token_is_named_before_it_is_revoked(panel: PanelRig) -> None:
    owner = await panel.session()
    editor = await panel.session(operator=owner.operator, role=Role.EDITOR)
    form = {"name": "deploys <b>at night", "scopes": ["deployments:read"]}
    async with owner.browser() as browser, editor.browser() as theirs:
        await theirs.post(TOKENS, data=form)
        [question] = re.findall(rf'href="({TOKENS}/\w+/revoke)"', await forms.read(browser, TOKENS))
        asked = await forms.read(browser, question)
        before = await forms.read(theirs, TOKENS)
        done = await forms.follow(browser, question)
        after = await forms.read(theirs, TOKENS)

    assert "deploys <b>at night" in forms.text_of(asked)
    assert "deploys &lt;b&gt;at night" in asked
    assert "at night" in before
    assert done == f"{TOKENS}?done=1"
    assert "at night" not in after


async def test_recovery_codes_are_renewed_when_that_is_wanted_and_only_once(
    panel: PanelRig,
) -> None:
    login = await with_password(panel)
    _, [printed, *_] = await add_app(login)
    async with login.person.browser() as browser:
        asked = await forms.read(browser, CODES)
        kept = await login.give_code(printed)
        pairs = submitted(asked, CODES)
        shown = await forms.post(browser, CODES, pairs)
        reloaded = await forms.post(browser, CODES, pairs)
        told = await forms.read(browser, reloaded.headers["location"])
    first, second, *_ = re.findall(r"<li><code>([0-9a-z-]+)</code>", shown.text)
    fresh = [(await login.give_code(it)).status_code for it in (first, second)]

    assert "will open nothing any more" in asked
    assert kept.status_code == 303
    assert shown.status_code == 200
    assert reloaded.headers["location"] == "/account/security?done=codes"
    assert "shown that once" in told
    assert fresh == [303, 303]
