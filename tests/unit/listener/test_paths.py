from urllib.parse import parse_qsl, quote, unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import MalformedError
from bridge.listener.paths import (
    MAX_PARAMETER,
    TEXTS,
    BadPathError,
    MethodError,
    _Node,
    _plant,
    clean_query,
    fill,
    find,
    names_server,
)
from bridge.operations import GET_VERSION, KICK_UNIT, OPERATIONS, OTHER, Operation
from bridge.units import ServerId

OWN = ServerId(1)
UUID = "7f0c7a1e-0000-4000-8000-00000000abcd"
UNITS = "/v2/emergency/servers/1/units"
UNHURRIED = settings(deadline=None)  # a busy machine is no finding
EXAMPLES = {"syncId": "sync 1", "accountUuid": UUID, "groupName": "Zoë/1"}
GROUP = next(operation for operation in OPERATIONS.values() if "groupName" in operation.parameters)


def values_of(operation: Operation) -> dict[str, str]:
    return {name: EXAMPLES.get(name, "1") for name in operation.parameters}


def nodes(node: _Node) -> list[_Node]:
    below = [*node.literals.values(), *([node.parameter] if node.parameter else [])]
    return [node, *(one for child in below for one in nodes(child))]


# The table


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))
def test_every_operation_is_found_where_it_is_sent_to(operation: Operation) -> None:
    target = fill(operation, values_of(operation))

    assert find(operation.method, target.path) == target
    assert (target.operation, target.method) == (operation, operation.method)
    assert target.server_id == (1 if "serverId" in operation.parameters else None)
    assert "{" not in target.path


def test_no_text_can_be_mistaken_for_a_part_of_another_path() -> None:
    texts = [operation for operation in OPERATIONS.values() if TEXTS.intersection(operation.parameters)]

    for operation in texts:
        for node in nodes(_plant()):
            for literal in node.literals:
                target = fill(operation, values_of(operation) | dict.fromkeys(TEXTS, literal))
                assert find(operation.method, target.path).operation is operation


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("word", ["kick", "KICK", "\u212aic\u212a", "%E2%84%AAick"])
def test_a_kick_goes_out_as_sonoran_documents_it_whichever_way_it_came(method: str, word: str) -> None:
    target = find(method, f"{UNITS}/{word}")

    assert (target.operation, target.method, target.path) == (KICK_UNIT, "POST", f"{UNITS}/kick")


@pytest.mark.parametrize(
    ("method", "path", "methods"),
    [
        ("POST", UNITS, {"GET"}),
        ("HEAD", UNITS, {"GET"}),
        ("get", UNITS, {"GET"}),
        ("GET", f"{UNITS}/kick", {"POST", "DELETE"}),
        ("TRACE", "/v2/general/nothing", {"GET", "POST", "PUT", "PATCH", "DELETE"}),
    ],
)
def test_another_method_is_told_which_ones_there_are(method: str, path: str, methods: set[str]) -> None:
    with pytest.raises(MethodError) as caught:
        find(method, path)

    assert set(caught.value.methods) == methods


# Spellings


@pytest.mark.parametrize(
    "path",
    [
        "/v2/emergency/servers/1/units/",
        "//v2//emergency/servers///1/units//",
        "/V2/EMERGENCY/Servers/1/UNITS",
        "/v2/emergency/servers/0001/units",
        "/v2/emergency/%73ervers/%31/un%69ts",
        "/v2/emergency/\u017fervers/1/unit\u017f",
        "/v2/emergency/%C5%BFervers/1/units",
    ],
)
def test_another_spelling_of_the_same_goes_out_as_the_documented_one(path: str) -> None:
    assert find("GET", path) == find("GET", UNITS)


@pytest.mark.parametrize(
    "path",
    [
        "/v2/emergency/servers/2/units",
        "/v2/emergency/servers/02/units",
        "/v2/emergency/SERVERS/%32/units",
        "/v2/emergency/\u017fervers/2/units",
        "/v2//emergency//servers//2//units",
        "/v2/emergency/servers/4294967297/units",
    ],
)
def test_another_server_is_known_as_one_however_it_is_spelled(path: str) -> None:
    target = find("GET", path)

    assert (target.operation.name, target.server_id == OWN) == ("getActiveUnits", False)
    assert target.path == f"/v2/emergency/servers/{target.server_id}/units"


