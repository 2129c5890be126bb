"""What is asked, how answers are read, and what the CAD says to a key."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import click
import pytest
from click.testing import CliRunner

from bridge.cli.installation import NewServer
from bridge.cli.questions import (
    Account,
    Taken,
    ask,
    ask_again,
    ask_cad,
    ask_key,
    ask_servers,
    name_of,
    read_key,
    reader,
)
from bridge.clock import SystemClock
from bridge.config import CadConfig, Secret, ServerConfig
from bridge.simulator.cad import Cad
from bridge.simulator.cloud import Cloud
from bridge.simulator.configuration_shapes import ServerRow
from bridge.simulator.faults import Answer, Drop
from bridge.simulator.server import SimulatorServer
from bridge.sonoran.v2 import Server
from tests.support.configuration import API_KEY
from tests.support.loop_thread import served

T = TypeVar("T")
KNOWN = Account(plan="PRO", servers=(Server(id=1, name="Main Server"), Server(id=3, name="Süd \x1b[31m")))
MAIN = Taken(servers=(NewServer(id=1, name="main-server"),))


def answered(question: Callable[[], T], typed: str) -> tuple[T, str]:
    """Return what came of a question that a person answered, and what he saw."""
    results: list[T] = []

    @click.command()
    def command() -> None:
        results.append(question())

    done = CliRunner().invoke(command, input=typed)
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    return results[0], done.stderr


def test_a_wrong_answer_is_told_and_asked_again() -> None:
    value, seen = answered(
        lambda: ask("Community id", reader(CadConfig, "community_id")), "has space\nexamplecad\n"
    )

    assert value == "examplecad"
    assert "expected the community's id, without spaces" in seen
    assert seen.count("Community id: ") == 2


def test_a_key_is_not_shown_not_even_where_it_is_wrong() -> None:
    key, seen = answered(ask_key, f"made up\n {API_KEY} \n")

    assert key == Secret(API_KEY)
    assert "made up" not in seen
    assert API_KEY not in seen
    assert "holds a space" in seen


@pytest.mark.parametrize(("typed", "key"), [("\n", None), (f"{API_KEY}\n", None), ("other\n", "other")])
def test_a_refused_key_may_be_kept_or_typed_anew(typed: str, key: str | None) -> None:
    again, seen = answered(lambda: ask_again(Secret(API_KEY)), typed)

    assert again == (None if key is None else Secret(key))
    assert API_KEY not in seen


def test_an_empty_key_is_none() -> None:
    with pytest.raises(ValueError, match="empty"):
        read_key("")


# Servers


def test_the_servers_of_the_cad_are_offered_and_taken_by_enter() -> None:
    servers, seen = answered(lambda: ask_servers(KNOWN, Taken()), "\n")

    assert servers == [NewServer(id=1, name="main-server"), NewServer(id=3, name="sud-31m")]
    assert "  1  Main Server\n" in seen
    assert "\x1b" not in seen


@pytest.mark.parametrize("typed", ["3", " 3,", "3 3"])
def test_some_of_them_may_be_chosen(typed: str) -> None:
    servers, _ = answered(lambda: ask_servers(KNOWN, Taken()), f"{typed}\n")

    assert [server.id for server in servers] == [3]


@pytest.mark.parametrize("typed", ["2", "1,x", ",", "-1"])
def test_others_than_those_are_refused(typed: str) -> None:
    servers, seen = answered(lambda: ask_servers(KNOWN, Taken()), f"{typed}\n1\n")

    assert [server.id for server in servers] == [1]
    assert "expected some of 1, 3" in seen


def test_what_is_there_already_is_not_offered_again() -> None:
    servers, seen = answered(lambda: ask_servers(KNOWN, MAIN), "\n")

    assert [server.id for server in servers] == [3]
    assert "1  Main Server (there already)" in seen


def test_where_all_are_there_nothing_is_asked() -> None:
    both = MAIN.with_one(3, "three")

    servers, seen = answered(lambda: ask_servers(KNOWN, both), "")

    assert servers == []
    assert "All of them are there already" in seen


@pytest.mark.parametrize("account", [None, Account(problem="no answer"), Account(plan="PRO")])
def test_a_cad_that_shows_no_servers_leaves_it_to_the_person(account: Account | None) -> None:
    servers, seen = answered(lambda: ask_servers(account, Taken()), "one\n\nbad name\nmain\n")

    assert servers == [NewServer(id=1, name="main")]
    assert "Admin > Customization > Servers" in seen
    assert "expected a number" in seen
    assert "expected a name of letters" in seen


def test_a_number_or_name_that_is_taken_is_asked_again() -> None:
    servers, seen = answered(lambda: ask_servers(None, MAIN), "1\n\nmain-server\n\n")

    assert servers == [NewServer(id=2, name="server-2")]
    assert "server 1 is there already, as main-server" in seen
    assert "the name main-server is taken by server 1" in seen


@pytest.mark.parametrize(
    ("name", "used", "made"),
    [
        ("Main Server", set[str](), "main-server"),
        ("  -- [PD] Ünïcode! ", set[str](), "pd-unicode"),
        ("Сервер", set[str](), "server-7"),
        ("", set[str](), "server-7"),
        ("main", {"main"}, "main-7"),
        ("x" * 100, set[str](), "x" * 52),
    ],
)
def test_a_name_is_made_that_the_configuration_takes(name: str, used: set[str], made: str) -> None:
    found = name_of(7, name, used)

    assert found == made
    assert reader(ServerConfig, "name")(found) == found


# The CAD


@pytest.fixture(name="cloud")
def _cloud() -> Cloud:
    return Cloud(SystemClock(), Cad(key=API_KEY, servers=(1,)))


@pytest.fixture(name="url")
def _url(cloud: Cloud) -> Iterator[str]:
    with served(lambda: SimulatorServer(SystemClock(), cloud=cloud)) as simulator:
        yield simulator.url


def account_at(url: str, key: str = API_KEY, api: str = "v2") -> Account:
    return ask_cad(CadConfig(community_id="examplecad", api_key=Secret(key), base_url=url, api=api))


@pytest.mark.parametrize("api", ["v1", "v2"])
def test_a_right_key_shows_plan_and_servers(url: str, cloud: Cloud, api: str) -> None:
    cloud.cad.community.api = "both"
    cloud.cad.community.estate.configure([ServerRow(id=2, name="Second")])

    account = account_at(url, api=api)

    assert (account.plan, account.problem, account.refused) == ("PRO", "", False)
    assert [(row.id, row.name) for row in account.servers] == [(2, "Second")]


@pytest.mark.parametrize("api", ["v1", "v2"])
def test_a_wrong_key_is_refused(url: str, cloud: Cloud, api: str) -> None:
    cloud.cad.community.api = "both"

    account = account_at(url, "another-made-up-key", api)

    assert account.refused
    assert account.problem
    assert "another-made-up-key" not in account.problem


def test_a_cad_that_is_down_is_not_the_keys_fault(url: str, cloud: Cloud) -> None:
    cloud.faults.add(Answer(operation="getVersion", status=503))

    account = account_at(url)

    assert account.problem.startswith("Service Unavailable")
    assert not account.refused


def test_nobody_there_is_told() -> None:
    account = account_at("http://127.0.0.1:1")

    assert account == Account(problem="http://127.0.0.1:1 gives no answer: connect")


def test_servers_that_are_not_shown_leave_the_key_right(url: str, cloud: Cloud) -> None:
    cloud.faults.add(Answer(operation="getServers", status=403))

    assert account_at(url) == Account(plan="PRO")


def test_a_cad_that_breaks_off_is_told(url: str, cloud: Cloud) -> None:
    cloud.faults.add(Drop(operation="getServers"))

    assert account_at(url).problem == f"{url} gives no answer: reset"
