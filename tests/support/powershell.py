"""Reads PowerShell without running it."""

from collections.abc import Iterator

import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

_PARSER = Parser(Language(tree_sitter_powershell.language()))


def mistakes(script: str) -> list[str]:
    """Return what does not parse, each with its line."""
    return [
        f"line {node.start_point.row + 1}: {_text(node)[:80]!r}"
        for node in _nodes(script)
        if node.type == "ERROR" or node.is_missing
    ]


def commands(script: str) -> list[str]:
    """Return the names of all commands that are called, as they are written."""
    return [_text(node) for node in _nodes(script) if node.type == "command_name"]


def functions(script: str) -> list[str]:
    """Return the names of the functions that are defined."""
    return [_text(node) for node in _nodes(script) if node.type == "function_name"]


def _nodes(script: str) -> Iterator[Node]:
    waiting = [_PARSER.parse(script.encode()).root_node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(node.children))


def _text(node: Node) -> str:
    return (node.text or b"").decode()