@pytest.mark.parametrize(
    "server",
    [
        "1%2F..%2F2", "..", "%2e%2e", "%252e%252e", "1%2f..", "1%5C2", "1;2", "1%3B2", "1%00", "1%0A", "1%20", "+1",
        "-1", "1.0", "0x1", "\u0661", "\uff11", "\u00b9", "%31%32%", "%25%31", "1?2", "1%3F2", "1%232", "12345678901",
        "{serverId}", "1,2", "1e0", "\x7f1", "%FF", "\udcff",
    ],
)  # fmt: skip
def test_what_is_no_whole_number_is_no_server(server: str) -> None:
    with pytest.raises(BadPathError):
        find("GET", f"/v2/emergency/servers/{server}/units")


@pytest.mark.parametrize(
    "name",
    [
        "..", ".", "%2e%2e", "a%2F..%2Fb", "..%2F2", "%5C..", "a%5C..%5C..%5Cb", "a%00b", "%0d%0aX:1", "%7f", "%C2%85",
        "x" * (MAX_PARAMETER + 1), "%FF%FE", "%ED%A0%80", "\udcff",
    ],
)  # fmt: skip
def test_a_text_that_some_server_may_take_for_a_step_or_an_end_is_refused(name: str) -> None:
    with pytest.raises(BadPathError):
        find("PUT", f"/v2/emergency/servers/1/identifier-groups/{name}")


@pytest.mark.parametrize(
    "name",
    [
        "a", "Zoë", "日本 語", "100%", "a+b", "a b", "a/b", "%2e%2e", "%252e", "%2F", "a?b#c&d=e;f", "...", "..a", "a\\b",
        "\u202e", "🚓", "x" * MAX_PARAMETER, "{groupName}", "{serverId}", "\u017f",
    ],
)  # fmt: skip
def test_a_text_keeps_its_meaning_and_its_segment(name: str) -> None:
    target = find("PUT", f"/v2/emergency/servers/1/identifier-groups/{quote(name, safe='')}")

    head, _, last = target.path.rpartition("/")
    assert head == "/v2/emergency/servers/1/identifier-groups"
    assert unquote(last) == name
    assert target == fill(GROUP, {"serverId": "1", "groupName": name})
    assert target.path.isascii()


def test_a_text_may_come_as_raw_bytes() -> None:
    raw = "Zoë".encode().decode("ascii", "surrogateescape")  # as the HTTP library reads a path

    assert find("PUT", f"/v2/emergency/servers/1/identifier-groups/{raw}").path.endswith("/Zo%C3%AB")


@pytest.mark.parametrize("value", ["", "\ud800", "a\ud83db", "\0", "..", "x" * (MAX_PARAMETER + 1)])
def test_a_text_that_cannot_be_written_is_refused(value: str) -> None:
    with pytest.raises(BadPathError, match=r"^groupName: "):
        fill(GROUP, {"serverId": "1", "groupName": value})


def test_a_parameter_that_the_path_does_not_have_says_nothing() -> None:
    target = fill(GET_VERSION, {"serverId": "x", "groupName": ".."})

    assert (target.path, target.server_id) == ("/v2/general/version", None)


def test_a_missing_parameter_is_named() -> None:
    with pytest.raises(BadPathError, match=r"^serverId: expected a whole number"):
        fill(GROUP, {"groupName": "a"})


# Paths that the table does not have


def test_an_unknown_path_is_sent_as_it_is() -> None:
    target = find("PATCH", "/v2/emergency/servers/1/Robots//Zo%C3%AB%20B/")

    assert target.operation is OTHER
    assert (target.method, target.server_id) == ("PATCH", OWN)
    assert target.path == "/v2/emergency/servers/1/Robots/Zo%C3%AB%20B"


@pytest.mark.parametrize(
    "path",
    [
        "/v2/new/servers/2",
        "/v2/new/servers/02/x",
        "/v2/new/SERVERS/2",
        "/v2/new/\u017fervers/2",
        "/v2/new/%C5%BFervers/2",
        "/v2/new/\uff53\uff45rvers/2",
        "/v2/new/servers./2",
        "/v2/new/servers/\uff12",
    ],
)
def test_an_unknown_path_tells_its_server(path: str) -> None:
    assert find("GET", path).server_id == ServerId(2)


