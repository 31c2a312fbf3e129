"""The microblog with its own database and a real bucket: what people and programs do with it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio

from tests.support import s3
from tests.support.eventually import eventually
from tests.support.microblog import ADMINISTRATOR, MEDIA, PNG, URL, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.embedded.servers.seaweedfs import SeaweedServer
    from tests.support.microblog import Blog

pytestmark = pytest.mark.asyncio(loop_scope="module")
GIF = b"GIF89a" + bytes(40)
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
    found = aiohttp.FormData()
    for name, it in fields.items():
        if isinstance(it, bytes):
            found.add_field(name, it, filename="../../../etc/passwd", content_type="text/html")
        else:
            found.add_field(name, it)
    return found


async def test_a_post_is_on_the_page_and_at_its_own_address(blog: Blog) -> None:
    post = await blog.publish("The first tomatoes are ripe.")

    page = await blog.ask("GET", "/")
    assert "The first tomatoes are ripe." in page.text
    path = post["url"].removeprefix(URL)
    assert f'href="{path}"' in page.text
    own = await blog.ask("GET", path)
    assert "The first tomatoes are ripe." in own.text
    assert own.fields["content-type"].startswith("text/html")


async def test_the_newest_post_comes_first_and_older_ones_are_a_page_away(blog: Blog) -> None:
    for number in range(52):
        await blog.publish(f"post number {number} of many")

    page = (await blog.ask("GET", "/")).text
    assert page.index("post number 51 of") < page.index("post number 50 of")
    assert "post number 1 of many" not in page
    older = page.partition('href="/?before=')[2].partition('"')[0]
    assert "post number 1 of many" in (await blog.ask("GET", f"/?before={older}")).text


async def test_a_picture_goes_into_the_bucket_and_is_known_by_the_operators_domain(
    blog: Blog,
) -> None:
    answer = await blog.call(
        "POST", "/api/posts", data=form(text="Look", picture=PNG, alt='A "red" one')
    )
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


async def test_the_store_is_named_nowhere(blog: Blog) -> None:
    await blog.call("POST", "/api/posts", data=form(text="Look", picture=PNG))

    for path in ("/", "/outbox", "/actor", "/nodeinfo/2.1"):
        text = (await blog.ask("GET", path)).text
        assert blog.access.endpoint not in text
        assert blog.bucket not in text
    connection = await blog.connection()
    rows = await connection.fetch("select posts::text as row from posts")
    await connection.close()
    assert rows
    assert not any(blog.bucket in it["row"] or "127.0.0.1" in it["row"] for it in rows)


async def pictures(blog: Blog) -> set[str]:
    async with s3.client(blog.access, "s3") as store:
        listed = await store.list_objects_v2(Bucket=blog.bucket, Prefix="pictures/")
    return {it["Key"] for it in listed.get("Contents", ())}


async def test_a_picture_that_belongs_to_no_post_is_swept_away(blog: Blog) -> None:
    before = await pictures(blog)
    connection = await blog.connection()
    await connection.execute(CRASH)
    sent = form(text="Crash", picture=PNG)
    assert (await blog.call("POST", "/api/posts", data=sent)).status == 503
    assert len(await pictures(blog)) == len(before) + 1
    await connection.execute("update uploads set begun_at = begun_at - interval '1 hour'")

    await blog.stop("server")
    await blog.start()

    async def is_swept() -> bool:
        return not await connection.fetchval("select count(*) from uploads")

    await eventually(is_swept, within=10)
    assert await pictures(blog) == before
    await connection.execute("drop function crash cascade")
    await connection.close()


async def test_posts_are_listed_for_programs(blog: Blog) -> None:
    post = await blog.publish("For programs")

    listed = (await blog.call("GET", "/api/posts")).document["posts"]

    assert listed[0] == post


async def test_a_draft_is_read_by_the_administrator_and_sealed_for_everybody_else(
    blog: Blog,
) -> None:
    answer = await blog.call("POST", "/api/drafts", json={"text": "A secret plan"})
    assert answer.status == 201

    drafts = (await blog.call("GET", "/api/drafts")).document["drafts"]
    assert "A secret plan" in [it["text"] for it in drafts]
    assert "A secret plan" not in (await blog.ask("GET", "/")).text
    connection = await blog.connection()
    rows = await connection.fetch("select sealed from drafts")
    await connection.close()
    assert not any(b"secret" in it["sealed"] for it in rows)


async def test_an_avatar_is_served_by_the_blog_itself(blog: Blog) -> None:
    first = (await blog.call("PUT", "/api/avatar", data=PNG)).document["url"]
    second = (await blog.call("PUT", "/api/avatar", data=GIF)).document["url"]

    shown = await blog.ask("GET", second.removeprefix(URL))
    assert (shown.content, shown.fields["content-type"]) == (GIF, "image/gif")
    assert second.removeprefix(URL) in (await blog.ask("GET", "/")).text
    assert (await blog.ask("GET", "/actor")).document["icon"]["url"] == second
    # Rows that were copied before name the first one, and the files are copied after them.
    assert (await blog.ask("GET", first.removeprefix(URL))).content == PNG


async def test_avatars_that_nobody_has_named_for_a_day_go(blog: Blog) -> None:
    for picture in (PNG, GIF):
        await blog.call("PUT", "/api/avatar", data=picture)
    folder = blog.state / "avatars"
    for it in folder.iterdir():
        os.utime(it, (0, 0))

    await blog.call("PUT", "/api/avatar", data=PNG + b"new")

    left = [it.read_bytes() for it in folder.iterdir()]
    assert sorted(left) == sorted([GIF, PNG + b"new"])


async def test_the_administrator_does_everything_in_a_browser(blog: Blog) -> None:
    browser = await blog.sign_in()
    told = {"fields": browser}

    sent = await blog.ask("POST", "/posts", **told, data=form(text="By hand", picture=PNG))
    assert (sent.status, sent.fields["location"]) == (303, "/")
    assert (await blog.ask("POST", "/avatar", **told, data=form(picture=PNG))).status == 303
    kept = form(text="Kept for later", **{"as": "draft"})
    assert (await blog.ask("POST", "/posts", **told, data=kept)).status == 303
    page = (await blog.ask("GET", "/", **told)).text
    assert "By hand" in page
    draft = page.partition("Kept for later")[2].partition('action="')[2].partition('"')[0]
    assert (await blog.ask("POST", draft, **told)).status == 303
    assert (await blog.ask("POST", draft, **told)).status == 404
    assert "Kept for later" in (await blog.ask("GET", "/")).text

    assert (await blog.ask("POST", "/sign-out", **told)).status == 303
    assert (await blog.ask("POST", "/posts", **told, data=form(text="x"))).status == 403


async def test_of_a_session_only_a_hash_is_kept(blog: Blog) -> None:
    browser = await blog.sign_in()

    token = browser["cookie"].partition("=")[2]
    connection = await blog.connection()
    rows = await connection.fetch("select token_hash from sessions")
    await connection.close()
    assert rows
    assert not any(token.encode() in it["token_hash"] for it in rows)


async def test_the_session_is_out_of_reach_of_scripts_and_other_sites(blog: Blog) -> None:
    answer = await blog.ask(
        "POST",
        "/sign-in",
        fields={"origin": URL},
        data={"user": "admin", "password": "correct horse battery staple"},
    )

    cookie = answer.fields["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


async def test_programs_are_told_how_much_there_is(blog: Blog) -> None:
    before = await blog.status()
    await blog.publish("One more")

    after = await blog.status()
    assert after["posts"] == before["posts"] + 1
    assert after["drafts_readable"] is True
    assert (after["followers"], after["pending_deliveries"]) == (0, 0)


async def test_other_servers_find_the_account(blog: Blog) -> None:
    for name in ("acct:news@blog.garden.localhost:18080", "acct:news@blog.garden.localhost"):
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
    path = answer.document["url"].removeprefix(URL)

    note = await blog.ask("GET", path, fields={"accept": "application/activity+json"})

    assert note.fields["content-type"].startswith("application/activity+json")
    assert note.document["type"] == "Note"
    assert note.document["content"] == "<p>a &lt;b&gt;<br>c</p>"
    assert note.document["attachment"][0]["url"] == answer.document["picture"]
    outbox = (await blog.ask("GET", "/outbox")).document
    assert answer.document["url"] in [it["object"]["id"] for it in outbox["orderedItems"]]
    assert (await blog.ask("GET", "/followers")).document["totalItems"] == 0


async def test_without_a_door_nobody_is_asked_for_anything(blog: Blog) -> None:
    answer = await blog.ask("POST", "/inbox", data=b"{}")

    assert answer.status == 401
    assert (await blog.status())["pending_deliveries"] == 0


async def test_whatever_was_answered_survives_the_end_of_everything(blog: Blog) -> None:
    post = await blog.publish("Written before the lights went out")
    await blog.call("POST", "/api/drafts", json={"text": "Drafted before it"})
    browser = await blog.sign_in()

    blog.kill("server")
    blog.kill("database")
    await blog.start()

    assert (await blog.ask("GET", post["url"].removeprefix(URL))).status == 200
    drafts = (await blog.call("GET", "/api/drafts")).document["drafts"]
    assert "Drafted before it" in [it["text"] for it in drafts]
    assert "Sign out" in (await blog.ask("GET", "/", fields=browser)).text


async def test_a_database_that_is_away_makes_the_blog_sick_until_it_is_back(blog: Blog) -> None:
    blog.kill("database")

    await blog.become(503)
    health = await blog.ask("GET", "/healthz")
    assert health.text.startswith("database:")
    assert (await blog.ask("GET", "/")).status == 503
    assert (await blog.ask("GET", "/api/status", fields=ADMINISTRATOR)).status == 503

    await blog.start()
    assert (await blog.ask("GET", "/")).status == 200
