"""One Lua 5.4 state that knows no Python: strings are bytes, and nothing of lupa can be reached from a script."""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).parent / "lua"

_lua54: Any = importlib.import_module("lupa.lua54")  # which has no type stubs


def new_state() -> Any:
    """Return a fresh ``LuaRuntime``."""
    return _lua54.LuaRuntime(
        encoding=None, unpack_returned_tuples=True, register_eval=False, register_builtins=False
    )


def table_of(state: Any, items: Mapping[str, Any]) -> Any:
    """Return a Lua table with names as keys."""
    return state.table_from({name.encode(): value for name, value in items.items()})


def load(state: Any, text: bytes, name: str) -> Callable[..., Any]:
    """Return a chunk as a function; its errors call it ``name``."""
    loader = state.eval(b"function(text, name) return assert(load(text, name, 't')) end")
    return loader(text, f"={name}".encode())


def load_source(state: Any, name: str) -> Callable[..., Any]:
    """Return one of the files of this package as a function."""
    return load(state, (SOURCES / f"{name}.lua").read_bytes(), f"fxserver/{name}.lua")
