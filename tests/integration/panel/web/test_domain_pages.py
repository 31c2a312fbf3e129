"""Domains as pages: what to set, who said what, and a look that works without scripts."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from services.panel.domain.identity import Role
from shared import ids
from tests.support import panel as rigs
from tests.support.domain_scene import let_time_pass
from tests.support.name_server import NameServer, serving

if TYPE_CHECKING:
    from tests.support.panel import PanelRig

pytestmark = pytest.mark.asyncio(loop_scope="session")
EDGE = "127.0.0.1"


async def test_a_record_is_seen_to_be_missing_and_then_to_be_right(panel: PanelRig) -> None:
    name, domain = f"Operator {ids.new_id()}", f"{ids.new_id()}.fedi.test"
    person = await panel.session(operator=name)
    own = NameServer(zone=domain)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(panel.operator(named=name))
        await rigs.create(client, domain)
        for port in (panel.authority_port, *panel.resolver_ports):
            await stack.enter_async_context(serving(own, port))
        pages = await stack.enter_async_context(person.browser())
        path = f"/domains/{domain}"
        before = (await pages.get(path)).text
        looked = await pages.post(f"{path}/check")
        missing = (await pages.get(path)).text
        own.records = {(f"hello.{domain}", "A"): [EDGE]}
        await let_time_pass(panel, domain)
        await pages.post(f"{path}/check")
        good = (await pages.get(path)).text
        listed = (await pages.get("/domains")).text

    assert "Not looked at yet" in before
    assert (looked.status_code, looked.headers["location"]) == (303, f"{path}#records")
    assert f"Add one where you manage {domain}: host hello, value {EDGE}." in missing
    assert f"ns.{domain}" in missing
    assert "All is set" in good
    assert domain in listed
    assert "All is set" in listed


async def test_who_may_only_look_is_not_offered_to_ask(panel: PanelRig) -> None:
    name = f"Operator {ids.new_id()}"
    viewer = await panel.session(operator=name, role=Role.VIEWER)
    async with panel.operator(named=name) as client, viewer.browser() as pages:
        deployment = await rigs.create(client, f"{ids.new_id()}.fedi.test")
        path = f"/domains/{deployment['domain']}"
        shown = await pages.get(path)
        asked = await pages.post(f"{path}/check")

    assert "Look again" not in shown.text
    assert (shown.status_code, asked.status_code) == (200, 403)
