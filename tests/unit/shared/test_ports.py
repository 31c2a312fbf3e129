"""Every application of a deployment answers at a port of its own, which stays the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.catalogue import ports

NAMES = st.sampled_from("abcdef")
PORTS = st.sampled_from([22, 80, 443, 8080, 8081])
WANTED = st.dictionaries(NAMES, PORTS)


def test_an_application_alone_has_the_port_of_its_package() -> None:
    assert ports.assign({"hello": 80}) == {"hello": 80}


def test_the_second_one_of_a_port_gets_the_next_free_one() -> None:
    wanted = {"pages": 80, "hello": 80, "wiki": 8080, "blog": 80}

    assert ports.assign(wanted) == {"blog": 80, "wiki": 8080, "hello": 8081, "pages": 8082}


def test_where_machines_answer_ssh_no_application_answers() -> None:
    assert ports.assign({"hello": 22}) == {"hello": 8080}


def test_what_an_application_had_that_leaves_is_not_given_to_one_that_comes() -> None:
    earlier = [("hello", 80), ("blog", 8080)]

    assert ports.assign({"pages": 80, "blog": 80}, earlier) == {"blog": 8080, "pages": 8081}


def test_of_two_that_had_the_same_port_the_first_keeps_it() -> None:
    earlier = [("hello", 80), ("blog", 80)]

    assert ports.assign({"blog": 80, "hello": 80}, earlier) == {"hello": 80, "blog": 8080}


def test_what_runs_counts_more_than_what_was_tried_since() -> None:
    runs, tried = [("hello", 80)], [("hello", 8080), ("blog", 80)]

    found = ports.assign({"hello": 80, "blog": 80}, [*runs, *tried])

    assert found == {"hello": 80, "blog": 8080}


@given(wanted=WANTED, earlier=WANTED)
def test_no_two_share_a_port_and_none_has_that_of_ssh(
    wanted: dict[str, int], earlier: dict[str, int]
) -> None:
    found = ports.assign(wanted, ports.assign(earlier).items())

    assert {*found} == {*wanted}
    assert len({*found.values()}) == len(found)
    assert ports.SSH not in found.values()


@given(revisions=st.lists(WANTED, min_size=2, max_size=5))
def test_whoever_comes_or_goes_the_others_keep_their_ports(revisions: list[dict[str, int]]) -> None:
    before = ports.assign(revisions[0])
    for wanted in revisions[1:]:
        after = ports.assign(wanted, before.items())
        assert all(after[it] == before[it] for it in {*before} & {*after})
        before = after


@given(wanted=WANTED, earlier=WANTED, data=st.data())
def test_the_order_in_which_they_are_asked_for_changes_nothing(
    wanted: dict[str, int], earlier: dict[str, int], data: st.DataObject
) -> None:
    had = ports.assign(earlier)
    shuffled = dict(data.draw(st.permutations(list(wanted.items()))))

    assert ports.assign(shuffled, had.items()) == ports.assign(wanted, had.items())
