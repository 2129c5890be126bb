import pytest

from bridge.listener.answer import Answer
from bridge.listener.routes import Push, Route, Router


async def nothing(_: Push) -> Answer:
    return Answer(status=204)


ROUTER = Router(
    Route(method=method, path=path, handler=nothing)
    for method, path in (("POST", "/v1/events"), ("GET", "/v1/events"), ("GET", "/v1/events/{id}"))
)


@pytest.mark.parametrize(
    ("path", "found", "argument"),
    [
        ("/v1/events", "/v1/events", ""),
        ("/v1/events/7", "/v1/events/{id}", "7"),
        ("/v1/events/{id}", "/v1/events/{id}", "{id}"),
    ],
)
def test_a_path_leads_to_its_resource(path: str, found: str, argument: str) -> None:
    resource, said = ROUTER.find(path)

    assert resource is not None
    assert (resource.path, said) == (found, argument)


@pytest.mark.parametrize(
    "path", ["", "/", "v1/events", "/v1/events/", "/v1/events/7/8", "/v1", "/v2/events/7", "*"]
)
def test_other_paths_lead_nowhere(path: str) -> None:
    assert ROUTER.find(path)[0] is None


def test_a_resource_knows_its_methods() -> None:
    resource, _ = ROUTER.find("/v1/events")

    assert resource is not None
    assert resource.allow == "GET, POST"
