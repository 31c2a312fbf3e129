"""After deploy, backup, update, restore and removal, no kept secret stands where it must not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chaos.scenes import Restore
from tests.support import scan
from tests.support import stack as stacks

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.scan import CommandLines, Scan
    from tests.support.stack import Stack


async def searched(stack: Stack, values: dict[str, str], lines: CommandLines, after: str) -> Scan:
    """Search for every secret that there was until now, and see that none is anywhere."""
    values |= await scan.secrets_of(stack)
    found = await scan.search(stack, values, lines)
    assert found.found == [], after
    return found


async def test_no_secret_is_left_anywhere_after_any_run(
    record_property: Callable[[str, object], None],
) -> None:
    values: dict[str, str] = {}
    async with stacks.running() as stack, scan.sampled() as lines:
        # Deploys a blog, backs it up, and writes something else.
        scene = Restore(stack, "secrets.localhost")
        await scene.set_up()
        values["first password"] = scene.who[1]
        await searched(stack, values, lines, "deploy and backup")

        change = {"title": "After", "handle": "news"}
        body = {"applications": [{"application": "microblog", "options": change}]}
        path = f"/deployments/{scene.deployment}"
        await stack.answer("POST", f"{path}/configuration", json=body, headers={"If-Match": "*"})
        await stack.succeeds(await stack.deploy(scene.deployment))
        await searched(stack, values, lines, "update")

        await stack.succeeds(await scene.begin())
        whole = await searched(stack, values, lines, "restore")

        (stack.data / "planted.log").write_text(f"Bearer {values['token']}\n", encoding="utf-8")
        planted = await scan.search(stack, values, lines)
        assert [it.secret for it in planted.found] == ["token"]
        (stack.data / "planted.log").unlink()

        assert (await scene.clear()).leaked == 0
        await searched(stack, values, lines, "removal")
    record_property("figure", f"searched for {whole}")
    assert len(whole.values) > 20
    assert min(whole.places.values()) > 0
