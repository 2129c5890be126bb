"""What becomes of a well-made document: changed at some places, by chance, and the same for the same dice."""

import random
from collections.abc import Callable, Sequence

from tests.fuzz import odd
from tests.fuzz.documents import Pairs, Raw, Tree, copy_of, is_deeper_than, names_in, places, write

LONGEST = 300_000  # bytes of a document; beyond it nothing more is added
CHANGES = (1, 1, 1, 2, 2, 3, 5)  # of one document
DEEPEST = 40  # levels that grow by themselves; what is deeper comes as a whole, from ``odd``

Change = Callable[[list[Tree]], None]


class Mutator:
    """Changes documents; ``others`` is what it takes pieces from."""

    def __init__(self, dice: random.Random, others: Sequence[Tree]) -> None:
        self._dice = dice
        self._others = others
        names = {name for tree in others for name in names_in(tree)}
        self._names = sorted(names | {name.upper() for name in names}) or ["id"]
        changes: list[tuple[int, Change]] = [
            (40, self._put_odd),
            (1, self._put_large),
            (1, self._put_broken),
            (20, self._reshape),
            (15, self._nudge),
            (15, self._add_member),
            (10, self._rename),
            (10, self._leave_out),
            (10, self._double),
            (15, self._graft),
            (10, self._swap),
            (3, self._repeat),
            (7, self._mar_text),
        ]
        self._changes = [change for _, change in changes]
        self._weights = [weight for weight, _ in changes]

    def mutate(self, tree: Tree) -> Tree:
        """Return another tree, which shares nothing with this one."""
        root = [copy_of(tree)]
        for _ in range(self._dice.choice(CHANGES)):
            [change] = self._dice.choices(self._changes, self._weights)
            change(root)
            if is_deeper_than(root, DEEPEST):
                return copy_of(tree)
        return root[0]

    def spoil(self, data: bytes) -> bytes:
        """Return bytes with some faults that no tree has."""
        dice = self._dice
        for _ in range(dice.choice((1, 1, 2, 4))):
            at = dice.randint(0, len(data))
            end = min(len(data), at + dice.choice((1, 1, 2, 5, 40)))
            data = dice.choice((self._spoil_inside, self._spoil_inside, self._spoil_whole))(data, at, end)
        return data[:LONGEST]

    def _spoil_inside(self, data: bytes, at: int, end: int) -> bytes:
        dice = self._dice
        match dice.randrange(5):
            case 0:
                flipped = bytes(byte ^ 1 << dice.randrange(8) for byte in data[at:end])
                return data[:at] + flipped + data[end:]
            case 1:
                return data[:at] + data[end:]
            case 2:
                return data[:end] + data[at:end] * dice.choice((1, 2, 30)) + data[end:]
            case _:
                return data[:at] + dice.choice(odd.BYTES) + data[at:]

    def _spoil_whole(self, data: bytes, at: int, _end: int) -> bytes:
        dice = self._dice
        match dice.randrange(4):
            case 0:
                return data[:at]
            case 1:
                other = write(dice.choice(self._others))
                return data[:at] + other[dice.randint(0, len(other)) :]
            case 2:
                return self._encode(data)
            case _:
                depth = dice.choice((1, 50, 900, 40_000))
                return b"[" * depth + data + b"]" * dice.choice((0, depth))

    def _encode(self, data: bytes) -> bytes:
        encoding = self._dice.choice(("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "utf-7"))
        return data.decode("utf-8", "replace").encode(encoding, "replace")

    def _somewhere(self, root: list[Tree]) -> tuple[list[Tree], int]:
        return self._dice.choice(places(root))

    def _put_odd(self, root: list[Tree]) -> None:
        container, index = self._somewhere(root)
        container[index] = copy_of(self._dice.choice(odd.USUAL))

    def _put_large(self, root: list[Tree]) -> None:
        container, index = self._somewhere(root)
        container[index] = self._dice.choice(odd.LARGE)

    def _put_broken(self, root: list[Tree]) -> None:
        container, index = self._somewhere(root)
        container[index] = self._dice.choice(odd.BROKEN)

    def _reshape(self, root: list[Tree]) -> None:
        """Have a value come in another shape, as Lua's tables do."""
        container, index = self._somewhere(root)
        value = container[index]
        shapes: list[Tree] = [
            [value],
            Pairs([["1", value]]),
            Pairs([["id", value]]),
            [value, None, value],
            str(value)[:500],
        ]
        if isinstance(value, Pairs):
            shapes += [[member for _, member in value], Raw(write(value)[:-1])]
        elif isinstance(value, list):
            members: list[Tree] = value  # pyright: ignore[reportUnknownVariableType] -- a tree
            shapes += [
                Pairs([str(number + 1), member] for number, member in enumerate(members)),
                [None, *members],
            ]
        elif isinstance(value, int | float):
            shapes += [
                Raw(b"%d" % value) if isinstance(value, int) else str(value),
                float(min(abs(value), 1e300)),
            ]
        container[index] = self._dice.choice(shapes)

    def _nudge(self, root: list[Tree]) -> None:
        found = [
            place
            for place in places(root)
            if isinstance(place[0][place[1]], int | float) and abs(place[0][place[1]]) < 1e60
        ]
        if found:
            container, index = self._dice.choice(found)
            value = container[index]
            with_chance = (
                value + 1,
                value - 1,
                -value,
                value * 10**6,
                value * 10**25,
                bool(value),
                self._dice.randint(-20_000, 20_000),
            )
            container[index] = self._dice.choice(with_chance)

    def _add_member(self, root: list[Tree]) -> None:
        container = self._container(root)
        value = copy_of(self._dice.choice(odd.USUAL))
        at = self._dice.randint(0, len(container))
        container.insert(
            at, [self._dice.choice(self._names), value] if isinstance(container, Pairs) else value
        )

    def _rename(self, root: list[Tree]) -> None:
        container = self._container(root)
        if isinstance(container, Pairs) and container:
            self._dice.choice(container)[0] = self._dice.choice((*self._names, *odd.TEXTS[:8]))

    def _leave_out(self, root: list[Tree]) -> None:
        container = self._container(root)
        if container:
            container.pop(self._dice.randrange(len(container)))

    def _double(self, root: list[Tree]) -> None:
        """Have a member twice, the second time perhaps with another value."""
        container = self._container(root)
        if container:
            member = copy_of(self._dice.choice(container))
            if isinstance(container, Pairs) and self._dice.random() < 0.5:
                member[1] = copy_of(self._dice.choice(odd.USUAL))
            container.insert(self._dice.randint(0, len(container)), member)

    def _graft(self, root: list[Tree]) -> None:
        """Put a piece of another document somewhere."""
        other, at = self._dice.choice(places([self._dice.choice(self._others)]))
        container, index = self._somewhere(root)
        container[index] = copy_of(other[at])

    def _swap(self, root: list[Tree]) -> None:
        """Exchange two values; one that stands inside the other takes its place."""
        (one, at), (other, there) = self._somewhere(root), self._somewhere(root)
        one[at], other[there] = copy_of(other[there]), copy_of(one[at])

    def _repeat(self, root: list[Tree]) -> None:
        container = self._container(root)
        if container and len(write(container)) < LONGEST // 100:
            container.extend(copy_of(list(container)) * self._dice.choice((1, 3, 60)))

    def _mar_text(self, root: list[Tree]) -> None:
        found = [place for place in places(root) if isinstance(place[0][place[1]], str)]
        if found:
            container, index = self._dice.choice(found)
            text, at = container[index], self._dice.randint(0, len(container[index]))
            more = self._dice.choice(odd.TEXTS)
            container[index] = text[:at] + (more if isinstance(more, str) else "\udc80") + text[at:]

    def _container(self, root: list[Tree]) -> list[Tree]:
        """Return a list or an object; a list of only this root where there is no other."""
        found = [container[index] for container, index in places(root) if isinstance(container[index], list)]
        return self._dice.choice(found) if found else [root[0]]
