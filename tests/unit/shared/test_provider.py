"""The provider file is refused as a whole, with every mistake by its place, or read as a whole."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from shared import errors, provider

GOOD = """
[provider]
name = "Demo"
[panel]
host = "panel.demo.localhost"
upstream = "127.0.0.1:8001"
[[runtime_backends]]
name = "local"
kind = "qemu"
[runtime_backends.doors]
s3 = "127.0.0.1:8333"
[[object_stores]]
name = "local"
kind = "iam"
endpoint = "http://127.0.0.1:8333"
access_key_id = "admin"
secret_key_file = "secrets/store"
retention_days = 0
[[zones]]
name = "front"
kind = "front"
suffix = "localhost"
endpoint = "http://127.0.0.1:8053"
token_file = "/run/secrets/front"
[edge]
kind = "caddy"
admin = "http://127.0.0.1:2019"
address = "127.0.0.1:8080"
public_scheme = "http"
public_port = 18080
[sizes.small]
cpus = 1
memory_mib = 256
disk_gib = 4
[catalogue]
folders = ["nix/applications"]
[policy]
placement = "machine-per-deployment"
"""


def a_file(folder: Path, text: str = GOOD) -> Path:
    path = folder / "provider.toml"
    path.write_text(text)
    return path


def mistakes(folder: Path, text: str) -> dict[str, str]:
    with pytest.raises(errors.InvalidError) as raised:
        provider.load(a_file(folder, text))
    for where, reason in raised.value.details.items():
        assert f"{where}: {reason}" in raised.value.message
    return raised.value.details


def test_a_complete_file_is_read(tmp_path: Path) -> None:
    found = provider.load(a_file(tmp_path))

    assert found.provider.name == "Demo"
    assert str(found.panel.upstream) == "127.0.0.1:8001"
    assert found.runtime_backends[0].doors.mail is None
    assert found.runtime_backends[0].retention_days == 7
    assert found.object_stores[0].region == "us-east-1"
    assert found.sizes["small"].memory_mib == 256
    assert found.policy.placement == "machine-per-deployment"


def test_relative_paths_are_seen_from_the_file_and_absolute_ones_stay(tmp_path: Path) -> None:
    found = provider.load(a_file(tmp_path))

    assert found.object_stores[0].secret_key_file == tmp_path / "secrets/store"
    assert found.zones[0].token_file == Path("/run/secrets/front")
    assert found.catalogue.folders == (tmp_path / "nix/applications",)


def test_its_digest_is_that_of_the_file(tmp_path: Path) -> None:
    found = provider.load(a_file(tmp_path))

    assert found.digest == hashlib.sha256(GOOD.encode()).hexdigest()


def test_every_mistake_is_named_at_once_by_its_place_in_the_file(tmp_path: Path) -> None:
    text = (
        GOOD.replace('name = "Demo"\n', "")
        .replace("cpus = 1", 'cpus = "one"')
        .replace('s3 = "127.0.0.1:8333"', 's3 = "127.0.0.1"')
        .replace('kind = "caddy"', 'kind = "apache"')
        .replace("retention_days = 0", "retention_days = -1")
        .replace('kind = "qemu"', 'kind = "qemu"\nretention_days = 0')
        .replace('placement = "machine-per-deployment"', 'placment = "x"')
    )

    found = mistakes(tmp_path, text)

    assert found == {
        "provider.name": "is missing; add it",
        "sizes.small.cpus": "must be a valid integer",
        "runtime_backends[0].retention_days": "must be greater than or equal to 1",
        "runtime_backends[0].doors.s3": "must be an address such as 127.0.0.1:8080",
        "edge.kind": "must be 'caddy'",
        "object_stores[0].retention_days": "must be greater than or equal to 0",
        "policy.placment": "is not known here; did you mean `placement`?",
    }


def test_names_and_suffixes_are_unique_also_beside_other_mistakes(tmp_path: Path) -> None:
    zone = GOOD[GOOD.index("[[zones]]") : GOOD.index("[edge]")]
    text = GOOD.replace("[edge]", zone + "[edge]").replace("cpus = 1", "cpus = 0")

    found = mistakes(tmp_path, text)

    assert found["zones[1].name"] == "is the same as zones[0].name; choose another"
    assert found["zones[1].suffix"] == "is the same as zones[0].suffix; choose another"
    assert "sizes.small.cpus" in found


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ('secret_key = "hunter2"', "object_stores[0].secret_key"),
        ('endpoint = "http://admin:hunter2@127.0.0.1:8333"', "object_stores[0].endpoint"),
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(
    tmp_path: Path, field: str, place: str
) -> None:
    found = mistakes(tmp_path, GOOD.replace('endpoint = "http://127.0.0.1:8333"', field, 1))

    assert "name a file" in found[place]
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("127.0.0.1:8001", "127.0.0.1:0", "panel.upstream"),
        ("127.0.0.1:8001", ":80", "panel.upstream"),
        ("http://127.0.0.1:2019", "127.0.0.1:2019", "edge.admin"),
        ('suffix = "localhost"', 'suffix = "*.localhost"', "zones[0].suffix"),
        ('host = "panel.demo.localhost"', 'host = "Panel.demo"', "panel.host"),
        ("[sizes.small]", "[sizes.Small]", "sizes.Small"),
        ('public_scheme = "http"', 'public_scheme = "https"', "edge.tls_address"),
        ("cpus = 1", "cpus = true", "sizes.small.cpus"),
        ('folders = ["nix/applications"]', "folders = []", "catalogue.folders"),
    ],
)
def test_a_value_that_breaks_a_rule_is_found(
    tmp_path: Path, old: str, new: str, place: str
) -> None:
    assert list(mistakes(tmp_path, GOOD.replace(old, new, 1))) == [place]


def test_a_file_that_is_no_toml_says_where(tmp_path: Path) -> None:
    assert "line 2" in mistakes(tmp_path, "\nname = = 1")["file"]


def test_a_file_that_does_not_exist_is_one_mistake(tmp_path: Path) -> None:
    with pytest.raises(errors.InvalidError, match="No such file"):
        provider.load(tmp_path / "absent.toml")


def test_an_empty_file_lists_everything_that_is_needed(tmp_path: Path) -> None:
    assert set(mistakes(tmp_path, "")) == {
        "provider", "panel", "runtime_backends", "object_stores", "zones", "edge", "sizes",
        "catalogue",
    }  # fmt: skip


def test_public_urls_leave_out_the_port_that_the_scheme_implies(tmp_path: Path) -> None:
    usual = GOOD.replace("public_port = 18080", "public_port = 80")

    assert provider.load(a_file(tmp_path)).public_url("a.localhost") == "http://a.localhost:18080"
    assert provider.load(a_file(tmp_path, usual)).public_url("a.localhost") == "http://a.localhost"


def test_the_closest_zone_publishes_a_host(tmp_path: Path) -> None:
    zone = GOOD[GOOD.index("[[zones]]") : GOOD.index("[edge]")]
    garden = zone.replace('"front"', '"garden"', 1).replace('"localhost"', '"garden.localhost"')
    found = provider.load(a_file(tmp_path, GOOD.replace("[edge]", garden + "[edge]")))

    assert found.zone_for("blog.garden.localhost").name == "garden"
    assert found.zone_for("garden.localhost").name == "garden"
    assert found.zone_for("blog.othergarden.localhost").name == "front"
    with pytest.raises(errors.NotFoundError, match=r"garden\.example"):
        found.zone_for("garden.example")


def test_a_secret_file_is_read_without_its_newline(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("s3cr3t\n")

    assert provider.read_secret(path).get_secret_value() == "s3cr3t"


@pytest.mark.parametrize("text", [None, "", "\n"])
def test_a_secret_file_that_holds_nothing_is_named(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "secret"
    if text is not None:
        path.write_text(text)

    with pytest.raises(errors.InvalidError, match=str(path)):
        provider.read_secret(path)
