import pytest

from bridge.listener.answer import Answer
from bridge.listener.routes import ANY, Push, Route, Router


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
    assert sorted(resource.handlers) == ["GET", "POST"]


WIDE = Router(
    [
        Route(method=ANY, path="/v2/{path}", handler=nothing),
        Route(method="POST", path="/v2/a/upload", handler=nothing, streamed=True),
        Route(method="GET", path="/v2/things/{id}", handler=nothing),
    ]
)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/v2/", "/v2/{path}"),
        ("/v2/a", "/v2/{path}"),
        ("/v2//a/../b", "/v2/{path}"),
        ("/v2/a/upload/", "/v2/{path}"),
        ("/v2/A/upload", "/v2/{path}"),
        ("/v2/things/", None),
        ("/v2/a/upload", "/v2/a/upload"),
        ("/v2/things/7", "/v2/things/{id}"),
        ("/v2", None),
        ("/v22/a", None),
        ("/V2/a", None),
        ("//v2/a", None),
    ],
)
def test_what_begins_as_a_wide_path_is_found_there_unless_another_fits_better(
    path: str, found: str | None
) -> None:
    resource, _ = WIDE.find(path)

    assert (None if resource is None else resource.path) == found


def test_only_what_says_so_is_streamed() -> None:
    streamed = {path: WIDE.find(path)[0] for path in ("/v2/a/upload", "/v2/a", "/v2/things/7")}

    assert [resource.streamed for resource in streamed.values() if resource] == [True, False, False]
