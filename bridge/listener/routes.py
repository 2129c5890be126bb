"""Which door a path leads to."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus

from msgspec import Struct

from bridge.listener.answer import Answer
from bridge.units import ServerId

OTHER = "other"  # the route of every path that leads nowhere, in metrics

PARAMETER = "{id}"  # what a path ends with that names one thing


class Push(Struct, kw_only=True):
    """One authenticated request; ``argument`` is what stands where the route has ``{id}``.

    ``headers`` are looked up in any case; ``body`` is whole and decompressed.
    """

    server_id: ServerId
    body: bytes
    headers: Mapping[str, str]
    argument: str = ""


Handler = Callable[[Push], Awaitable[Answer]]


class Route(Struct, frozen=True, kw_only=True):
    """A handler for one method on one path; a path may end in ``/{id}``.

    ``success`` is the status it answers with where nothing goes wrong.
    """

    method: str
    path: str
    handler: Handler
    success: HTTPStatus = HTTPStatus.OK


class Resource(Struct, frozen=True, kw_only=True):
    """A path as the routes spell it, and its handlers by method."""

    path: str
    handlers: dict[str, Handler]

    @property
    def allow(self) -> str:
        """Return the value of the Allow header."""
        return ", ".join(sorted(self.handlers))


class Router:
    """Finds resources by exact path, or by all but the last segment of it."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._resources: dict[str, Resource] = {}
        for route in routes:
            key = route.path.removesuffix(PARAMETER)
            resource = self._resources.setdefault(key, Resource(path=route.path, handlers={}))
            resource.handlers[route.method] = route.handler

    def find(self, path: str) -> tuple[Resource | None, str]:
        """Return the resource of a path without its query, and the argument in it."""
        resource = self._resources.get(path)
        if resource is not None:
            return (None if resource.path != path else resource), ""
        head, slash, argument = path.rpartition("/")
        return self._resources.get(head + slash) if argument else None, argument