@pytest.mark.parametrize(
    "path",
    [
        "/v2/..", "/v2/%2e%2e/x", "/v2/%252e%252e/x", "/v2/a%2Fb", "/v2/a%5Cb", "/v2/a;b", "/v2/a%3Bb", "/v2/a%00",
        "/v2/a%", "/v2/%20/x", "/v2/a%20", "/v2/\u00a0a", "/v2/%FF", "/v2/\udcff", "/v2/...", "/v2/..;/x", "/v2/a%0Ab",
        "/v2/new/servers/x", "/v2/new/servers/1/servers/2", "/v2/servers/servers/2", "/v2/new/servers/-1",
        "/v2/new/servers/\u0662", "/v2/new/servers\uff0f2", "/v2/\uff0e\uff0e/x", "/v2/a\uff052fb",
    ],
)  # fmt: skip
def test_an_unknown_path_that_is_not_plain_leads_nowhere(path: str) -> None:
    with pytest.raises(BadPathError):
        find("GET", path)


@pytest.mark.parametrize(
    "path",
    [
        "/v2/emergency/servers/1/un\u0131ts",
        "/v2/emergency/servers/1/units.",
        "/v2/emergency/servers/1/unit\uff53",
        "/v2/emergency\u2024/servers/2/units",
        "/v2/emergency/servers/2\u2024/units",
        "/v2/eme\uff52gency/servers/1/units",
    ],
)
def test_what_a_lax_reader_takes_for_a_known_path_does_not_pass_as_an_unknown_one(path: str) -> None:
    with pytest.raises(BadPathError):
        find("GET", path)


# Whatever comes

PIECES = (
    "v2", "V2", "emergency", "general", "civilian", "servers", "SERVERS", "\u017fervers", "units", "kick", "panic",
    "un\u0131ts", "accounts", "calls", "911", "dispatch-calls", "close", "blips", "identifier-groups", "character-links",
    "heartbeat", "1", "2", "01", "%31", "%32", "%2F", "%252F", "/", "//", "\\", "%5c", ".", "..", "%2e", "%2E%2e", ";",
    "%3b", "%00", "%20", "+", "\u212a", "\uff0e", "%EF%BC%8E", "%", "%25", "?", "#", "a", UUID, "\udcc3", "\udca9",
)  # fmt: skip
SEGMENTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map("".join) | st.text(max_size=5)
PATHS = st.lists(SEGMENTS, max_size=9).map(
    "/v2/".__add__ if False else lambda parts: "/v2/" + "/".join(parts)
)


def spoil(operation: Operation, odd: str, at: int) -> str:
    return fill(operation, values_of(operation)).path.replace("/", odd, at)


ODD = ["/", "//", "/./", "/../", "/%2e/", "%2F", "\\", "/%20", ";/", "/servers/2/", "\uff0f"]
NEAR = st.builds(spoil, st.sampled_from(list(OPERATIONS.values())), st.sampled_from(ODD), st.integers(0, 3))
METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])


@UNHURRIED
@given(method=METHODS, path=PATHS | NEAR)
def test_whatever_path_comes_what_goes_out_means_the_same(method: str, path: str) -> None:
    try:
        target = find(method, path)
    except (BadPathError, MethodError):
        return

    sent = target.path
    assert sent.isascii()
    assert urlsplit(sent)[:3] == ("", "", sent)
    assert not {".", ".."}.intersection(unquote(sent).replace("\\", "/").split("/"))
    assert find(target.method, sent) == target
    decoded = [unquote(part) for part in sent.split("/")]
    named = [decoded[at + 1] for at, part in enumerate(decoded[:-1]) if part.casefold() == "servers"]
    assert {int(name) for name in named} == ({target.server_id} if target.server_id is not None else set())
    if target.operation is not OTHER:
        assert len(decoded) == len(target.operation.path.split("/"))


@UNHURRIED
@given(
    operation=st.sampled_from(list(OPERATIONS.values())),
    values=st.dictionaries(
        st.sampled_from(["serverId", *TEXTS]), st.sampled_from(PIECES) | st.text(st.characters(), max_size=8)
    ),
)
def test_whatever_parameters_are_given_the_path_stays_the_operation_s(
    operation: Operation, values: dict[str, str]
) -> None:
    try:
        target = fill(operation, values_of(operation) | values)
    except BadPathError:
        return

    assert find(operation.method, target.path) == target
    assert target.operation is operation
    sent = dict(zip(operation.path.split("/"), target.path.split("/"), strict=True))
    for name in TEXTS.intersection(operation.parameters, values):
        assert unquote(sent[f"{{{name}}}"]) == values[name]


