"""A new deployment, page by page and without scripts: what is entered, kept, checked, deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.panel.domain.identity import Role
from shared.contracts.panel import DeploymentRequested
from shared.sealing import Unsealer
from tests.support import pages
from tests.support import panel as rigs
from tests.support.eventually import eventually
from tests.support.forms import submitted
from tests.support.visitors import browser as a_browser

if TYPE_CHECKING:
    import httpx2

    from tests.support.panel import PanelRig

SECRET = "correct horse battery"  # noqa: S105 - planted, to be found nowhere


async def begun(browser: httpx2.AsyncClient, domain: str, *applications: str) -> str:
    """Begin a draft with applications, and return its address."""
    place = await pages.follow(browser, "/deployments/new", domain=domain)
    draft = place.removesuffix("/applications")
    await pages.follow(browser, place, application=applications)
    return draft


async def test_a_deployment_is_described_checked_and_deployed(panel: PanelRig) -> None:
    person = await panel.session()
    domain = rigs.a_domain()
    async with person.browser() as browser:
        place = await pages.follow(browser, "/deployments/new", domain=f" {domain.upper()} ")
        options = await pages.follow(browser, place, application=["hello", "notes"])
        second = await pages.follow(browser, options, o__title="Garden", o__languages=["en", "de"])
        check = await pages.follow(
            browser, second, host=f"memo.{domain}", o__password=SECRET, o__text="Hi\r\nthere"
        )
        shown = await pages.read(browser, check)
        before = await panel.stated(DeploymentRequested, check.split("/")[2])
        run = await pages.follow(browser, check, check.replace("/check", "/deploy"))
        again = await browser.get(check.removesuffix("/check"))
        deployment = await pages.read(browser, run)

    assert options.endswith("/applications/hello")
    assert second.endswith("/applications/notes")
    said = pages.text_of(shown)
    for expected in (
        f"Address hello.{domain} Can never change",
        "Title Garden",
        "Languages English, Deutsch",
        f"Address memo.{domain} Can never change",
        "Language English Can never change",
        "Password given, and kept secret",
        "First note Hi there",
        "1 GiB for files",
    ):
        assert expected in said
    assert SECRET not in shown
    assert before == []
    assert run.startswith("/runs/")
    assert again.headers["location"] == run
    assert domain in pages.text_of(deployment)


async def test_a_secret_of_a_draft_reaches_deployer_sealed_and_is_shown_nowhere(
    panel: PanelRig,
) -> None:
    person = await panel.session()
    async with person.browser() as browser:
        draft = await begun(browser, rigs.a_domain(), "notes")
        form = f"{draft}/applications/notes"
        check = await pages.follow(browser, form, o__password=SECRET)
        shown = [await pages.read(browser, it) for it in (check, form)]
        kept = await pages.follow(browser, form, o__text="more")
        run = await pages.follow(browser, kept, f"{draft}/deploy")
        async with panel.database() as database, database.transaction() as tx:
            deployment = await tx.fetchval(
                "select deployment from runs where id = $1", run.rpartition("/")[2]
            )
            rows = await tx.fetch("select applications::text as found from drafts")

        async def is_stated() -> bool:
            return bool(await panel.stated(DeploymentRequested, deployment))

        await eventually(is_stated, within=rigs.SOON)
        [event] = await panel.stated(DeploymentRequested, deployment)

    [ordered] = event["applications"]
    sealed = ordered["sealed_options"]["password"]
    assert Unsealer(panel.deployer_identity).unseal(sealed) == SECRET
    assert ordered["options"]["text"] == "more"
    for text in (*shown, *(row["found"] for row in rows), panel.child.tail(10_000)):
        assert SECRET not in text


@pytest.mark.parametrize(
    ("domain", "said"),
    [
        ("", "domain"),
        ("https://garden.localhost/", "https"),
        ("garden", "."),
        ("panel.demo.localhost", "belongs to this panel"),
        ("a b.localhost", "."),
        ("<script>alert(1)</script>.localhost", "."),
        ("x" * 10_000, "."),
        ("bücher.localhost", "xn--"),
        ("حديقة.localhost", "xn--"),
        ("a\0b.localhost", "."),
    ],
)
async def test_a_domain_that_cannot_be_used_is_told_at_its_field(
    panel: PanelRig, domain: str, said: str
) -> None:
    person = await panel.session()
    async with person.browser() as browser:
        answer = await pages.send(browser, "/deployments/new", domain=domain)

    assert answer.status_code == 422
    [(target, message)] = pages.summary(answer.text)
    assert target == "#domain"
    assert said in message
    assert "<script>alert" not in answer.text
    assert dict(submitted(answer.text, "/deployments/new"))["domain"] == domain.replace(
        "\0", "\ufffd"
    )


async def test_a_domain_of_somebody_else_is_told_before_anything_else_is_asked(
    panel: PanelRig,
) -> None:
    domain = rigs.a_domain()
    person = await panel.session()
    async with panel.operator() as owner, person.browser() as browser:
        await rigs.create(owner, domain)
        answer = await pages.send(browser, "/deployments/new", domain=f"blog.{domain}")

    assert answer.status_code == 422
    assert "used by another operator" in pages.summary(answer.text)[0][1]


async def test_an_application_has_to_be_chosen(panel: PanelRig) -> None:
    person = await panel.session()
    async with person.browser() as browser:
        place = await pages.follow(browser, "/deployments/new", domain=rigs.a_domain())
        none = await pages.send(browser, place)
        unknown = await pages.send(browser, place, application="wordpress")

    assert none.status_code == unknown.status_code == 422
    assert pages.summary(none.text) == [("#application-hello", "Choose at least one application.")]
    assert "There are: hello" in pages.summary(unknown.text)[0][1]


async def test_mistakes_are_told_at_their_fields_and_what_was_entered_is_kept(
    panel: PanelRig,
) -> None:
    person = await panel.session()
    async with person.browser() as browser:
        draft = await begun(browser, rigs.a_domain(), "notes")
        form = f"{draft}/applications/notes"
        answer = await pages.send(
            browser,
            form,
            host="elsewhere.example",
            o__password=["short"],
            o__text="<b>" + "x" * 20_001,
            o__language="fr",
            o__more="1",
        )
        later = await pages.read(browser, form)
        check = pages.text_of(await pages.read(browser, f"{draft}/check"))

    assert answer.status_code == 422
    assert [target for target, _ in pages.summary(answer.text)] == [
        *("#host", "#o-language-1", "#o-password", "#o-text", ""),
    ]
    for page in (answer.text, later):
        entered = dict(submitted(page, form))
        assert entered["host"] == "elsewhere.example"
        assert entered["o.text"].startswith("<b>x")
        assert entered["o.password"] == ""
    assert "enter them again" in answer.text
    assert "Its form is not complete yet." in check
    assert "Discard this draft" in check
    assert "Deploy Discard" not in check


async def test_a_stale_form_shows_both_versions_and_either_can_be_kept(panel: PanelRig) -> None:
    person = await panel.session()
    async with person.browser() as browser:
        draft = await begun(browser, rigs.a_domain(), "hello")
        form = f"{draft}/applications/hello"
        opened = submitted(await pages.read(browser, form), form)
        await pages.follow(browser, form, o__title="Theirs")
        mine = [(name, "Mine <b>" if name == "o.title" else it) for name, it in opened]
        stale = await pages.post(browser, form, mine)
        kept = await pages.read(browser, form)
        again = await pages.post(browser, form, submitted(stale.text, form))
        after = await pages.read(browser, form)

    assert stale.status_code == 409
    said = pages.text_of(stale.text)
    assert "Hello was changed meanwhile" in said
    assert "Title Mine <b> Theirs" in said
    assert "<b>" not in stale.text.partition("<main")[2]
    assert dict(submitted(kept, form))["o.title"] == "Theirs"
    assert again.status_code == 303
    assert dict(submitted(after, form))["o.title"] == "Mine <b>"


async def test_pressing_deploy_twice_is_one_run(panel: PanelRig) -> None:
    person = await panel.session()
    async with person.browser() as browser:
        draft = await begun(browser, rigs.a_domain(), "hello")
        check = await pages.follow(browser, f"{draft}/applications/hello")
        page = await pages.read(browser, check)
        pairs = submitted(page, f"{draft}/deploy")
        first = await pages.post(browser, f"{draft}/deploy", pairs)
        second = await pages.post(browser, f"{draft}/deploy", pairs)
        other_key = [(name, "another" if name == "key" else it) for name, it in pairs]
        third = await pages.post(browser, f"{draft}/deploy", other_key)

    assert first.status_code == second.status_code == third.status_code == 303
    assert first.headers["location"] == second.headers["location"] == third.headers["location"]


async def test_what_was_taken_meanwhile_is_told_before_anything_is_made(panel: PanelRig) -> None:
    domain = rigs.a_domain()
    person = await panel.session()
    async with panel.operator() as other, person.browser() as browser:
        draft = await begun(browser, domain, "hello")
        check = await pages.follow(browser, f"{draft}/applications/hello")
        await rigs.create(other, domain)
        answer = await pages.send(browser, check, f"{draft}/deploy")

    assert answer.status_code == 409
    assert "used by another operator" in pages.summary(answer.text)[0][1]


async def test_a_deploy_of_what_was_changed_since_is_not_made(panel: PanelRig) -> None:
    person = await panel.session()
    async with person.browser() as browser:
        draft = await begun(browser, rigs.a_domain(), "hello")
        check = await pages.follow(browser, f"{draft}/applications/hello")
        pairs = submitted(await pages.read(browser, check), f"{draft}/deploy")
        await pages.follow(browser, f"{draft}/applications/hello", o__title="Other")
        answer = await pages.post(browser, f"{draft}/deploy", pairs)

    assert answer.status_code == 409
    assert "Nothing was deployed." in pages.text_of(answer.text)
    assert "Title Other" in pages.text_of(answer.text)


async def test_another_domain_begins_addresses_anew(panel: PanelRig) -> None:
    person = await panel.session()
    first, second = rigs.a_domain(), rigs.a_domain()
    async with person.browser() as browser:
        draft = await begun(browser, first, "hello")
        await pages.follow(browser, f"{draft}/applications/hello", host=f"www.{first}")
        place = await pages.follow(browser, f"{draft}/domain", domain=second)
        form = await pages.read(browser, place)

    assert place == f"{draft}/applications/hello"
    assert dict(submitted(form, place))["host"] == f"hello.{second}"


async def test_a_draft_outlives_the_session_and_sign_in_leads_back_to_it(panel: PanelRig) -> None:
    name = f"Operator {rigs.a_domain()}"
    person = await panel.session(operator=name)
    async with person.browser() as browser:
        draft = await begun(browser, rigs.a_domain(), "hello")
        form = f"{draft}/applications/hello"
        await pages.follow(browser, form, o__title="Kept")
        pairs = submitted(await pages.read(browser, form), form)
    async with a_browser(panel.url, "fdv_session_ended") as ended:
        ended.headers["Referer"] = f"{panel.url}{form}"
        refused = await pages.post(ended, form, pairs)
    later = await panel.session(operator=name)
    async with later.browser() as browser:
        listed = await pages.read(browser, "/deployments/new")
        kept = await pages.read(browser, form)

    assert refused.status_code == 303
    assert refused.headers["location"].startswith(f"/sign-in?next={form}")
    assert f'href="{draft}"' in listed
    assert dict(submitted(kept, form))["o.title"] == "Kept"


async def test_a_draft_is_discarded(panel: PanelRig) -> None:
    person = await panel.session()
    async with person.browser() as browser:
        draft = await begun(browser, rigs.a_domain(), "hello")
        await pages.follow(browser, f"{draft}/discard")
        await pages.read(browser, f"{draft}/check", 404)


async def test_drafts_of_others_are_not_there_and_viewers_may_not_begin(panel: PanelRig) -> None:
    owner, other = await panel.session(), await panel.session()
    viewer = await panel.session(role=Role.VIEWER, operator=owner.operator)
    async with owner.browser() as browser:
        draft = await begun(browser, rigs.a_domain(), "hello")
    places = ("", "/domain", "/applications", "/applications/hello", "/check", "/discard")
    async with other.browser() as stranger, viewer.browser() as looking:
        for place in places:
            await pages.read(stranger, f"{draft}{place}", 404)
            await pages.read(looking, f"{draft}{place}", 403)
        for place in ("/domain", "/applications", "/applications/hello", "/deploy", "/discard"):
            pairs = [("version", "1"), ("domain", rigs.a_domain()), ("application", "hello")]
            assert (await pages.post(stranger, f"{draft}{place}", pairs)).status_code == 404
            assert (await pages.post(looking, f"{draft}{place}", pairs)).status_code == 403
        assert draft not in await pages.read(stranger, "/deployments/new")
        await pages.read(looking, "/deployments/new", 403)


async def test_a_flood_of_fields_is_refused_in_words(panel: PanelRig) -> None:
    person = await panel.session()
    async with person.browser() as browser:
        draft = await begun(browser, rigs.a_domain(), "hello")
        form = f"{draft}/applications/hello"
        many = [(f"o.x{number}", "1") for number in range(3_000)]
        answer = await pages.post(browser, form, [("version", "2"), *many])
        long = await pages.post(browser, form, [("o.title", "x" * 600_000)])

    assert answer.status_code in {400, 422}
    assert "<h1>" in answer.text
    assert long.status_code == 413
