"""Values that programs trip over."""

from tests.fuzz.documents import Pairs, Raw, Tree

NUMBERS: tuple[Tree, ...] = (
    0, -0.0, 1, -1, 2, 3, 100, 101, 0.1, 1.5, 1e-320, 5e-324, 1e15, 1e16, 1e30, 1e31, 1e308, -1e308, 16000, 16000.0001, -16000.5,
    -1700, -1700.0, 32767, 65536, 2**31 - 1, 2**31, -(2**31) - 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1,
    2**64 - 1, 2**64, 10**19, 10**20, 10**30, 10**40, -(10**40), 10**308, 10**400, 10**4299,
    Raw(b"NaN"), Raw(b"Infinity"), Raw(b"-Infinity"), Raw(b"1e999"), Raw(b"-1e999"), Raw(b"1E400"), Raw(b"0e99999"),
    Raw(b"0." + b"3" * 6000), Raw(b"1e-99999"),
)  # fmt: skip
TEXTS: tuple[Tree, ...] = (
    "", " ", "\t", "0", "1", "-1", "1.0", "1.", "-0", "1e5", "1e999", "NaN", "inf", "-Infinity", "0x10", "1_000", " 7 ", "\uff17", "²", "٣", "Ⅷ",
    "9" * 19, "9" * 20, "9" * 40, "9" * 64, "9" * 65, "9" * 128, "1" * 400, "true", "FALSE", "null", "None", "nil",
    "\x00", "a\x00b", "\x00communityUserIds\x00x", "\x00identIds\x001", "\x7f\x80\x9f", "\u2028", "\u202e", "\ufeff", "\ufffd", "\ud800", "\udfff\ud800", "a\udc80",
    "İ", "ß", "ﬀ", "\u017ferverId", "K", "e\u0301", "\U0001f693" * 50, "Zoë", "^1Name", "a" * 128, "a" * 129, "a" * 249 + " b", "a" * 251, "x" * 4001, "y" * 20000,
    "{}", "{0}", "{note}", "%s%n", "%00", "%2e%2e", "../..", "..", ".", "/", "\\", "//", "'; --", "<script>", "\r\nX-Injected: 1", "a\nb\rc\td",
    "license:1", "license:2", "panic", "BUSY", "ON_SCENE", "on scene", "https://a.example/b", "http://", "javascript:1",
    "2026-01-01T00:00:00Z", "00000000-0000-0000-0000-000000000000", "deadbeef" * 4, "1e10", "12e34", "serverId", "communityUserIds",
    Raw(b'"\xff"'), Raw(b'"Zo\xc3"'), Raw(b'"\xed\xa0\x80"'), Raw(b'"a\x00b"'), Raw(b'"tab\there"'), Raw(b'"line\nbreak"'),
    Raw(b'"\\ud83d\\ude93"'), Raw(b'"\\ude93\\ud83d"'), Raw(b'"\\u0000"'), Raw(b'"\xf0\x9f\x9a"'),
)  # fmt: skip
SHAPES: tuple[Tree, ...] = (
    None, True, False, [], Pairs(), [[]], [None], [Pairs()], Pairs([["id", None]]), Pairs([["1", Pairs()]]), Pairs([["", ""]]), [[[[]]]],
    Pairs([["x", 1], ["y", 2], ["z", 3]]), [1, 2, 3], [1, 2], [1], [None, None], [1, 2, 3, 4, 5], Pairs([["id", "license:1"]]), Pairs([["id", []]]),
    Raw(b"[" * 200 + b"]" * 200), Raw(b'{"a":' * 300 + b"1" + b"}" * 300),
    Raw(b'{"id":"license:1","id":"license:2"}'),
)  # fmt: skip
LARGE: tuple[Tree, ...] = (
    Raw(b"[" * 980 + b"]" * 980), Raw(b'{"a":' * 990 + b"1" + b"}" * 990), Raw(b"[" * 2000 + b"]" * 2000), Raw(b"[" + b"null," * 3000 + b"null]"),
    Raw(b"[" + b'"license:3",' * 1200 + b'"license:4"]'), Raw(b"[" + b'{"id":"7","x":1,"y":2},' * 1200 + b"{}]"), Raw(b'"' + b"a" * 100_000 + b'"'),
    Raw(b'{"type":"panic","id":"1"}' + b',{"type":"panic","id":"2"}' * 1001),
)  # fmt: skip
BROKEN: tuple[Tree, ...] = (
    Raw(b"1" * 4301), Raw(b"-" + b"9" * 5000), Raw(b"0."), Raw(b"01"), Raw(b"+1"), Raw(b".5"), Raw(b"0x10"), Raw(b"1_000"), Raw(b"-"), Raw(b"1e"),
    Raw(b"nan"), Raw(b"TRUE"), Raw(b"undefined"), Raw(b"1 2"), Raw(b""), Raw(b"[1,]"), Raw(b'{"a":1,}'), Raw(b"//c\n1"), Raw(b'"\\u12"'), Raw(b'"\\x"'),
    Raw(b'"open'), Raw(b"'single'"), Raw(b"[" * 100_000), Raw(b'[{"a":' * 3000),
)  # fmt: skip
USUAL = (*NUMBERS, *TEXTS, *TEXTS, *SHAPES, *SHAPES)

BYTES = (
    b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xfe\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\\", b'"', b"\\u", b"\\u0000", b"\\ud800",
    b"{", b"}", b"[", b"]", b":", b",", b"\r", b"\n", b"\x1f\x8b", b"NaN", b"null", b"1e999", b"-", b"e", b".", b"0" * 50, b"[" * 64, b" " * 300,
)  # fmt: skip
