"""The microblog with its own database and a real bucket: what people and programs do with it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio

from tests.support import s3
from tests.support.microblog import ADMINISTRATOR, BROWSER, MEDIA, NETLOC, PNG, URL, running
from tests.support.microblog_peer import connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.embedded.servers.seaweedfs import SeaweedServer
    from tests.support.microblog import Blog

pytestmark = pytest.mark.asyncio(loop_scope="module")
GIF = b"GIF89a" + bytes(40)
NOTE = {"accept": "application/activity+json"}
# Ends what is done between a picture and its post, as a database that shuts down does.
CRASH = """
    create function crash() returns trigger language plpgsql
    as $$ begin raise exception using errcode = '57014'; end $$;
    create trigger crash before insert on posts execute function crash();
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="blog")
async def microblog(object_store: SeaweedServer) -> AsyncIterator[Blog]:
    async with running(object_store.access, egress=None) as blog:
        yield blog


def form(**fields: str | bytes) -> aiohttp.FormData:
    found = aiohttp.FormData(default_to_multipart=True)
    for name, it in fields.items():
        if isinstance(it, bytes):
            found.add_field(name, it, filename="../../../etc/passwd", content_type="text/html")
        else:
            found.add_field(name, it)
    return found


async def test_the_newest_post_comes_first_and_older_ones_are_a_page_away(blog: Blog) -> None:
    first = await blog.publish("number 0")
    for number in range(1, 6):
        await blog.publish(f"number {number}")

    page = (await blog.ask("GET", "/")).text
    assert page.index("number 5") < page.index("number 1")
    assert "number 0" not in page
    older = page.partition('href="/?before=')[2].partition('"')[0]
    assert "number 0" in (await blog.ask("GET", f"/?before={older}")).text
    alone = await blog.ask("GET", first["url"].removeprefix(URL))
    assert "number 0" in alone.text
    assert "number 1" not in alone.text
    listed = (await blog.call("GET", "/api/posts")).document["posts"]
    assert first in listed


async def test_a_picture_goes_into_the_bucket_and_is_known_by_the_operators_domain(
    blog: Blog,
) -> None:
    sent = form(text="Look", picture=PNG, alt='A "red" one')
    answer = await blog.call("POST", "/api/posts", data=sent)
    assert answer.status == 201, answer.text
    picture = answer.document["picture"]

    assert picture.startswith(f"{MEDIA}/pictures/")
    assert picture.endswith(".png")
    async with s3.client(blog.access, "s3") as store:
        found = await store.get_object(Bucket=blog.bucket, Key=picture.removeprefix(f"{MEDIA}/"))
        assert await found["Body"].read() == PNG
    assert found["ContentType"] == "image/png"
    assert found["CacheControl"] == "public, max-age=31536000, immutable"
    page = await blog.ask("GET", answer.document["url"].removeprefix(URL))
    assert f'<img src="{picture}" alt="A &quot;red&quot; one">' in page.text
    assert MEDIA in page.fields["content-security-policy"]
    connection = await blog.connection()
    rows = await connection.fetch("select posts::text as row from posts")
    await connection.close()
    answers = [(await blog.ask("GET", it)).text for it in ("/", "/outbox", "/actor")]
    assert not any(blog.bucket in it for it in (*answers, *(row["row"] for row in rows)))


async def test_a_picture_that_belongs_to_no_post_is_swept_away(blog: Blog) -> None:
    before = await pictures(blog)
    connection = await blog.connection()
    await connection.execute(CRASH)
    lost = form(text="Crash", picture=PNG)
    assert (await blog.call("POST", "/api/posts", data=lost)).status == 503
    assert len(await pictures(blog)) == len(before) + 1
    await connection.execute("drop function crash cascade")
    await connection.execute("update uploads set begun_at = begun_at - interval '1 hour'")
    await connection.close()

    answer = await blog.call("POST", "/api/posts", data=form(text="The next", picture=PNG))

    assert answer.status == 201, answer.text
    assert await pictures(blog) == {*before, answer.document["picture"].removeprefix(f"{MEDIA}/")}
    assert await blog.count("uploads") == 0


async def pictures(blog: Blog) -> set[str]:
    async with s3.client(blog.access, "s3") as store:
        listed = await store.list_objects_v2(Bucket=blog.bucket, Prefix="pictures/")
    return {it["Key"] for it in listed.get("Contents", ())}


async def test_a_draft_is_sealed_and_becomes_a_post_once(blog: Blog) -> None:
    draft = (await blog.call("POST", "/api/drafts", json={"text": "A secret plan"})).document
    assert draft in (await blog.call("GET", "/api/drafts")).document["drafts"]
    connection = await blog.connection()
    rows = await connection.fetch("select sealed from drafts")
    await connection.close()
    assert not any(b"secret" in it["sealed"] for it in rows)
    assert "A secret plan" not in (await blog.ask("GET", "/")).text

    for status in (201, 404):
        sent = {"draft": draft["id"]}
        assert (await blog.call("POST", "/api/posts", json=sent)).status == status

    assert (await blog.ask("GET", "/")).text.count("A secret plan") == 1
    assert draft not in (await blog.call("GET", "/api/drafts")).document["drafts"]