# Queries and bodies


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ("", ""),
        ("type=100&closedLimit=10", "type=100&closedLimit=10"),
        ("q=Zo%C3%AB&q=a+b&q=a%20b", "q=Zo%C3%AB&q=a+b&q=a%20b"),
        ("q=%2F%3F%26%3D&r=/?:@", "q=%2F%3F%26%3D&r=/?:@"),
        ("q=100%", "q=100%"),
        ("q=a|b^c`d{e}<f>", "q=a%7Cb%5Ec%60d%7Be%7D%3Cf%3E"),
        ('q=["a"]\\', "q=%5B%22a%22%5D%5C"),
        ("q=Zo\udcc3\udcab", "q=Zo%C3%AB"),
        ("q=\udcff", "q=%FF"),
        ("=&&a", "=&&a"),
    ],
)
def test_a_query_keeps_its_meaning(query: str, sent: str) -> None:
    assert clean_query(query) == sent


@UNHURRIED
@given(query=st.text(st.characters(blacklist_categories=["Cs"]) | st.sampled_from("%&=+;#"), max_size=30))
def test_whatever_query_comes_it_goes_out_with_the_same_fields(query: str) -> None:
    sent = clean_query(query)

    assert sent.isascii()
    assert not {" ", "#", "\r", "\n", '"'}.intersection(sent)
    assert parse_qsl(sent, keep_blank_values=True) == parse_qsl(query, keep_blank_values=True)


@pytest.mark.parametrize(
    "query",
    [
        "serverId=2", "SERVERID=2", "%73erverId=2", "server%49d=2", "\u017ferverId=2", "%C5%BFerverId=2", "serverId=1&serverId=2",
        "serverId=2&serverId=1", "serverId", "serverId=", "serverId=%31%32", "serverId=1;2", "serverId=1%00",
        "serverId=1,2", "+serverId=2", "serverId+=2", "filter.serverId=2", "filter%5BserverId%5D=2", "serverId[0]=2",
        "serverId=\uff11", "a=b&&serverId=2",
    ],
)  # fmt: skip
def test_a_query_that_names_another_server_is_known(query: str) -> None:
    assert not names_server(OWN, query, b"")


@pytest.mark.parametrize(
    "query", ["", "serverId=1", "SERVERID=01", "a=serverId&serverIds=2", "observerId=2", "x=1&y"]
)
def test_a_query_that_names_no_other_server_is_let_through(query: str) -> None:
    assert names_server(OWN, query, b"")


@pytest.mark.parametrize(
    "body",
    [
        '{"serverId":2}', '{"serverId":"2"}', '{"ServerID":2}', '{"\\u0073erverId":2}', '{"server\\u0049d":2}', '{"\\u017ferverId":2}',
        '{"\u017ferverId":2}', '{"serverId":1,"SERVERID":2}', '{"serverId":1,"serverId":2}', '\ufeff{"serverId":2}',
        '{"serverId":2,"x":NaN}', '{"serverId":2,"x":1e999}', '{"x":"\\ud800","serverId":2}', '[{"serverId":2}]',
        '{"a":[{"b":{"serverId":2}}]}', '{"serverId":[2]}', '{"serverId":{"id":2}}', '{"serverId":1.5}', '{"serverId":true}',
        '{"serverId":4294967297}', '{"serverId":""}', '{"serverId":Infinity}', ' \n{"serverId" : 2 }',
    ],
)  # fmt: skip
def test_a_body_that_names_another_server_is_known(body: str) -> None:
    assert not names_server(OWN, "", body.encode())


def test_a_body_that_is_not_unicode_hides_no_server() -> None:
    assert not names_server(OWN, "", b'{"serverId":2,"name":"Jos\xe9"}')


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b"null", b'{"serverId":1}', b'{"serverId":"1"}', b'{"serverId":1.0}', b'{"serverId":null}',
        b'{"note":"\\"serverId\\": 2"}', b'{"serverIds":2,"observerId":2}', b'{"note":"\\u00e9"}', b'["serverId",2]',
        b"not JSON", b"--b\r\n\r\n\xff\\u\xff\r\n--b--",
    ],
)  # fmt: skip
def test_a_body_that_names_no_other_server_is_let_through(body: bytes) -> None:
    assert names_server(OWN, "", body)


@pytest.mark.parametrize(
    "body",
    [
        b"{'serverId':2}",
        b'{"serverId":2,}',
        b'/**/{"serverId":2}',
        b"{serverId:2}",
        b'{"serverId":2,"x":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"a":1}{"serverId":2}',
        b"serverId=2",
        b'{"serverId":0002}',
        b"{'\\u0073erverId':2}",
        b'--b\r\nContent-Disposition: form-data; name="serverId"\r\n\r\n2\r\n--b--',
    ],
)
def test_a_body_that_may_name_a_server_and_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedError):
        names_server(OWN, "", body)
