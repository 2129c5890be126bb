"""What ``cad-bridge check`` says of a configuration, and what it finds out from the CAD and the game servers."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from bridge.cli.check import check
from bridge.clock import SystemClock
from bridge.simulator.cad import Cad
from bridge.simulator.cloud import Cloud
from bridge.simulator.cms.door import CMS_COMMUNITY, CMS_KEY
from bridge.simulator.community import Plan
from bridge.simulator.configuration_shapes import ServerRow
from bridge.simulator.faults import Answer, Drop
from bridge.simulator.server import SimulatorServer
from tests.support.configuration import API_KEY, MINIMAL, write_configuration
from tests.support.loop_thread import served
from tests.support.proxy import proxying
from tests.support.tls import TOML_KEYS, Authority

SECOND = '[[servers]]\nid = 2\nname = "second"\ntoken_file = "server-2.token"\n'


def run(folder: Path, toml: str = MINIMAL, *options: str) -> Result:
    path = write_configuration(folder, toml)
    return CliRunner().invoke(check, ["--config", str(path), *options])


# Offline


def test_a_good_configuration_is_described_and_exits_0(tmp_path: Path) -> None:
    result = run(tmp_path)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "listener: 127.0.0.1:30180",
        "admin:    127.0.0.1:30181",
        "CAD:      https://api.sonorancad.com (v2), community examplecad",
        f"outbox:   {tmp_path / 'outbox.sqlite3'}",
        "server 1 (main): locations every 5.05s; heartbeat every 1m",
        "all is well",
    ]


@pytest.mark.parametrize(
    ("section", "cad", "line"),
    [
        ('[locations]\ninterval = "7s"', "", "locations every 7s;"),
        ('[locations]\ninterval = "5.02s"', "", "locations every 5.05s;"),  # at the brink: the margin
        ('[locations]\ninterval = "10s"', "share = 0.5", "locations every 10.05s;"),
        ("", "limits = { updateUnitLocations = 60 }", "locations every 5s;"),
        (
            '[locations]\ninterval = "1s"',
            "limits = { updateUnitLocations = 60 }",
            "locations every 1.05s;",
        ),
        ('[heartbeat]\ninterval = "90s"', "", "heartbeat every 90s"),
        ('[heartbeat]\ninterval = "5s"', "", "heartbeat every 6s"),  # 10 a minute
    ],
)
def test_the_pace_that_results_is_told(tmp_path: Path, section: str, cad: str, line: str) -> None:
    result = run(tmp_path, f"{section}\n{MINIMAL}".replace("[cad]", f"[cad]\n{cad}"))

    assert line in result.stdout


def test_several_servers_take_turns(tmp_path: Path) -> None:
    result = run(tmp_path, MINIMAL + SECOND)

    for server in ("1 (main)", "2 (second)"):
        assert (
            f"server {server}: locations every 5.05s, 10.1s while all servers are busy; heartbeat every 1m"
            in result.stdout
        )


def test_five_servers_on_one_key_have_a_turn_each_25_seconds(tmp_path: Path) -> None:
    rows = [
        f'[[servers]]\nid = {number}\nname = "s{number}"\ntoken_file = "server-{number}.token"\n'
        for number in range(3, 6)
    ]
    for number in range(3, 6):
        (tmp_path / f"server-{number}.token").write_text(f"made-up-token-of-server-number-{number}")

    result = run(tmp_path, MINIMAL + SECOND + "".join(rows))

    told = [line.partition(": ")[2] for line in result.stdout.splitlines() if line.startswith("server ")]
    assert told == ["locations every 5.05s, 25.25s while all servers are busy; heartbeat every 1m"] * 5


@pytest.mark.parametrize(
    ("share", "told"),
    [
        ("0.5", "0.5 of each limit: 6 location batches a minute; a panic waits up to 12s"),
        (
            "0.45",
            "0.45 of each limit: 5 location batches a minute; a panic waits up to 13.3s",
        ),
        (
            "0.05",
            "0.05 of each limit: 0.6 location batches a minute; a panic waits up to 2m",
        ),
    ],
)
def test_what_a_share_of_the_key_costs_is_told(tmp_path: Path, share: str, told: str) -> None:
    result = run(tmp_path, MINIMAL.replace("[cad]", f"[cad]\nshare = {share}"))

    assert f"share:    {told}\n" in result.stdout


def test_a_bad_configuration_exits_2_with_its_problems_alone(tmp_path: Path) -> None:
    result = run(tmp_path, f'[locations]\ninterval = "1s"\n{MINIMAL}')

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith('bridge.toml: locations.interval: expected at least "5s"')


def test_what_is_unwise_is_a_warning_and_exits_0(tmp_path: Path) -> None:
    result = run(tmp_path, f'[listener]\nbind = "0.0.0.0:30180"\n{MINIMAL}')

    assert result.exit_code == 0
    assert result.stderr.startswith("warning: bridge.toml: listener.bind: ")
    assert result.stdout.endswith("all is well\n")


@pytest.mark.parametrize(("content", "code"), [("no list", 2), ('[{"code": "1", "x": 1, "y": 2}]', 0)])
def test_the_postals_are_read(tmp_path: Path, content: str, code: int) -> None:
    (tmp_path / "postals.json").write_text(content)

    result = run(tmp_path, f'[locations]\npostals_file = "postals.json"\n{MINIMAL}')

    assert result.exit_code == code
    assert ("locations.postals_file" in result.stderr) == bool(code)
    assert ("all is well" in result.stdout) != bool(code)


# Online


@pytest.fixture(name="cloud")
def _cloud() -> Cloud:
    return Cloud(SystemClock(), Cad(key=API_KEY, servers=(1, 3)))


@pytest.fixture(name="url")
def _url(cloud: Cloud) -> Iterator[str]:
    with served(lambda: SimulatorServer(SystemClock(), cloud=cloud)) as simulator:
        yield simulator.url


def at(url: str, toml: str = MINIMAL) -> str:
    return toml.replace("[cad]", f'[cad]\nbase_url = "{url}"')


def test_a_cad_that_takes_the_key_and_knows_the_server_is_well(
    tmp_path: Path, url: str, cloud: Cloud
) -> None:
    result = run(tmp_path, at(url), "--online")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-3:] == [
        "CAD:      reached, the key is right, plan PRO",
        "server 1 (main): the CAD calls it 'Server 1'",
        "all is well",
    ]
    assert [received.operation for received in cloud.journal.of(None)] == ["getVersion", "getServers"]


def test_a_community_on_v1_is_asked_in_v1(tmp_path: Path, url: str, cloud: Cloud) -> None:
    cloud.cad.community.api = "v1"

    result = run(tmp_path, at(url).replace("[cad]", '[cad]\napi = "v1"'), "--online")

    assert (result.exit_code, result.stderr) == (0, "")
    assert f"CAD:      {url} (v1), community examplecad" in result.stdout.splitlines()
    assert result.stdout.splitlines()[-3:] == [
        "CAD:      reached, the key is right, plan PRO",
        "server 1 (main): the CAD calls it 'Server 1'",
        "all is well",
    ]
    assert [one.operation for one in cloud.journal.of(None)] == ["V1:GET_VERSION", "V1:GET_SERVERS"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("INVALID API KEY", "cad.api_key_file: the CAD refuses this key"),
        ("INVALID COMMUNITY ID", "cad.community_id: the CAD does not know this community"),
    ],
)
def test_a_key_that_v1_refuses_exits_2_with_its_text(tmp_path: Path, url: str, text: str, told: str) -> None:
    toml = at(url).replace("[cad]", '[cad]\napi = "v1"')
    path = write_configuration(tmp_path, toml.replace("examplecad", "other") if text.endswith("ID") else toml)
    if text.endswith("KEY"):
        (tmp_path / "api-key").write_text("another-made-up-key")

    result = CliRunner().invoke(check, ["--config", str(path), "--online"])

    assert result.exit_code == 2
    assert result.stderr.startswith(f"{told}: Unauthorized: {text} ")


@pytest.mark.parametrize(
    ("key", "community", "code", "line"),
    [
        (CMS_KEY, CMS_COMMUNITY, 0, "CMS:      reached, the key is right, plan PRO"),
        (
            "another-made-up-key",
            CMS_COMMUNITY,
            2,
            "cms.api_key_file: the CMS refuses this key: INVALID API KEY",
        ),
        (CMS_KEY, "other", 2, "cms.community_id: the CMS does not know this community: INVALID COMMUNITY ID"),
    ],
)
def test_the_cms_is_asked_whether_its_key_is_right(
    tmp_path: Path, url: str, key: str, community: str, code: int, line: str
) -> None:
    cms = f'[cms]\nbase_url = "{url}"\ncommunity_id = "{community}"\napi_key_file = "cms-api-key"\n'
    path = write_configuration(tmp_path, cms + at(url))
    (tmp_path / "cms-api-key").write_text(key)

    result = CliRunner().invoke(check, ["--config", str(path), "--online"])

    assert result.exit_code == code
    assert f"CMS:      {url}, community {community}" in result.stdout
    assert line in result.output
    assert key not in result.output


def test_a_refused_key_exits_2_and_is_not_shown(tmp_path: Path, url: str) -> None:
    path = write_configuration(tmp_path, at(url))
    (tmp_path / "api-key").write_text("another-made-up-key")

    result = CliRunner().invoke(check, ["--config", str(path), "--online"])

    assert result.exit_code == 2
    assert result.stderr.startswith("cad.api_key_file: the CAD refuses this key: ")
    assert "another-made-up-key" not in result.output
    assert "all is well" not in result.stdout


def test_a_server_that_the_cad_does_not_know_exits_2(tmp_path: Path, url: str) -> None:
    result = run(tmp_path, at(url, MINIMAL + SECOND), "--online")

    assert result.exit_code == 2
    assert "server 1 (main): the CAD calls it" in result.stdout
    assert result.stderr == "servers[1].id: the CAD has no server 2; it has 1, 3\n"


def test_a_community_without_servers_is_told(tmp_path: Path, url: str, cloud: Cloud) -> None:
    cloud.cad.community.servers = ()

    result = run(tmp_path, at(url), "--online")

    assert result.stderr == "servers[0].id: the CAD has no server 1; it has none\n"


def test_a_plan_without_the_live_map_exits_2(tmp_path: Path, url: str, cloud: Cloud) -> None:
    cloud.cad.community.plan = Plan.FREE

    result = run(tmp_path, at(url), "--online")

    assert result.exit_code == 2
    assert "CAD: the plan is FREE; live locations and panics need Standard" in result.stderr


def test_what_a_plan_lacks_is_noted_and_exits_0(tmp_path: Path, url: str, cloud: Cloud) -> None:
    cloud.cad.community.plan = Plan.STANDARD

    result = run(tmp_path, at(url), "--online")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.count("\nnote: CAD: the plan is STANDARD; ") == 2
    assert "\nnote: outbox.unclear: the plan is STANDARD, " in result.stdout
    assert result.stdout.endswith("\nall is well\n")


def test_a_map_that_is_switched_off_is_a_warning_and_exits_0(tmp_path: Path, url: str, cloud: Cloud) -> None:
    cloud.cad.community.estate.configure([ServerRow(id=1, name="Main", enable_map=False)])

    result = run(tmp_path, at(url), "--online")

    assert result.exit_code == 0
    assert result.stderr == (
        "warning: CAD: the live map of server 1 (main) is switched off at Sonoran (enableMap), "
        "units will not show\n"
    )


def test_servers_that_cannot_be_read_exit_2(tmp_path: Path, url: str, cloud: Cloud) -> None:
    cloud.faults.add(Answer(operation="getServers", status=200))

    result = run(tmp_path, at(url), "--online")

    assert result.exit_code == 2
    assert result.stderr == "CAD: getServers: its answer shows no servers\n"


@pytest.mark.parametrize("operation", ["getVersion", "getServers"])
def test_a_cad_that_fails_is_told_in_its_own_words(
    tmp_path: Path, url: str, cloud: Cloud, operation: str
) -> None:
    cloud.faults.add(Answer(operation=operation, status=503))

    result = run(tmp_path, at(url), "--online")

    assert result.exit_code == 2
    assert result.stderr.startswith(f"CAD: {operation}: Service Unavailable")


@pytest.mark.parametrize("operation", ["getVersion", "getServers"])
def test_a_rate_limit_is_waited_out(tmp_path: Path, url: str, cloud: Cloud, operation: str) -> None:
    cloud.faults.add(Answer(operation=operation, status=429, retry_after="0.05", times=2))

    result = run(tmp_path, at(url), "--online")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.count("CAD:      limits our rate, asking again in 50ms\n") == 2
    assert len(cloud.journal.of(operation)) == 3


@pytest.mark.parametrize(("retry_after", "asked"), [("0.01", 3), ("61", 1)])
def test_a_rate_limit_that_lasts_exits_2(
    tmp_path: Path, url: str, cloud: Cloud, retry_after: str, asked: int
) -> None:
    cloud.faults.add(Answer(operation="getVersion", status=429, retry_after=retry_after))

    result = run(tmp_path, at(url), "--online")

    assert result.exit_code == 2
    assert result.stderr.startswith("CAD: getVersion: API rate limit exceeded")
    assert len(cloud.journal.of("getVersion")) == asked


@pytest.mark.parametrize("operation", ["getVersion", "getServers"])
def test_a_cad_that_breaks_off_is_told(tmp_path: Path, url: str, cloud: Cloud, operation: str) -> None:
    cloud.faults.add(Drop(operation=operation))

    result = run(tmp_path, at(url), "--online")

    assert (result.exit_code, result.stderr) == (2, f"cad.base_url: {url} gives no answer: reset\n")


def test_nobody_there_is_told(tmp_path: Path) -> None:
    result = run(tmp_path, at("http://127.0.0.1:1"), "--online")

    assert result.exit_code == 2
    assert result.stderr == "cad.base_url: http://127.0.0.1:1 gives no answer: connect\n"
    assert "Traceback" not in result.output


class GameServer:
    """Answers ``/dynamic.json`` as FXServer does."""

    def __init__(self) -> None:
        self.status = 200

    @asynccontextmanager
    async def serve(self) -> AsyncGenerator[str]:
        app = web.Application()
        app.router.add_get("/dynamic.json", self._answer)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _answer(self, _: web.Request) -> web.Response:
        return web.json_response({"clients": 12, "hostname": "demo"}, status=self.status)


def test_each_game_server_is_asked(tmp_path: Path, url: str, cloud: Cloud) -> None:
    with served(GameServer().serve) as address:
        port = address.rpartition(":")[2]
        cloud.cad.community.estate.configure([ServerRow(id=1, listener_port=port)])
        result = run(tmp_path, at(url) + f'fxserver_url = "{address}"\n', "--online")

    assert (result.exit_code, result.stderr) == (0, "")
    assert "game server main: answers, 12 players\n" in result.stdout


def test_a_game_server_on_another_port_than_the_cad_has_is_a_warning_and_exits_0(
    tmp_path: Path, url: str
) -> None:
    with served(GameServer().serve) as address:
        result = run(tmp_path, at(url) + f'fxserver_url = "{address}"\n', "--online")

    assert result.exit_code == 0
    assert result.stderr.startswith("warning: servers[0].fxserver_url: it has port ")
    assert "the CAD has game port 30120 for server 1" in result.stderr


def test_a_game_server_that_does_not_answer_exits_2(tmp_path: Path, url: str) -> None:
    game_server = GameServer()
    game_server.status = 404
    with served(game_server.serve) as address:
        result = run(tmp_path, at(url) + f'fxserver_url = "{address}"\n', "--online")

    assert result.exit_code == 2
    assert result.stderr.endswith(f"\ngame server main: {address}/dynamic.json does not answer\n")


# The way out, and TLS on the way in


def through(url: str, port: int) -> str:
    return at(url).replace("[cad]", f'[cad]\nproxy = "http://127.0.0.1:{port}"')


def test_a_cad_is_asked_through_the_proxy(tmp_path: Path, url: str) -> None:
    place = ("127.0.0.1", int(url.rpartition(":")[2]))
    with served(lambda: proxying({f"127.0.0.1:{place[1]}": place})) as proxy:
        result = run(tmp_path, through(url, proxy.port), "--online")

    assert (result.exit_code, result.stderr) == (0, "")
    assert f"proxy:    http://127.0.0.1:{proxy.port}" in result.stdout.splitlines()
    assert [line.split(" ")[0] for line in proxy.asked] == ["GET"] * len(proxy.asked)
    assert proxy.asked


@pytest.mark.parametrize(("refusal", "told"), [(407, ": it answers 407"), (502, ": it answers 502")])
def test_a_proxy_that_lets_nothing_through_exits_2_and_is_named(
    tmp_path: Path, refusal: int, told: str
) -> None:
    with served(lambda: proxying({})) as proxy:
        proxy.refusal = refusal
        result = run(tmp_path, through("https://api.sonorancad.test", proxy.port), "--online")

    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        f"cad.proxy: http://127.0.0.1:{proxy.port} gives no way to https://api.sonorancad.test{told}"
    )


def test_a_proxys_password_is_never_shown(tmp_path: Path) -> None:
    environ = {"CAD_BRIDGE_PROXY": "http://me:made-up-password@127.0.0.1:9"}
    path = write_configuration(tmp_path, at("https://api.sonorancad.test"))

    result = CliRunner(env=environ).invoke(check, ["--config", str(path), "--online"])

    assert result.exit_code == 2
    assert "proxy:    http://127.0.0.1:9" in result.stdout.splitlines()
    assert "made-up-password" not in result.output


def test_a_listener_with_tls_is_described_so(tmp_path: Path) -> None:
    Authority(tmp_path).issue()
    keys = "".join(f'{key} = "{value}"\n' for key, value in TOML_KEYS.items())

    result = run(tmp_path, f'[listener]\nbind = "0.0.0.0:30180"\n{keys}{MINIMAL}')

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("listener: 0.0.0.0:30180 (TLS)\n")


def test_a_certificate_that_cannot_be_used_exits_2(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.issue()
    authority.key.write_text("no key")
    keys = "".join(f'{key} = "{value}"\n' for key, value in TOML_KEYS.items())

    result = run(tmp_path, f"[listener]\n{keys}{MINIMAL}")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"bridge.toml: listener.tls_key_file: {authority.key} holds no private key in PEM form\n"
    )
