"""Who is let in, and how seldom the CMS is asked for that."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.errors import BudgetError, CadError
from bridge.sonoran import cms
from bridge.units import ServerId
from bridge.whitelist.whitelist import KNOWN_SECONDS, PATIENCE, Verdict
from tests.support.transport import answer
from tests.support.whitelisting import DENIED, OTHER_SERVER, SERVER, Whitelisting, run_whitelist

DOWN = CadError("connect", sent=False)
MOST_REQUESTS = 12  # a minute; the thirteenth is the keeper's


async def joined(bench: Whitelisting, players: range, *, over: float) -> list[Verdict]:
    """Return the verdicts on players that join one after the other, evenly over so many seconds."""

    async def join(place: int, number: int) -> Verdict:
        await bench.clock.sleep(place * over / len(players))
        return await bench.check(f"license:{number}")

    return await asyncio.gather(*(join(place, number) for place, number in enumerate(players)))


def test_who_is_on_the_list_is_let_in_from_memory_whatever_the_case_of_his_id(tmp_path: Path) -> None:
    async def case(bench: Whitelisting) -> None:
        bench.listed.players["STEAM:1A"] = "Jo"
        await bench.start()
        asked = len(bench.sent)
        started = bench.clock.monotonic()

        verdict = await bench.check("steam:1a")

        assert (verdict.status, verdict.text, verdict.result) == (200, "Jo", "allowed")
        assert verdict.age == pytest.approx(0.95, abs=0.1)
        assert bench.clock.monotonic() == started
        assert len(bench.sent) == asked
        assert bench.sample("whitelist_checks_total", server="main", result="allowed") == 1.0
        assert bench.sample("whitelist_players", server="main") == 1.0

    run_whitelist(tmp_path, case)


def test_a_thousand_who_join_within_a_minute_cost_a_dozen_requests_strangers_included(tmp_path: Path) -> None:
    async def case(bench: Whitelisting) -> None:
        bench.listed.players = {f"license:{number}": f"Player {number}" for number in range(500)}
        await bench.start()

        verdicts = await joined(bench, range(1000), over=55.0)

        assert [verdict.status for verdict in verdicts] == [200] * 500 + [404] * 500
        assert bench.most_in_a_minute() <= MOST_REQUESTS

    run_whitelist(tmp_path, case)


def test_strangers_never_cost_more_than_a_dozen_requests_in_any_minute(tmp_path: Path) -> None:
    async def case(bench: Whitelisting) -> None:
        await bench.start()

        await joined(bench, range(3000), over=600.0)

        assert bench.most_in_a_minute() <= MOST_REQUESTS
        for operation, most in ((cms.FULL_WHITELIST, 2 + 2), (cms.VERIFY_WHITELIST, 12 - 4)):
            times = [one.at for one in bench.transport.requests(operation)]
            assert max(sum(at <= other < at + 60.0 for other in times) for at in times) <= most

    run_whitelist(tmp_path, case)


def test_who_was_just_added_gets_in_within_seconds_though_he_was_turned_away_before(tmp_path: Path) -> None:
    async def case(bench: Whitelisting) -> None:
        await bench.start()
        assert (await bench.check("license:1")).status == 404
        bench.listed.players["license:1"] = "Jo"

        await bench.clock.sleep(10.5)
        verdict = await bench.check("license:1")

        assert (verdict.status, verdict.text) == (200, "Jo")

    run_whitelist(tmp_path, case)


def test_who_was_taken_off_is_turned_away_within_a_minute_or_so(tmp_path: Path) -> None:
    async def case(bench: Whitelisting) -> None:
        bench.listed.players["license:1"] = "Jo"
        await bench.start()
        bench.listed.players.clear()

        await bench.clock.sleep(61.0)
        assert (await bench.check("license:1")).status == 404

    run_whitelist(tmp_path, case)


def test_who_bypasses_the_list_is_asked_for_and_remembered(tmp_path: Path) -> None:
    async def case(bench: Whitelisting) -> None:
        bench.listed.bypassing["license:1"] = "Jo"
        await bench.start()

        first = await bench.check("license:1")
        again = await bench.check("license:1")

        assert first.text == again.text == "BYPASSED WHITELIST - Jo"
        assert (first.age, again.age is not None) == (None, True)
        assert len(bench.transport.requests(cms.VERIFY_WHITELIST)) == 1

    run_whitelist(tmp_path, case)


def test_who_bypasses_the_list_gets_in_in_the_midst_of_a_crowd_if_he_was_ever_asked_for(
    tmp_path: Path,
) -> None:
    async def case(bench: Whitelisting) -> None:
        bench.listed.bypassing["license:admin"] = "Jo"
        await bench.start()
        await bench.check("license:admin")
        await bench.clock.sleep(300.0)
        await joined(bench, range(200), over=5.0)

        verdict = await bench.check("license:admin")

        assert (verdict.status, verdict.result) == (200, "stale")

    run_whitelist(tmp_path, case)


@pytest.mark.parametrize("kind", ["username", "accId", "discord", "uniqueId"])
def test_an_account_by_another_name_is_asked_for_and_remembered_for_a_minute(
    tmp_path: Path, kind: str
) -> None:
    async def case(bench: Whitelisting) -> None:
        bench.listed.bypassing["12"] = "Jo"
        bench.listed.players["12"] = "Somebody else"
        await bench.start()
        for _ in range(5):
            verdict = await bench.check("12", kind)
            assert (verdict.status, verdict.text) == (200, "Somebody else")
        await bench.clock.sleep(61.0)
        await bench.check("12", kind)

        assert len(bench.transport.requests(cms.VERIFY_WHITELIST)) == 2
        assert list(bench.transport.requests(cms.VERIFY_WHITELIST)[0].body[0]) == [kind, "serverId"]

    run_whitelist(tmp_path, case)


def test_accounts_by_other_names_keep_to_the_limit_and_then_hear_when_they_may_ask(tmp_path: Path) -> None:
    async def case(bench: Whitelisting) -> None:
        await bench.start()
        for number in range(27):
            await bench.check(f"Player {number}", "username")

        with pytest.raises(BudgetError):
            await bench.check("Player 27", "username")
        assert (await bench.check("Player 3", "username")).status == 404

    run_whitelist(tmp_path, case)


def test_a_check_that_names_no_server_is_asked_so(tmp_path: Path) -> None:
    async def case(bench: Whitelisting) -> None:
        await bench.start()
        await bench.check("license:1", any_server=True)
        await bench.check("license:1")

        bodies = [one.body for one in bench.transport.requests(cms.VERIFY_WHITELIST)]
        assert bodies == [[{"apiId": "license:1"}], [{"apiId": "license:1", "serverId": 1}]]

    run_whitelist(tmp_path, case)


@pytest.mark.parametrize("allow_unknown", [False, True])
def test_while_the_cms_is_down_the_known_get_in_and_the_configuration_decides_on_the_rest(
    tmp_path: Path, *, allow_unknown: bool
) -> None:
    async def case(bench: Whitelisting) -> None:
        bench.listed.players["license:1"] = "Jo"
        bench.listed.bypassing["license:2"] = "Al"
        await bench.start()
        await bench.check("license:2")
        await bench.check("license:3")
        bench.meet(DOWN)
        with capture_logs() as logs:
            await bench.clock.sleep(200.0)
        started = bench.clock.monotonic()
        listed, bypassing, refused, new = [await bench.check(f"license:{number}") for number in range(1, 5)]

        assert bench.clock.monotonic() == started, "nobody waits to hear that it is down"
        assert (listed.status, listed.text, listed.result) == (200, "Jo", "stale")
        assert (bypassing.status, bypassing.result) == (200, "stale")
        assert (refused.status, refused.text, refused.result) == (404, DENIED, "denied")
        assert new.result == "unknown"
        assert (new.status, new.text) == (
            (200, "BYPASSED WHITELIST - license:4") if allow_unknown else (404, DENIED)
        )
        assert [line["reason"] for line in logs if line["event"] == "whitelist cannot be fetched"] == [
            "connect"
        ] * 2
        assert bench.sample("whitelist_checks_total", server="main", result="stale") == 2.0
        assert bench.sample("whitelist_checks_total", server="main", result="unknown") == 1.0

        bench.be_healthy()
        with capture_logs() as logs:
            await bench.clock.sleep(11.0)
        assert (await bench.check("license:1")).result == "allowed"
        assert len([line for line in logs if line["event"] == "whitelist fetched"]) == 2

    run_whitelist(tmp_path, case, allow_unknown=allow_unknown)


def test_one_failure_is_enough_to_say_that_a_list_is_old(tmp_path: Path) -> None:
    async def case(bench: Whitelisting) -> None:
        bench.listed.players["license:1"] = "Jo"
        await bench.start()
        bench.meet(answer(502))
        assert (await bench.check("license:9")).result == "unknown"
        await bench.clock.sleep(1.0)

        assert (await bench.check("license:1")).result == "stale"

    run_whitelist(tmp_path, case)


def test_a_cms_that_hangs_keeps_a_stranger_for_seconds_and_a_known_player_not_at_all(tmp_path: Path) -> None:
    async def case(bench: Whitelisting) -> None:
        bench.listed.players["license:1"] = "Jo"
        await bench.start()
        await bench.clock.sleep(20.0)
        bench.transport.seconds = 30.0
        started = bench.clock.monotonic()
        assert (await bench.check("license:1")).status == 200
        assert bench.clock.monotonic() == started

        assert (await bench.check("license:9")).result == "unknown"
        assert bench.clock.monotonic() - started == pytest.approx(PATIENCE)

    run_whitelist(tmp_path, case)


def test_a_refused_key_lets_the_known_in_and_asks_nothing(tmp_path: Path) -> None:
    async def case(bench: Whitelisting) -> None:
        bench.listed.players["license:1"] = "Jo"
        await bench.start()
        bench.breaker.refuse_key()
        asked = len(bench.sent)
        await bench.clock.sleep(300.0)

        assert (await bench.check("license:1")).result == "stale"
        assert (await bench.check("license:2")).result == "unknown"
        assert len(bench.sent) == asked

        bench.breaker.accept_key()
        await bench.clock.sleep(1.0)
        assert (await bench.check("license:1")).result == "allowed"

    run_whitelist(tmp_path, case)


def test_a_bridge_that_starts_while_the_cms_is_down_knows_who_was_on_the_list(tmp_path: Path) -> None:
    async def before(bench: Whitelisting) -> None:
        bench.listed.players["license:1"] = "Jo"
        await bench.start()

    async def after(bench: Whitelisting) -> Verdict:
        bench.meet(DOWN)
        await bench.clock.sleep(3600.0)
        await bench.start()
        return await bench.check("license:1")

    run_whitelist(tmp_path, before)
    verdict = run_whitelist(tmp_path, after)
    stranger = run_whitelist(tmp_path, after, community="https://cms.example another")

    assert (verdict.status, verdict.text, verdict.result) == (200, "Jo", "stale")
    assert verdict.age == pytest.approx(3600.0, abs=5.0)
    assert (stranger.status, stranger.result) == (404, "unknown")


@pytest.mark.parametrize("body", [b"NOT A LIST", b'{"error":"license:1"}', b"["])
def test_what_is_no_whitelist_replaces_none_and_does_not_reach_the_log(tmp_path: Path, body: bytes) -> None:
    async def case(bench: Whitelisting) -> None:
        bench.listed.players["license:1"] = "Jo"
        await bench.start()
        bench.transport.always(cms.FULL_WHITELIST, answer(200, body))
        with capture_logs() as logs:
            await bench.clock.sleep(61.0)

        assert (await bench.check("license:1")).result == "stale"
        assert {line["reason"] for line in logs if line["event"] == "whitelist cannot be fetched"} == {
            "no whitelist"
        }

    run_whitelist(tmp_path, case)


def test_where_lists_cannot_be_had_players_are_asked_for_one_by_one(tmp_path: Path) -> None:
    async def case(bench: Whitelisting) -> None:
        bench.transport.always(cms.FULL_WHITELIST, answer(400, b"NOT IN YOUR PLAN"))
        bench.listed.bypassing = {f"license:{number}": "Jo" for number in range(20)}
        await bench.start()

        verdicts = [await bench.check(f"license:{number}") for number in range(20)]

        assert {verdict.status for verdict in verdicts} == {200}
        assert bench.whitelist.listing(SERVER) is None

    run_whitelist(tmp_path, case)


def test_a_list_is_shown_with_its_age_as_the_cms_wrote_it(tmp_path: Path) -> None:
    async def case(bench: Whitelisting) -> None:
        bench.listed.players["license:1"] = "Jo"
        assert bench.whitelist.listing(SERVER) is None
        await bench.start()
        listing = bench.whitelist.listing(OTHER_SERVER)

        assert listing is not None
        assert (listing.body, listing.stale) == (b'[{"name":"Jo","apiIds":["license:1"]}]', False)

    run_whitelist(tmp_path, case)


def test_many_servers_take_turns_within_the_limit(tmp_path: Path) -> None:
    names = {ServerId(number): f"server-{number}" for number in range(20)}

    async def case(bench: Whitelisting) -> None:
        bench.listed.players["license:1"] = "Jo"
        await bench.start()
        await bench.clock.sleep(1200.0)

        assert bench.most_in_a_minute() <= 6 + 2
        assert all(bench.whitelist.listing(server) is not None for server in names)
        asked = {one.body[0]["serverId"] for one in bench.sent if one.at > bench.clock.monotonic() - 400.0}
        assert asked == set(names)

    run_whitelist(tmp_path, case, names=names)


def test_what_was_said_of_somebody_long_ago_is_not_told_any_more(tmp_path: Path) -> None:
    async def case(bench: Whitelisting) -> None:
        bench.listed.bypassing["license:2"] = "Al"
        await bench.start()
        await bench.check("license:2")
        bench.breaker.refuse_key()
        await bench.clock.sleep(KNOWN_SECONDS - 100.0)
        assert (await bench.check("license:2")).result == "stale"
        await bench.clock.sleep(200.0)
        assert (await bench.check("license:2")).result == "unknown"

    run_whitelist(tmp_path, case, seconds_limit=2 * KNOWN_SECONDS)
