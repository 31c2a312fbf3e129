"""What operators may have so many of: whoever counts waits for whoever else does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from services.panel.domain.drafts import MOST_DRAFTS
from services.panel.domain.invitations import MOST_OPEN
from services.panel.domain.tokens import MOST
from tests.support import panel as rigs

if TYPE_CHECKING:
    from tests.support.panel import PanelRig

TOKENS = """
insert into tokens (id, person, operator, name, digest, scopes)
select 't' || $1::text || n, $1, $2, 'x', sha256(($1::text || n)::bytea), '{}'
from generate_series(1, $3) n
"""
INVITATIONS = """
insert into invitations (id, operator, role, email, digest, invited_by, expires_at)
select 'i' || $1::text || n, $2, 'viewer', 'x', sha256(($1::text || n)::bytea), $1, now() + '1 day'
from generate_series(1, $3) n
"""
DRAFTS = """
insert into drafts (id, operator, domain, saved_by)
select 'd' || $1::text || n, $2, $1::text || n || '.localhost', $1 from generate_series(1, $3) n
"""


@pytest.mark.parametrize(
    ("address", "form", "others", "most"),
    [
        ("/account/tokens", {"name": "x", "scopes": "deployments:read", "days": "7"}, TOKENS, MOST),
        ("/people/invitations", {"email": "a@a.example", "role": "viewer"}, INVITATIONS, MOST_OPEN),
        ("/deployments/new", {"domain": rigs.a_domain()}, DRAFTS, MOST_DRAFTS),
    ],
)
async def test_what_others_add_meanwhile_is_counted(
    panel: PanelRig, address: str, form: dict[str, str], others: str, most: int
) -> None:
    person = await panel.session()
    async with person.browser() as pages, panel.database() as database:
        async with database.transaction() as tx:
            operator = await tx.fetchval(
                "select operator from memberships where person = $1", person.person
            )
            await tx.execute("select 1 from operators where id = $1 for no key update", operator)
            asked = asyncio.create_task(pages.post(address, data=form))
            await asyncio.sleep(0.5)
            await tx.execute(others, person.person, operator, most)
        answer = await asyncio.wait_for(asked, rigs.SOON)

    assert answer.status_code in {409, 422}, answer.text
