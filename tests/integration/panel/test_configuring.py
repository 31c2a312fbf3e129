"""What operators may ask for; all else is refused with one clear answer and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.panel.domain.identity import Scope
from shared.contracts.panel import DeploymentRequested
from shared.sealing import Unsealer
from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support.eventually import eventually

if TYPE_CHECKING:
    import httpx2

    from tests.support.panel import Json, PanelRig

HELLO = {"application": "hello", "options": {}}


async def refused(client: httpx2.AsyncClient, body: Json, path: str = "/deployments") -> Json:
    """Ask for something that must be refused; it changes nothing."""
    before = await rigs.get(client, "/deployments")
    answer = await client.post(path, json=body, headers=rigs.ANY_VERSION)
    assert answer.headers["content-type"] == "application/problem+json"
    assert await rigs.get(client, "/deployments") == before
    problem: Json = answer.json()
    return problem


@pytest.mark.parametrize(
    ("domain", "code"),
    [
        ("https://garden.localhost/", "domain.url"),
        ("bücher.localhost", "domain.idn"),
        ("garden.localhost.", "domain.trailing_dot"),
        ("*.garden.localhost", "domain.wildcard"),
        ("127.0.0.1", "domain.ip"),
        ("garden.localhost:80", "domain.port"),
        ("garden", "domain.single_label"),
        ("panel.demo.localhost", "domain.panel"),
        ("garden.example", "domain.zone"),
        ("a b.localhost", "domain.label"),
    ],
)
async def test_a_domain_that_cannot_be_used_is_refused(
    panel: PanelRig, domain: str, code: str
) -> None:
    async with panel.operator() as client:
        problem = await refused(client, {"domain": domain, "applications": [HELLO]})

    assert (problem["status"], problem["code"]) == (422, code)
    assert [it["pointer"] for it in problem["errors"]] == ["/domain"]
    assert problem["detail"].endswith(".")


async def test_a_domain_of_somebody_else_is_refused_and_so_is_any_above_or_below(
    panel: PanelRig,
) -> None:
    domain = f"shop.{rigs.a_domain()}"
    async with panel.operator() as owner, panel.operator() as other:
        await rigs.create(owner, domain)
        for name in (domain, f"a.{domain}", f"a.b.{domain}", domain.partition(".")[2]):
            problem = await refused(other, {"domain": name, "applications": [HELLO]})
            assert (problem["status"], problem["code"]) == (409, "domain.taken")
        sibling = await rigs.create(other, f"the{domain}")
        below = await rigs.create(owner, f"a.{domain}")

    assert sibling["domain"] == f"the{domain}"
    assert below["domain"] == f"a.{domain}"


async def test_an_unknown_application_is_refused_with_those_there_are(panel: PanelRig) -> None:
    wish = {"domain": rigs.a_domain(), "applications": [{"application": "wordpress"}]}
    async with panel.operator() as client:
        problem = await refused(client, wish)

    assert problem["status"] == 422
    assert "There are: hello" in problem["detail"]
    assert problem["errors"][0]["pointer"] == "/applications/0/application"


async def test_options_outside_the_schema_are_refused_all_at_once(panel: PanelRig) -> None:
    options = {"title": "", "colour": "red", "languages": ["xx"], "size": 3}
    wish = {"application": "hello", "options": options}
    async with panel.operator() as client:
        problem = await refused(client, {"domain": rigs.a_domain(), "applications": [wish]})

    assert {it["pointer"]: it["detail"] for it in problem["errors"]} == {
        "/applications/0/options/title": "This must have 1 characters or more.",
        "/applications/0/options/colour": "This does not have the expected form.",
        "/applications/0/options/languages/0": "This must be one of the offered choices.",
        "/applications/0/options/size": "There is no such option.",
    }


async def test_a_mistake_in_an_option_is_named_where_its_place_is_not_shown(
    panel: PanelRig,
) -> None:
    wish = {"application": "hello", "options": {"titel": "x"}}
    async with panel.operator() as client:
        problem = await refused(client, {"domain": rigs.a_domain(), "applications": [wish]})

    assert problem["detail"] == "Option titel of hello: There is no such option."


async def test_a_value_of_the_wrong_kind_is_told_in_plain_words(panel: PanelRig) -> None:
    async with panel.operator() as client:
        problem = await refused(client, {"domain": 5, "applications": "hello"})
        page = await client.get("/deployments", params={"cursor": "x"})

    assert problem["detail"] == "applications must be a list. domain must be text."
    assert page.json()["errors"] == [{"pointer": "/cursor", "detail": page.json()["detail"]}]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"applications": [HELLO]}, "/domain"),
        ({"domain": "a.localhost", "applications": [HELLO], "more": 1}, "/more"),
        ({"domain": 7, "applications": [HELLO]}, "/domain"),
        ({"domain": "a.localhost", "applications": {}}, "/applications"),
        ({"domain": "a.localhost", "applications": []}, "/applications"),
        ({"domain": "a.localhost", "applications": [{}]}, "/applications/0/application"),
        ({"domain": "a.localhost", "applications": [HELLO, HELLO]}, "/applications/1/application"),
        (
            {"domain": "a.localhost", "applications": [{**HELLO, "version": "9"}]},
            "/applications/0/version",
        ),
        (
            {"domain": "a.localhost", "applications": [{**HELLO, "host": "b.localhost"}]},
            "/applications/0/host",
        ),
    ],
)
async def test_every_mistake_is_named_by_its_place(
    panel: PanelRig, body: Json, pointer: str
) -> None:
    async with panel.operator() as client:
        problem = await refused(client, body)

    assert problem["status"] == 422
    assert pointer in {it["pointer"] for it in problem["errors"]}


async def test_a_secret_option_reaches_deployer_sealed_and_nobody_else(panel: PanelRig) -> None:
    secret = "correct horse battery"  # noqa: S105 - planted, to be found nowhere
    wish = {"application": "notes", "options": {"password": secret, "text": "a"}}
    async with panel.operator() as client:
        answer = await client.post(
            "/deployments", json={"domain": rigs.a_domain(), "applications": [wish]}
        )
        deployment = answer.json()["id"]
        path = f"/deployments/{deployment}/configuration"
        shown = await client.get(path)
        changed = {"application": "notes", "options": {"text": "b"}}
        staged = await client.post(path, json={"applications": [changed]}, headers=rigs.ANY_VERSION)
        await rigs.deploy(client, deployment)

        async def is_stated() -> bool:
            return bool(await panel.stated(DeploymentRequested, deployment))

        await eventually(is_stated, within=rigs.SOON)
        [event] = await panel.stated(DeploymentRequested, deployment)

    [application] = shown.json()["staged"]["applications"]
    assert application["secret_options"] == ["password"]
    assert application["options"] == {"text": "a"}
    assert staged.json()["staged"]["applications"][0]["secret_options"] == ["password"]
    [ordered] = event["applications"]
    assert ordered["options"] == {"text": "b", "language": "en"}
    sealed = ordered["sealed_options"]["password"]
    assert Unsealer(panel.deployer_identity).unseal(sealed) == secret
    for text in (answer.text, shown.text, staged.text, str(event), panel.child.tail(10_000)):
        assert secret not in text


async def test_a_secret_that_is_required_must_be_given_once(panel: PanelRig) -> None:
    wish = {"application": "notes", "options": {}}
    async with panel.operator() as client:
        problem = await refused(client, {"domain": rigs.a_domain(), "applications": [wish]})

    assert problem["errors"] == [
        {"pointer": "/applications/0/options/password", "detail": "This is required."}
    ]


async def test_what_was_deployed_once_keeps_its_host_and_its_immutable_options(
    panel: PanelRig,
) -> None:
    domain = rigs.a_domain()
    wish = {
        "application": "notes",
        "host": f"first.{domain}",
        "options": {"password": "correct horse", "language": "de"},
    }
    async with panel.operator() as client:
        answer = await client.post("/deployments", json={"domain": domain, "applications": [wish]})
        path = f"/deployments/{answer.json()['id']}"
        moved = {**wish, "host": f"second.{domain}"}
        before = await client.post(
            f"{path}/configuration", json={"applications": [moved]}, headers=rigs.ANY_VERSION
        )
        await rigs.deploy(client, answer.json()["id"])
        elsewhere = await refused(client, {"applications": [wish]}, f"{path}/configuration")
        left_out = {**moved, "options": {"text": "a"}}
        kept = await client.post(
            f"{path}/configuration", json={"applications": [left_out]}, headers=rigs.ANY_VERSION
        )
        other = {**moved, "options": {"language": "en"}}
        different = await refused(client, {"applications": [other]}, f"{path}/configuration")

    assert before.status_code == 200
    assert kept.json()["staged"]["applications"][0]["options"] == {"language": "de", "text": "a"}
    assert elsewhere["errors"][0]["pointer"] == "/applications/0/host"
    assert f"second.{domain}" in elsewhere["errors"][0]["detail"]
    assert different["errors"] == [
        {
            "pointer": "/applications/0/options/language",
            "detail": "This was set to de and can never change.",
        }
    ]


async def test_a_host_belongs_to_one_deployment(panel: PanelRig) -> None:
    domain = rigs.a_domain()
    async with panel.operator() as client:
        await rigs.create(client, domain)
        problem = await refused(client, {"domain": domain, "applications": [HELLO]})

    assert (problem["status"], problem["code"]) == (409, "host.taken")
    assert problem["errors"][0]["pointer"] == "/applications/0/host"


async def test_staging_the_same_again_changes_nothing(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client, title="One")
        path = f"/deployments/{deployment['id']}"
        wish = {"applications": [{"application": "hello", "options": {"title": "One"}}]}
        same = (
            await client.post(f"{path}/configuration", json=wish, headers=rigs.ANY_VERSION)
        ).json()
        wish["applications"][0]["options"] = {"title": "Two"}
        other = (
            await client.post(f"{path}/configuration", json=wish, headers=rigs.ANY_VERSION)
        ).json()
        found = await client.get(path)

    assert same["staged"]["version"] == 1
    assert other["staged"]["version"] == 2
    assert other["has_changes"] is True
    assert other["deployed"] is None
    assert found.headers["etag"].startswith('"2.')


async def test_an_application_is_added_and_taken_away_and_its_data_is_spoken_of(
    panel: PanelRig,
) -> None:
    notes = {"application": "notes", "options": {"password": "correct horse"}}
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        path = f"/deployments/{deployment['id']}"
        staged = []
        for wishes in ([HELLO, notes], [notes]):
            answer = await client.post(
                f"{path}/configuration", json={"applications": wishes}, headers=rigs.ANY_VERSION
            )
            staged.append(answer.json())
            run = await rigs.deploy(client, deployment["id"])
            await runs.succeed(panel, client, run["id"], url)
        found = await rigs.get(client, path)
        configuration = await rigs.get(client, f"{path}/configuration")
        events = await panel.stated(DeploymentRequested, deployment["id"])

    assert [[it["application"] for it in event["applications"]] for event in events] == [
        ["hello"],
        ["hello", "notes"],
        ["notes"],
    ]
    assert staged[0]["leaving"] == []
    [leaving] = staged[1]["leaving"]
    assert (leaving["application"], leaving["host"]) == ("hello", f"hello.{deployment['domain']}")
    assert leaving["message"] == (
        "hello is stopped with the next deploy. "
        "Its objects in the store are kept, unused, until the deployment is removed."
    )
    assert [it["application"] for it in found["applications"]] == ["notes"]
    assert configuration["leaving"] == []


async def test_applications_are_shown_with_their_schema(panel: PanelRig) -> None:
    async with panel.operator(Scope.READ) as client:
        listed = await rigs.get(client, "/applications")
        one = await rigs.get(client, "/applications/hello")
        schema = await client.get("/applications/hello/schema")
        again = await client.get(
            "/applications/hello/schema", headers={"If-None-Match": schema.headers["etag"]}
        )
        absent = await client.get("/applications/wordpress/schema")

    assert [it["name"] for it in listed["items"]] == ["hello", "microblog", "notes", "workshop"]
    assert one["host_label"] == "hello"
    assert schema.headers["content-type"] == "application/schema+json"
    assert schema.json()["additionalProperties"] is False
    assert again.status_code == 304
    assert absent.status_code == 404


async def test_lists_are_read_part_by_part(panel: PanelRig) -> None:
    async with panel.operator() as client:
        made = [(await rigs.create(client))["id"] for _ in range(3)]
        first = await rigs.get(client, "/deployments?limit=2")
        rest = await rigs.get(client, f"/deployments?limit=2&cursor={first['next']}")

    assert [it["id"] for it in first["items"] + rest["items"]] == made[::-1]
    assert made[1] not in first["next"]
    assert rest["next"] is None
