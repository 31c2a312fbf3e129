"""Requests that cannot be read: a problem document each, never anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import panel as rigs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.panel import Json, PanelRig

JSON = {"Content-Type": "application/json"}
LARGE = 97 * 1024


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status", "code"),
    [
        ("GET", "/nothing", {}, b"", 404, "request.not_found"),
        ("GET", "/deployments/", {}, b"", 404, "request.not_found"),
        ("PUT", "/deployments", JSON, b"{}", 405, "request.method"),
        ("POST", "/deployments", JSON, b"{", 400, "request.malformed"),
        ("POST", "/deployments", JSON, b"\xff\xfe", 400, "request.malformed"),
        ("POST", "/deployments", JSON, b"[" * 5000, 400, "request.malformed"),
        ("POST", "/deployments", JSON, b"[]", 422, "request.invalid"),
        ("POST", "/deployments", JSON, b"", 422, "request.invalid"),
        ("POST", "/deployments", {"Content-Type": "text/plain"}, b"{}", 415, "request.media"),
        ("POST", "/deployments", {}, b"{}", 415, "request.media"),
        ("POST", "/deployments", JSON, b" " * LARGE, 413, "request.too_large"),
        ("GET", "/deployments?limit=0", {}, b"", 422, "request.invalid"),
        ("GET", "/deployments?limit=x", {}, b"", 422, "request.invalid"),
        ("GET", "/deployments?cursor=x", {}, b"", 422, "cursor.invalid"),
        ("GET", f"/deployments/{'x' * 65}", {}, b"", 404, "request.not_found"),
        ("GET", "/deployments/%00", {}, b"", 404, "request.not_found"),
        ("GET", "/applications/a%0Ab", {}, b"", 404, "application.not_found"),
    ],
)
async def test_a_request_that_cannot_be_read_gets_a_problem(  # noqa: PLR0913 - a table
    panel: PanelRig,
    *,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    status: int,
    code: str,
) -> None:
    async with panel.operator() as client:
        answer = await client.request(method, path, headers=headers, content=body)

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == problem["request_id"]
    assert answer.headers["cache-control"] == "no-store"
    assert problem["status"] == status
    assert problem["detail"].endswith(".")


@pytest.mark.parametrize(
    ("domain", "options"),
    [
        (rb'"\ud800.example"', b"{}"),
        (rb'"a\u0000b.localhost"', b"{}"),
        (b"DOMAIN", rb'{"title": "\ud800"}'),
        (b"DOMAIN", rb'{"title": "\u0000"}'),
        (b"DOMAIN", rb'{"\udfff": 1}'),
        (b"DOMAIN", b"{}, " + rb'"\ud800": 1'),
    ],
)
async def test_text_that_cannot_be_kept_is_refused(
    panel: PanelRig, domain: bytes, options: bytes
) -> None:
    body = b'{"domain": %b, "applications": [{"application": "hello", "options": %b}]}'
    own = domain.replace(b"DOMAIN", f'"{rigs.a_domain()}"'.encode())
    async with panel.operator() as client:
        answer = await client.post("/deployments", headers=JSON, content=body % (own, options))

    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")
    assert "half of a character" in answer.text


async def test_a_body_without_a_length_is_refused_as_soon_as_it_is_too_large(
    panel: PanelRig,
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1024

    async with panel.operator() as client:
        answer = await client.post("/deployments", headers=JSON, content=chunks())

    assert (answer.status_code, answer.json()["code"]) == (413, "request.too_large")


async def test_a_method_that_does_not_exist_names_those_that_do(panel: PanelRig) -> None:
    async with panel.operator() as client:
        answer = await client.put("/me")

    assert answer.headers["allow"] == "GET"


async def test_every_method_of_an_address_is_named(panel: PanelRig) -> None:
    async with panel.operator() as client:
        answer = await client.put("/deployments")

    assert answer.headers["allow"] == "GET, POST"


async def test_the_type_of_a_problem_is_an_address_that_explains_it(panel: PanelRig) -> None:
    async with panel.operator() as client:
        problem = (await client.get("/nothing")).json()
        answer = await client.get(f"{panel.url}{problem['type']}")
        unknown = await client.get(f"{panel.url}/problems/other")

    assert answer.text == "There is no such thing (HTTP status 404).\n"
    assert unknown.status_code == 404


async def test_the_openapi_document_is_complete(panel: PanelRig) -> None:
    async with panel.client(None) as client:
        document: Json = (await client.get("/openapi.json")).json()

    assert document["openapi"].startswith("3.1")
    operations = [it for path in document["paths"].values() for it in path.values()]
    names = [it["operationId"] for it in operations]
    assert len(set(names)) == len(names)
    for it in operations:
        assert it["tags"]
        assert it["description"].endswith(".")
        for status, answer in it["responses"].items():
            for media, content in answer.get("content", {}).items():
                if int(status) >= 400:
                    assert media == "application/problem+json", (it["operationId"], status)
                assert has_example(document, content), (it["operationId"], status, media)
    for it in operations:
        for content in it.get("requestBody", {}).get("content", {}).values():
            assert has_example(document, content), it["operationId"]


def has_example(document: Json, content: Json) -> bool:
    if "example" in content or "examples" in content:
        return True
    name = content["schema"].get("$ref", "").rpartition("/")[2]
    schema = document["components"]["schemas"].get(name, content["schema"])
    return "examples" in schema or "example" in schema


async def test_panel_is_up_and_says_with_which_provider_file(panel: PanelRig) -> None:
    async with panel.client(None) as client:
        ready = await rigs.get(client, f"{panel.url}/readyz")

    assert ready["ready"] is True
    assert len(ready["digests"]["provider_file"]) == 64


async def test_the_reference_is_a_page_of_local_files_without_scripts(panel: PanelRig) -> None:
    async with panel.client(None) as client:
        page = await client.get(f"{panel.url}/api/docs", headers={"Accept": "text/html"})
        style = await client.get(f"{panel.url}/api/docs/reference.css")

    assert (page.status_code, style.status_code) == (200, 200)
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src")
    assert style.headers["content-type"].startswith("text/css")
    assert "setQuota" in page.text
    assert "<script" not in page.text
