from collections.abc import AsyncIterator

import pytest

from bridge.listener.stream import BodyCutError, BodyFault, BodyStream


async def flow(*parts: bytes | BodyFault) -> AsyncIterator[bytes | BodyFault]:
    for part in parts:
        yield part


async def test_a_body_comes_in_its_parts_and_in_order() -> None:
    stream = BodyStream(flow(b"a", b"bc", b""), 3)

    assert [part async for part in stream] == [b"a", b"bc", b""]
    assert (stream.length, stream.fault) == (3, None)


async def collect(stream: BodyStream, seen: list[bytes]) -> None:
    async for part in stream:
        seen.append(part)  # noqa: PERF401 -- what came before an error is wanted too


@pytest.mark.parametrize("fault", BodyFault)
async def test_a_body_that_does_not_come_to_its_end_raises_and_says_why(fault: BodyFault) -> None:
    stream = BodyStream(flow(b"a", fault, b"never"), None)
    seen: list[bytes] = []

    with pytest.raises(BodyCutError):
        await collect(stream, seen)

    assert (seen, stream.fault, stream.length) == ([b"a"], fault, None)


async def test_a_body_is_read_once() -> None:
    stream = BodyStream(flow(b"a"), 1)

    assert [part async for part in stream] == [b"a"]
    assert [part async for part in stream] == []
