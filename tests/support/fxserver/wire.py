"""What goes between scripts, as the tests see it: MessagePack with FiveM's two extensions."""

import struct
from typing import Any

import msgspec

FUNCTION = 10
VECTORS = range(20, 23)  # of two, three and four parts


class FunctionReference:
    """A function of another script, by ``resource:runtime:number``; a hostile client may write anything."""

    def __init__(self, name: str) -> None:
        self.name = name


def pack(*arguments: object) -> bytes:
    """Return arguments of an event; ``bytes`` reach Lua as they are, valid UTF-8 or not."""
    return msgspec.msgpack.encode(arguments, enc_hook=_encode)


def unpack(payload: bytes) -> list[Any]:
    """Return the arguments of an event."""
    found: Any = msgspec.msgpack.decode(payload, ext_hook=_decode)
    return found if isinstance(found, list) else [found]  # pyright: ignore[reportUnknownVariableType] -- anything


def _encode(value: object) -> object:
    if isinstance(value, FunctionReference):
        return msgspec.msgpack.Ext(FUNCTION, value.name.encode())
    raise NotImplementedError


def _decode(code: int, data: memoryview) -> object:
    if code in VECTORS:
        return struct.unpack(f"<{code - VECTORS.start + 2}f", data)
    return FunctionReference(bytes(data).decode())
