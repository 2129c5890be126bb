"""How many requests were answered with what, and how fast."""

from collections.abc import Iterable

from prometheus_client import Counter, Histogram

from bridge.listener.routes import OTHER, PARAMETER, Route
from bridge.metrics import Metrics

REFUSED = "refused"  # the code of a connection above the limit, which is closed unanswered
CODES = ("400", "401", "403", "405", "408", "413", "422", "500", "503")  # any route can be answered so
NOT_FOUND = "404"  # where a path names a thing, that thing may be missing
OTHER_CODES = ("400", "401", "403", "404", "408", "500", REFUSED)


class RequestCounts:
    """The listener's metrics, their label values bound once."""

    def __init__(self, metrics: Metrics, routes: Iterable[Route]) -> None:
        self._metrics = metrics
        self._answered: dict[tuple[str, str], Counter] = {}
        self._seconds: dict[str, Histogram] = {}
        self.add(routes)

    def add(self, routes: Iterable[Route]) -> None:
        """Have the series of these routes exist at 0."""
        for route in routes:
            self._seconds[route.path] = self._metrics.listener_request.labels(route.path)
            missing = (NOT_FOUND,) if route.path.endswith(PARAMETER) else ()
            for code in (str(route.success.value), *missing, *CODES):
                self._bind(route.path, code)
        for code in OTHER_CODES:
            self._bind(OTHER, code)

    def answered(self, route: str, code: str) -> None:
        """Count an answer, or what came instead of one."""
        counter = self._answered.get((route, code)) or self._bind(route, code)
        counter.inc()

    def took(self, route: str, seconds: float) -> None:
        """Observe the time from a request's last byte to its answer."""
        self._seconds[route].observe(seconds)

    def _bind(self, route: str, code: str) -> Counter:
        counter = self._metrics.listener_requests.labels(route, code)
        self._answered[route, code] = counter
        return counter
