"""Records are found however a host is written, and survive in their file."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.embedded.records import Record, Records, is_host

HERE = Record(address="127.0.0.1:8080")


def test_a_host_is_found_in_any_spelling(tmp_path: Path) -> None:
    records = Records(tmp_path / "records.json")
    records.put("Blog.Garden.localhost.", HERE)

    assert records.find("blog.garden.localhost") == HERE
    assert records.find("BLOG.garden.localhost.:18080") == HERE
    assert records.find("garden.localhost") is None


def test_records_are_read_back_from_their_file(tmp_path: Path) -> None:
    records = Records(tmp_path / "records.json")
    records.put("one.localhost", HERE)
    records.put("two.localhost", Record(address="127.0.0.1:1", tls_address="127.0.0.1:2"))
    records.remove("one.localhost")
    records.remove("one.localhost")

    assert Records(tmp_path / "records.json").all() == {
        "two.localhost": Record(address="127.0.0.1:1", tls_address="127.0.0.1:2")
    }


def test_a_record_without_tls_leads_nowhere_for_tls() -> None:
    assert HERE.place(is_tls=False) == ("127.0.0.1", 8080)
    assert HERE.place(is_tls=True) is None


@pytest.mark.parametrize("address", ["example.org:80", "127.0.0.1", "::1:80", "127.0.0.1:80/x"])
def test_only_an_address_is_an_address(address: str) -> None:
    with pytest.raises(ValidationError):
        Record(address=address)


def test_only_a_host_name_is_a_host() -> None:
    assert is_host("blog.garden.localhost.")
    assert not is_host("*.localhost")
    assert not is_host("a..b")
    assert not is_host("")
    assert not is_host("a" * 64)
