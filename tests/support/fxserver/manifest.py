"""fxmanifest.lua, read as FXServer reads it: every global is a function that adds metadata."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.fxserver.lua import load, new_state

READER = b"""
local text, add = ...
local names = setmetatable({}, {
    __index = function(_, name)
        return function(value)
            if type(value) == 'table' then
                for _, item in ipairs(value) do
                    add(name:sub(-1) == 's' and name:sub(1, -2) or name, item)
                end
            else
                add(name, value)
            end
            return function() end
        end
    end,
})
assert(load(text, '@fxmanifest.lua', 't', names))()
"""


class Manifest:
    """The metadata of a resource, in order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._entries: list[tuple[str, str]] = []
        text = (folder / "fxmanifest.lua").read_bytes()
        load(new_state(), READER, "manifest reader")(text, self._add)

    def of(self, key: str) -> list[str]:
        return [value for name, value in self._entries if name == key]

    def scripts(self, side: str) -> Iterator[str]:
        """Give the files of one side, what both share first; a pattern's matches by name."""
        for pattern in (*self.of("shared_script"), *self.of(f"{side}_script")):
            if "*" in pattern:
                found = sorted(self._folder.glob(pattern))
                yield from (path.relative_to(self._folder).as_posix() for path in found)
            else:
                yield pattern

    def _add(self, key: Any, value: Any) -> None:
        self._entries.append((key.decode(), value.decode() if isinstance(value, bytes) else str(value)))
