"""Asking the simulated CAD one thing after another."""

from typing import Any

from bridge.simulator.cad import Cad
from tests.support.cad_requests import NOON, cad_request, content


class Asking:
    """``ok`` returns an answer's content, ``status`` the status of a refusal and ``detail`` its words."""

    def __init__(self, **settings: Any) -> None:
        self.cad = Cad(**settings)
        self.cad.limiter.enforced = False
        self.refused: frozenset[str] = frozenset()

    def ok(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        reply = self.cad.handle(cad_request(method, path, body, query=query), NOON, self.refused)
        assert reply.status == 200, reply
        return content(reply)

    def status(self, method: str, path: str, body: Any = None, **query: str) -> int:
        return self._problem(method, path, body, query)["status"]

    def detail(self, method: str, path: str, body: Any = None, **query: str) -> str:
        return self._problem(method, path, body, query)["detail"]

    def account(self, unit: str = "a") -> str:
        """Make a unit known to the CAD, and return its account's UUID."""
        found = self.cad.community.unit(unit, 1)
        assert found is not None
        return found.account

    def _problem(self, method: str, path: str, body: Any, query: dict[str, str]) -> Any:
        reply = self.cad.handle(cad_request(method, path, body, query=query), NOON, self.refused)
        assert reply.status >= 400, reply
        return content(reply)
