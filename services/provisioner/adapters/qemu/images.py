"""Guest images: built once per set of ingredients, kept in a cache, never half there.

The key names the ingredients: packages, suite, the scripts that build, the empty system inside.
A machine holds on to the files of its own image, so the cache may be emptied at any time.
A recipe is the ingredients without the packages: images of earlier recipes go after a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from shared import errors, telemetry

from ...ports import Image
from . import commands, sources

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from collections.abc import Set as AbstractSet

ROOM_BYTES: Final = 2 * 2**30
LOCK_POLL_SECONDS: Final = 0.2
DISK: Final = "image.qcow2"
KERNEL: Final = "kernel"
INITRD: Final = "initrd"
PARTS: Final = (DISK, KERNEL, INITRD)
RECIPE: Final = "recipe"
KEPT: Final = 2
"""How many images of earlier recipes stay, for those who go back and forth between two."""
APT: Final = Path("/etc/apt")
OS_RELEASE: Final = Path("/etc/os-release")
_TOOLS: Final = (
    *("mmdebstrap", "busybox", "mkfs.ext4", "depmod", "modprobe", "cpio", "lz4"),
    *("qemu-img", "nix", "nix-build"),
)
_NIX: Final = """
experimental-features = nix-command flakes
substituters =
build-users-group =
sandbox = false
"""
# Only for accounts that may not write /nix. As root these paths would truncate the host's shell.
_NIX_APART: Final = "sandbox-paths = /bin=/bin /usr=/usr /lib=/lib /lib64=/lib64\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """The images on this host."""

    cache: Path
    scripts: Path
    """Holds build.sh."""
    system: Path
    """The Nix expression of the empty system, generation 0."""
    suite: str | None = None
    """The distribution's release; None: the host's own."""

    async def ensure(self, packages: Sequence[str]) -> Image:
        """Return the image with these packages, built when no cached one has the same key."""
        image = self.named(packages)
        while not self._note_use(image):
            async with self._locked(image.key):
                if not self._is_whole(image):
                    await self._build(image)
        return image

    @contextlib.asynccontextmanager
    async def held(self, image: Image) -> AsyncIterator[Path]:
        """Yield where the parts of an image are, which stay there until the block ends.

        Raises:
            NotFoundError: they are not there any more.
        """
        async with self._locked(image.key, fcntl.LOCK_SH):
            if not self._is_whole(image):
                raise errors.NotFoundError(
                    "machine.image_gone", f"the image {image.key} is not in {self.cache} any more"
                )
            yield self.folder(image)

    async def prune(self, used: AbstractSet[str]) -> Sequence[str]:
        """Drop images of earlier recipes, but for those in use and the ones used last."""
        recipe = self._recipe()
        old = [it for it in self._cached() if it.name not in used and _note(it) != recipe]
        by_use = sorted(old, key=_used_at, reverse=True)
        dropped = [it.name for it in by_use[KEPT:] if _drop(it)]
        if dropped:
            telemetry.log.info("images_dropped", images=dropped)
        return dropped

    def named(self, packages: Sequence[str]) -> Image:
        """Return the image with these packages, which may not be built yet."""
        return Image(key=self._key(packages), packages=tuple(sorted(set(packages))))

    def folder(self, image: Image) -> Path:
        """Return where the parts of an image are."""
        return self.cache / "images" / image.key

    def forget(self) -> None:
        """Drop every cached image, so that the next ones come with today's packages."""
        for folder in self._cached():
            shutil.rmtree(folder, ignore_errors=True)

    def _cached(self) -> Sequence[Path]:
        return [*(self.cache / "images").glob("[0-9a-f]*")]

    def _note_use(self, image: Image) -> bool:
        """Note that an image is wanted now, and by which recipe; say no when it is not there."""
        folder, recipe = self.folder(image), self._recipe()
        try:
            if _note(folder) != recipe:
                (folder / RECIPE).write_text(recipe)
            os.utime(folder)
        except FileNotFoundError:
            return False
        return True

    def _is_whole(self, image: Image) -> bool:
        return self.folder(image).is_dir()

    def _recipe(self) -> str:
        return self._key(())

    def _key(self, packages: Sequence[str]) -> str:
        digest = hashlib.sha256()
        for text in (platform.machine(), self._suite(), *sorted(set(packages))):
            digest.update(f"{text}\n".encode())
        for path in self._ingredients():
            digest.update(f"{path.name}\n".encode() + path.read_bytes())
        return digest.hexdigest()[:16]

    def _ingredients(self) -> Iterator[Path]:
        for folder in (self.scripts, self.system, self.system.parent / "lib"):
            yield from sorted(it for it in folder.rglob("*") if it.is_file())

    def _suite(self) -> str:
        if self.suite:
            return self.suite
        for line in OS_RELEASE.read_text(encoding="utf-8").splitlines():
            if line.startswith("VERSION_CODENAME="):
                return line.partition("=")[2].strip('"')
        raise errors.InvalidError(
            "machine.no_suite", f"{OS_RELEASE} names no release; set the suite of the machines"
        )

    @contextlib.asynccontextmanager
    async def _locked(self, key: str, mode: int = fcntl.LOCK_EX) -> AsyncIterator[None]:
        """Let one process at a time build or drop an image; a lock ends with its process."""
        handle = _open_lock(self.cache / "images", key)
        try:
            while not _try_lock(handle, mode):  # noqa: ASYNC110 - the other one may be another process
                await asyncio.sleep(LOCK_POLL_SECONDS)
            yield
        finally:
            os.close(handle)

    async def _build(self, image: Image) -> None:
        for tool in (*_TOOLS, *(("newuidmap",) if os.geteuid() else ())):
            commands.find(tool)
        for folder in (self.cache, Path(tempfile.gettempdir())):
            commands.check_room(folder, ROOM_BYTES)
        telemetry.log.info("image_build_started", image=image.key, packages=image.packages)
        with _workspace(self.folder(image).parent, image.key) as work:
            (work / "sources.sources").write_text(sources.read(APT, self._suite()))
            await self._put_empty_system(work / "system")
            await commands.run(
                (
                    str(self.scripts / "build.sh"),
                    str(work / "out"),
                    self._suite(),
                    ",".join(image.packages),
                    str(work / "sources.sources"),
                    str(work / "system"),
                )
            )
            (work / "out").rename(self.folder(image))
        telemetry.log.info("image_built", image=image.key)

    async def _put_empty_system(self, root: Path) -> None:
        """Fill a Nix store with generation 0: its closure, its registration, its profile."""
        apart = self.cache / "nix"
        store = () if os.geteuid() == 0 else ("--store", str(apart))
        environment = {"NIX_CONFIG": _NIX + (_NIX_APART if store else "")}
        built = await commands.run(
            ("nix-build", *store, "--no-out-link", str(self.system)), environment=environment
        )
        path = built.strip()
        target = f"local?root={quote(str(root))}"
        await commands.run(
            ("nix", *store, "copy", "--no-check-sigs", "--to", target, path),
            environment=environment,
        )
        profiles = root / "nix/var/nix/profiles"
        profiles.mkdir(parents=True, exist_ok=True)
        (profiles / "system-0-link").symlink_to(path)
        (profiles / "system").symlink_to("system-0-link")


