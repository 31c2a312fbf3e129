"""Panel sends nothing to what only this computer and its neighbours should reach."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.panel.domain.reachable import ReachRules
from shared import errors

RULES = ReachRules()
INSIDE = (
    *("127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255"),  # noqa: S104 - an address to refuse
    *("192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.0.8", "198.18.0.1", "224.0.0.1"),
    *("239.255.255.250", "255.255.255.255", "240.0.0.1", "192.0.2.1", "203.0.113.9"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1", "fec0::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "::10.0.0.1"),
    *("::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1"),
    *("2002:7f00:1::1", "2002:a00:1::1", "2001:0:7f00:1::1", "2001:db8::1", "100::1"),
)
OUTSIDE = ("93.184.216.34", "1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101")


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not RULES.admits(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_what_is_public_is_admitted(address: str) -> None:
    assert RULES.admits(address)


@given(st.ip_addresses(v=4))
def test_an_address_inside_an_ipv6_one_is_the_same_address(
    address: ipaddress.IPv4Address,
) -> None:
    mapped = f"::ffff:{address}"
    translated = str(ipaddress.IPv6Address(int(ipaddress.ip_address("64:ff9b::")) + int(address)))

    assert RULES.admits(mapped) == RULES.admits(str(address)) == RULES.admits(translated)


def test_one_address_that_is_refused_is_enough() -> None:
    assert RULES.admits_all(["1.1.1.1", "2606:4700::1111"])
    assert not RULES.admits_all(["1.1.1.1", "127.0.0.1"])
    assert not RULES.admits_all([])


def test_settings_allow_a_network_and_refuse_the_providers_own() -> None:
    rules = ReachRules(
        allowed=(ipaddress.ip_network("10.7.0.0/16"),),
        refused=(ipaddress.ip_network("10.7.9.0/24"), ipaddress.ip_network("1.1.1.0/24")),
    )

    assert rules.admits("10.7.0.1")
    assert rules.admits("::ffff:10.7.0.1")
    assert not rules.admits("10.8.0.1")
    assert not rules.admits("10.7.9.1")
    assert not rules.admits("1.1.1.1")
    assert not rules.admits("::ffff:1.1.1.1")


@pytest.mark.parametrize(
    ("given_url", "url", "authority"),
    [
        ("https://hooks.example", "https://hooks.example/", "hooks.example"),
        ("HTTPS://Hooks.Example./a?b=c", "https://hooks.example/a?b=c", "hooks.example"),
        ("https://hooks.example:443/a", "https://hooks.example/a", "hooks.example"),
        ("https://hooks.example:8443/a", "https://hooks.example:8443/a", "hooks.example:8443"),
        ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/", "[2606:4700::1111]"),
        ("https://gärten.example/", "https://xn--grten-gra.example/", "xn--grten-gra.example"),
    ],
)
def test_a_url_has_one_written_form(given_url: str, url: str, authority: str) -> None:
    target = RULES.check_url(given_url)

    assert (target.url, target.authority) == (url, authority)
    assert RULES.check_url(target.url) == target


@pytest.mark.parametrize(
    "url",
    [
        *("", "hooks.example", "http://hooks.example/", "ftp://hooks.example/", "file:///etc/x"),
        *("https://", "https:///a", "https://a b/", "https://user@hooks.example/"),
        *("https://user:x@hooks.example/", "https://@hooks.example/", "https://hooks.example/#a"),
        *("https://hooks.example\\@127.0.0.1/", "https://hooks.example/a\\b"),
        *("https://hooks.example/ä", "https://hooks.example/a b", "https://[fe80::1%25eth0]/"),
        *("https://hooks.example:22/", "https://hooks.example:25/", "https://hooks.example:0/"),
        *("https://hooks.example:99999/", "https://hooks.example:x/", "https://[::1/"),
        f"https://hooks.example/{'a' * 1024}",
    ],
)
def test_other_urls_are_refused_with_a_reason(url: str) -> None:
    with pytest.raises(errors.InvalidError) as caught:
        RULES.check_url(url)

    assert caught.value.details["/url"]


def test_plain_http_is_allowed_where_the_settings_say_so() -> None:
    assert ReachRules(allow_http=True).check_url("http://hooks.example:8080/").port == 8080
