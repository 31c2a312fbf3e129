"""A whole microblog as a machine runs it: its own PostgreSQL, a bucket, a door, and its server."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg

from shared.embedded import accounts, ports, programs

from . import s3
from .eventually import eventually
from .microblog_peer import door, new_key, peer_server, private_pem
from .servers import throwaway_directory
from .tree import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from shared.embedded.servers.seaweedfs import Access

    from .microblog_peer import Door, Letter, Peer

PACKAGE = ROOT / "nix/applications/microblog"
CODE = PACKAGE / "standalone"
# Another interpreter, for example one with the versions of a distribution.
# Warnings of tomorrow's versions are errors, as in all tests.
STRICT = () if "FEDIVERSITY_MICROBLOG_PYTHON" in os.environ else ("-W", "error")
PYTHON = os.environ.get("FEDIVERSITY_MICROBLOG_PYTHON", sys.executable)
NETLOC = "blog.garden.localhost:18080"
URL = f"http://{NETLOC}"
MEDIA = "http://media-blog.garden.localhost:18080"
PASSWORD = "correct horse battery staple"  # noqa: S105 - of a blog that lives for a test
ADMINISTRATOR = {
    "authorization": f"Basic {base64.b64encode(f'admin:{PASSWORD}'.encode()).decode()}"
}
# What a browser adds to a form of the blog's own page.
BROWSER = {
    **ADMINISTRATOR,
    "accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "origin": URL,
    "sec-fetch-site": "same-origin",
}
LIMITED = """
import importlib, json, sys
code, limits, configuration = sys.argv[1:]
sys.path.insert(0, code)
for place, value in json.loads(limits).items():
    module, _, name = place.partition(".")
    setattr(importlib.import_module(module), name, value)
sys.argv = ["microblog.py", configuration]
importlib.import_module("microblog").main()
"""
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(40)
OPTIONS = {
    "title": "Garden <news>",
    "description": 'What "grows" & when',
    "handle": "news",
    "language": "en",
    "picture_limit_mib": 1,
    "posts_per_page": 5,
}
# Nobody waits here for an answer that was kept.
QUICK: dict[str, object] = {"upkeep.KEPT_SECONDS": 0.1}


class Blog:
    """A microblog and everything around it; whatever is killed can be started again."""

    def __init__(self, directory: Path, access: Access, egress: str | None) -> None:
        self.directory = directory
        self.state = directory / "state"
        self.port = ports.free()
        self.address = f"http://127.0.0.1:{self.port}"
        self.access = access
        self.bucket = f"microblog-{secrets.token_hex(6)}"
        self.egress = egress
        self.limits: dict[str, object] = dict(QUICK)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.account = accounts.unprivileged()

    @property
    def configuration(self) -> Path:
        """Where the blog is told everything."""
        return self.directory / "configuration.json"

    def secret(self, name: str) -> Path:
        """Where a secret lies."""
        return self.directory / "secrets" / name

    def write(self, **changes: object) -> None:
        """Write configuration and secrets as deployer does."""
        self.secret("").mkdir(exist_ok=True)
        given = {
            "actor-key": private_pem(new_key()),
            "column-key": secrets.token_bytes(32).hex().encode(),
            "administrator": PASSWORD.encode(),
            "bucket-media": self.access.secret_access_key.get_secret_value().encode(),
        }
        for name, content in given.items():
            if not self.secret(name).exists():
                self.secret(name).write_bytes(content)
        found = {
            "application": "microblog",
            "version": "1.0.0",
            "domain": "garden.localhost",
            "host": "blog.garden.localhost",
            "url": URL,
            "media_url": MEDIA,
            "port": self.port,
            "options": OPTIONS,
            "secret_options": {},
            "secrets": {name: str(self.secret(name)) for name in given if name != "bucket-media"},
            "state": str(self.state),
            "buckets": {
                "media": {
                    "endpoint": self.access.endpoint,
                    "region": self.access.region,
                    "bucket": self.bucket,
                    "access_key_id": self.access.access_key_id,
                    "secret_key_file": str(self.secret("bucket-media")),
                }
            },
            "doors": {"egress": self.egress},
        }
        self.configuration.write_text(json.dumps({**found, **changes}), encoding="utf-8")

    def database(self, verb: str) -> subprocess.Popen[bytes]:
        """Run the unit of the database, or what prepares it, as an account that is not root."""
        script = self.directory / "postgres.sh"
        shutil.copy(CODE / "postgres.sh", script)
        script.chmod(0o755)
        path = os.environ["PATH"]
        if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
            cache = self.directory / "programs"
            found = accounts.reachable_programs(programs.postgres(), cache, self.account)
            path = f"{found / 'bin'}:{path}"
        user, group = self.account or (None, None)
        with (self.directory / "database.log").open("ab") as log:
            return subprocess.Popen(
                ["/bin/sh", str(script), verb, str(self.state)],
                cwd=self.directory,
                env={"PATH": path, "LANG": "C.UTF-8"},
                user=user,
                group=group,
                extra_groups=None if user is None else [],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def prepare(self) -> None:
        """Do what comes before the first start."""
        if not self.state.exists():
            accounts.own_directory(self.state, self.account)
        assert self.database("prepare").wait(60) == 0, self.log("database")

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the blog's commands to its end."""
        return subprocess.run(
            [PYTHON, "-EsB", *STRICT, str(CODE / program), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def server(self) -> subprocess.Popen[bytes]:
        """Run the unit of the server, with other limits than its own."""
        program = ["-c", LIMITED, str(CODE), json.dumps(self.limits)]
        with (self.directory / "server.log").open("ab") as log:
            return subprocess.Popen(
                [PYTHON, "-EsB", *STRICT, *program, str(self.configuration)],
                stdout=log,
                stderr=log,
            )

    async def start(self, *, until: int = 200) -> None:
        """Start what does not run, and wait until the blog says how it is."""
        if "database" not in self.processes:
            self.processes["database"] = self.database("serve")
        if "server" not in self.processes:
            self.processes["server"] = self.server()
        await self.become(until)

    async def become(self, status: int) -> None:
        """Wait until the blog says of itself that it is well, or that it is not."""

        async def answers() -> bool:
            assert self.processes["server"].poll() is None, self.log("server")
            try:
                return (await self.ask("GET", "/healthz")).status == status
            except aiohttp.ClientConnectionError:
                return False

        await eventually(answers, within=30)

    def kill(self, name: str = "server") -> None:
        """End a process as a power cut does."""
        process = self.processes.pop(name)
        if name == "database":
            lock = (self.state / "postgres/postmaster.pid").read_text(encoding="ascii")
            os.kill(int(lock.split()[0]), signal.SIGKILL)
        else:
            process.kill()
        process.wait(20)

    async def stop(self, name: str) -> int:
        """Ask a process to end, and return its status."""
        process = self.processes.pop(name)
        process.terminate()
        return await asyncio.to_thread(process.wait, 20)

    def log(self, name: str) -> str:
        """Return what a process has written."""
        return (self.directory / f"{name}.log").read_text(encoding="utf-8")

    async def connection(self) -> asyncpg.Connection:
        """Look into the database, past the blog."""
        return await asyncpg.connect(
            host=str(self.state / "run"), user="app-microblog", database="microblog"
        )

    async def count(self, what: str) -> int:
        """Return how many rows there are."""
        connection = await self.connection()
        found = await connection.fetchval(f"select count(*) from {what}")  # noqa: S608 - a test's own
        await connection.close()
        return int(found)

    async def forget(self, *tables: str) -> None:
        """Empty tables, and those that hang on them."""
        connection = await self.connection()
        await connection.execute(f"truncate {', '.join(tables)} cascade")
        await connection.close()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        fields: Mapping[str, str] | None = None,
        **body: Any,  # noqa: ANN401 - what aiohttp takes
    ) -> Answer:
        """Ask the blog as the edge does, under its public name."""
        headers = {"host": NETLOC, **(fields or {})}
        timeout = aiohttp.ClientTimeout(total=30)
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout) as session,
            session.request(
                method,
                f"{self.address}{path}",
                headers=headers,
                allow_redirects=False,
                **body,
            ) as answer,
        ):
            return Answer(answer.status, answer.headers.copy(), await answer.read())

    async def call(self, method: str, path: str, **body: Any) -> Answer:  # noqa: ANN401 - what aiohttp takes
        """Ask as a program that knows the password."""
        return await self.ask(method, path, fields=ADMINISTRATOR, **body)

    async def publish(self, text: str) -> dict[str, Any]:
        """Publish a post."""
        answer = await self.call("POST", "/api/posts", json={"text": text})
        assert answer.status == 201, answer.text
        return answer.document

    async def status(self) -> dict[str, Any]:
        """Return how much there is of everything."""
        return (await self.call("GET", "/api/status")).document

    async def send(self, letter: Letter, **changes: str) -> Answer:
        """Bring a letter, perhaps with other header fields than were signed."""
        return await self.ask(
            "POST", letter.path, fields={**letter.fields(), **changes}, data=letter.body
        )