@contextlib.contextmanager
def _workspace(parent: Path, key: str) -> Iterator[Path]:
    """Yield a folder beside the images; what an earlier attempt left there is cleared first."""
    for left in parent.glob(f".{key}.*"):
        if left.is_dir():
            _remove(left)
    with tempfile.TemporaryDirectory(prefix=f".{key}.", dir=parent) as name:
        work = Path(name)
        (work / "out").mkdir()
        (work / "system").mkdir()
        try:
            yield work
        finally:
            _remove(work / "system")


def _remove(tree: Path) -> None:
    """Remove a tree with a Nix store in it, whose folders nobody may write."""
    for folder, _, _ in os.walk(tree):
        Path(folder).chmod(0o700)
    shutil.rmtree(tree, ignore_errors=True)


def _note(folder: Path) -> str:
    """Return which recipe an image was last wanted by; nothing for one of long ago."""
    try:
        return (folder / RECIPE).read_text()
    except FileNotFoundError:
        return ""


def _used_at(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:  # somebody else dropped it
        return 0.0


def _drop(folder: Path) -> bool:
    """Drop an image, unless somebody builds it or makes a machine from it."""
    handle = _open_lock(folder.parent, folder.name)
    try:
        if not _try_lock(handle, fcntl.LOCK_EX) or not folder.is_dir():
            return False
        # First its name: what is half gone must not be taken for an image.
        gone = folder.with_name(f".{folder.name}.dropped")
        shutil.rmtree(gone, ignore_errors=True)
        folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
        return True
    finally:
        os.close(handle)


def _open_lock(folder: Path, key: str) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    return os.open(folder / f".{key}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)


def _try_lock(handle: int, mode: int) -> bool:
    try:
        fcntl.flock(handle, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