async def test_an_avatar_outlives_its_successors_for_a_while(blog: Blog) -> None:
    first = (await blog.call("PUT", "/api/avatar", data=PNG)).document["url"]
    second = (await blog.call("PUT", "/api/avatar", data=GIF)).document["url"]

    shown = await blog.ask("GET", second.removeprefix(URL))
    assert (shown.content, shown.fields["content-type"]) == (GIF, "image/gif")
    assert second.removeprefix(URL) in (await blog.ask("GET", "/")).text
    assert (await blog.ask("GET", "/actor")).document["icon"]["url"] == second
    # Rows that were copied before name the first one, and the files are copied after them.
    assert (await blog.ask("GET", first.removeprefix(URL))).content == PNG
    for number in range(8):
        last = await blog.call("PUT", "/api/avatar", data=PNG + bytes([number]))

    urls = (first, last.document["url"])
    assert [(await blog.ask("GET", it.removeprefix(URL))).status for it in urls] == [404, 200]
    assert len(list((blog.state / "avatars").iterdir())) <= 9


async def test_the_administrator_writes_in_a_browser(blog: Blog) -> None:
    asked = await blog.ask("GET", "/write")
    assert (asked.status, asked.fields["www-authenticate"][:5]) == (401, "Basic")
    assert 'action="/api/posts"' in (await blog.ask("GET", "/write", fields=BROWSER)).text

    for path, sent in (
        ("/api/posts", form(text="By hand", picture=PNG)),
        ("/api/avatar", form(picture=PNG)),
    ):
        answer = await blog.ask("POST", path, fields=BROWSER, data=sent)
        assert (answer.status, answer.fields["location"]) == (303, "/write")

    assert "By hand" in (await blog.ask("GET", "/")).text


async def test_other_servers_find_the_account(blog: Blog) -> None:
    for name in (f"acct:news@{NETLOC}", "acct:news@blog.garden.localhost", f"{URL}/actor"):
        found = await blog.ask("GET", f"/.well-known/webfinger?resource={name}")
        assert found.document["links"][0]["href"] == f"{URL}/actor"
        assert found.fields["content-type"].startswith("application/jrd+json")
    unknown = "/.well-known/webfinger?resource=acct:eve@blog.garden.localhost"
    assert (await blog.ask("GET", unknown)).status == 404
    link = (await blog.ask("GET", "/.well-known/nodeinfo")).document["links"][0]["href"]
    node = (await blog.ask("GET", link.removeprefix(URL))).document
    assert node["software"]["name"] == "microblog"


async def test_a_post_is_a_note_for_programs_that_ask_for_one(blog: Blog) -> None:
    answer = await blog.call("POST", "/api/posts", data=form(text="a <b>\nc", picture=PNG, alt="d"))

    note = await blog.ask("GET", answer.document["url"].removeprefix(URL), fields=NOTE)

    assert note.fields["content-type"].startswith("application/activity+json")
    assert note.document["type"] == "Note"
    assert note.document["content"] == "<p>a &lt;b&gt;<br>c</p>"
    assert note.document["attachment"][0]["url"] == answer.document["picture"]
    outbox = (await blog.ask("GET", "/outbox")).document
    assert answer.document["url"] in [it["object"]["id"] for it in outbox["orderedItems"]]
    assert (await blog.ask("GET", "/followers")).document["totalItems"] == 0
    assert (await blog.ask("GET", "/", fields=NOTE)).document["id"] == f"{URL}/actor"


async def test_a_request_that_is_under_way_is_finished_before_the_end(blog: Blog) -> None:
    body = b'{"text": "Written in the last moment"}'
    head = [
        "POST /api/posts HTTP/1.1",
        f"host: {NETLOC}",
        f"authorization: {ADMINISTRATOR['authorization']}",
        "content-type: application/json",
        f"content-length: {len(body)}",
    ]
    async with connected("127.0.0.1", blog.port) as (reader, writer):
        writer.write("\r\n".join([*head, "", ""]).encode() + body[:10])
        await writer.drain()
        await asyncio.sleep(0.2)
        ending = asyncio.create_task(blog.stop("server"))
        await asyncio.sleep(0.3)
        writer.write(body[10:])

        answer = await asyncio.wait_for(reader.read(), 10)

    assert answer.startswith(b"HTTP/1.1 201 ")
    assert await ending == 0
    await blog.start()
    assert "Written in the last moment" in (await blog.ask("GET", "/")).text


async def test_whatever_was_answered_survives_the_end_of_everything(blog: Blog) -> None:
    post = await blog.publish("Written before the lights went out")
    draft = (await blog.call("POST", "/api/drafts", json={"text": "Drafted before it"})).document

    blog.kill("server")
    blog.kill("database")
    await blog.start()

    assert (await blog.ask("GET", post["url"].removeprefix(URL))).status == 200
    assert draft in (await blog.call("GET", "/api/drafts")).document["drafts"]
    status = await blog.status()
    assert status["drafts_readable"] is True
    assert (status["followers"], status["pending_deliveries"]) == (0, 0)


async def test_a_database_that_is_away_makes_the_blog_sick_until_it_is_back(blog: Blog) -> None:
    blog.kill("database")

    await blog.become(503)
    health = await blog.ask("GET", "/healthz")
    assert health.text.startswith("database:")
    assert (await blog.ask("GET", "/")).status == 503
    assert (await blog.ask("GET", "/api/status", fields=ADMINISTRATOR)).status == 503

    await blog.start()
    assert (await blog.ask("GET", "/")).status == 200