class Answer:
    """What the blog answered."""

    def __init__(self, status: int, fields: Mapping[str, str], content: bytes) -> None:
        self.status = status
        self.fields = fields
        self.content = content

    @property
    def text(self) -> str:
        """The answer as text."""
        return self.content.decode()

    @property
    def document(self) -> dict[str, Any]:
        """The answer as a document."""
        found: dict[str, Any] = json.loads(self.content)
        return found


class World:
    """A blog with a door, and servers behind it."""

    def __init__(self, blog: Blog, way: Door, peers: dict[str, Peer]) -> None:
        self.blog = blog
        self.door = way
        self.peers = peers

    def __getitem__(self, name: str) -> Peer:
        """Return the server of this name."""
        return self.peers[name]


@asynccontextmanager
async def running(
    access: Access, *, egress: str | None, limits: Mapping[str, object] | None = None
) -> AsyncIterator[Blog]:
    """Run a blog for the length of a block."""
    with throwaway_directory() as directory:
        blog = Blog(directory, access, egress)
        blog.limits |= limits or {}
        async with s3.client(access, "s3") as store:
            await store.create_bucket(Bucket=blog.bucket)
        blog.write()
        blog.prepare()
        try:
            await blog.start()
            yield blog
        finally:
            for name in ("server", "database"):
                if name in blog.processes:
                    await blog.stop(name)
        log = blog.log("server")
        assert "Traceback" not in log, log[log.find("Traceback") :]


@asynccontextmanager
async def world(
    access: Access, *names: str, limits: Mapping[str, object] | None = None
) -> AsyncIterator[World]:
    """Run a blog, and these servers on the other side of its door."""
    async with door() as way, running(access, egress=way.address, limits=limits) as blog:
        peers: dict[str, Peer] = {}
        async with _peers(list(names), peers):
            way.known = {it.netloc: it.address for it in peers.values()}
            yield World(blog, way, peers)


@asynccontextmanager
async def _peers(names: list[str], found: dict[str, Peer]) -> AsyncIterator[None]:
    if not names:
        yield
        return
    first, *rest = names
    async with peer_server(f"{first}.garden.localhost:18080") as peer, _peers(rest, found):
        found[first] = peer
        yield
