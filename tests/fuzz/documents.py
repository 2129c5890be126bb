"""JSON that may be broken on purpose: trees that keep what a usual parser would refuse or lose."""

import json
import re
from collections.abc import Iterator
from typing import Any

HALF = re.compile(r"[\ud800-\udfff]")


class Raw(bytes):
    """Bytes that stand in the document as they are: bare NaN, endless numbers, text that is no UTF-8."""

    __slots__ = ()


class Pairs(list["list[Any]"]):
    """An object as a list of names and values: a name may come twice, and be Raw."""

    __slots__ = ()


Tree = Any
"""Raw, Pairs, a list of trees, or a plain value."""

Place = tuple[Any, int]
"""A container and an index in it: a list, or the [name, value] of an object's member."""


def tree_of(value: object) -> Tree:
    """Return JSON values as a tree of its own, which may be changed."""
    if isinstance(value, dict):
        return Pairs([str(name), tree_of(member)] for name, member in value.items())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] -- JSON
    if isinstance(value, list | tuple):
        return [tree_of(member) for member in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] -- JSON
    return value


def copy_of(tree: Tree) -> Tree:
    if isinstance(tree, Pairs):
        return Pairs([copy_of(name), copy_of(member)] for name, member in tree)
    if isinstance(tree, list):
        return [copy_of(member) for member in tree]  # pyright: ignore[reportUnknownVariableType] -- a tree
    return tree


def write(tree: Tree) -> bytes:
    """Return a tree as JSON, as nearly as it is some."""
    parts: list[bytes] = []
    _write(tree, parts)
    return b"".join(parts)


def _write(tree: Tree, parts: list[bytes]) -> None:
    if isinstance(tree, Raw):
        parts.append(tree)
    elif isinstance(tree, Pairs):
        for index, (name, member) in enumerate(tree):
            parts.append(b"," if index else b"{")
            _write(name, parts)
            parts.append(b":")
            _write(member, parts)
        parts.append(b"}" if tree else b"{}")
    elif isinstance(tree, list):
        parts.append(b"[")
        for index, member in enumerate(tree):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] -- a tree
            parts.append(b"," if index else b"")
            _write(member, parts)
        parts.append(b"]")
    else:
        parts.append(_leaf(tree))


def _leaf(value: Tree) -> bytes:
    whole = not isinstance(value, str) or HALF.search(value)
    return json.dumps(value, ensure_ascii=bool(whole)).encode()


def is_deeper_than(tree: Tree, levels: int) -> bool:
    """Tell whether a tree has more levels than these; one beneath a Raw counts for nothing."""
    level: list[Tree] = [tree]
    for _ in range(2 * levels):  # an object has one level for itself and one for its pairs
        level = [member for one in level if isinstance(one, list) for member in one]  # pyright: ignore[reportUnknownVariableType] -- a tree
    return bool(level)


def places(tree: list[Tree]) -> list[Place]:
    """Return where values stand in the only member of ``tree``, itself first; names count as values of their own."""
    return list(_places(tree))


def _places(tree: Tree) -> Iterator[Place]:
    for index in range(len(tree)):
        if not isinstance(tree, Pairs):
            yield tree, index
        if isinstance(tree[index], list):
            yield from _places(tree[index])


def names_in(tree: Tree) -> Iterator[str]:
    """Yield the names of all members, however deep."""
    if isinstance(tree, Pairs):
        yield from (name for name, _ in tree if isinstance(name, str))
    if isinstance(tree, list):
        for member in tree:  # pyright: ignore[reportUnknownVariableType] -- a tree
            yield from names_in(member)
