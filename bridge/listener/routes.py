"""Which door a path leads to."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus

from msgspec import Struct

from bridge.listener.answer import Answer
from bridge.listener.stream import BodyStream
from bridge.units import ServerId

OTHER = "other"  # the route of every path that leads nowhere, in metrics

PARAMETER = "{id}"  # what a path ends with that names one thing
REST = "{path}"  # what a path ends with that leads on to many things
ANY = "*"  # the method of a route whose handler looks at it itself
NOBODY = ServerId(-1)  # who speaks in a request whose body alone says who


class Push(Struct, kw_only=True):
    """One authenticated request; ``argument`` is what stands where the route has ``{id}``.

    ``path`` and ``query`` are as the client wrote them. ``headers`` are looked up in any case; ``body`` is whole and
    decompressed, or comes piece by piece from ``stream`` where the route says so.
    """

    server_id: ServerId
    body: bytes
    headers: Mapping[str, str]
    argument: str = ""
    method: str = ""
    path: str = ""
    query: str = ""
    stream: BodyStream | None = None


Handler = Callable[[Push], Awaitable[Answer]]


class Route(Struct, frozen=True, kw_only=True):
    """A handler for one method on one path; a path may end in ``/{id}``, or in ``/{path}`` for all that is below.

    ``success`` is the status it answers with where nothing goes wrong; ``streamed`` has the body come in pieces.
    ``keyed`` routes find the token in the body themselves, and answer with ``wrong_key`` where it is none.
    """

    method: str
    path: str
    handler: Handler
    success: HTTPStatus = HTTPStatus.OK
    streamed: bool = False
    keyed: bool = False


class Resource(Struct, frozen=True, kw_only=True):
    """A path as the routes spell it, and its handlers by method."""

    path: str
    handlers: dict[str, Handler]
    streamed: bool = False
    keyed: bool = False


class Router:
    """Finds resources by exact path, by all but the last segment of it, or by how it begins."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._resources: dict[str, Resource] = {}
        self._prefixes: dict[str, Resource] = {}
        for route in routes:
            found = self._prefixes if route.path.endswith(REST) else self._resources
            key = route.path.removesuffix(PARAMETER).removesuffix(REST)
            empty = Resource(path=route.path, handlers={}, streamed=route.streamed, keyed=route.keyed)
            found.setdefault(key, empty).handlers[route.method] = route.handler

    def find(self, path: str) -> tuple[Resource | None, str]:
        """Return the resource of a path without its query, and the argument in it."""
        resource = self._resources.get(path)
        if resource is not None:
            return (None if resource.path != path else resource), ""
        head, slash, argument = path.rpartition("/")
        resource = self._resources.get(head + slash) if argument else None
        if resource is None:
            resource = next((rest for key, rest in self._prefixes.items() if path.startswith(key)), None)
        return resource, argument
