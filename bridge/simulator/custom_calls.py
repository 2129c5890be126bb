"""Dispatch calls from templates. Sonoran's documents name the two paths alone: their shapes go by those of records."""

from http import HTTPStatus

import msgspec

from bridge.simulator.calls import dispatch_row
from bridge.simulator.community import Community
from bridge.simulator.messages import Ask, ProblemError
from bridge.simulator.record_shapes import Field, Section
from bridge.simulator.shapes import CUSTOM_CALL, NewDispatchCall
from bridge.simulator.targets import find, permitted

TEMPLATE_ID = 1
DEFAULTS = {
    "origin": "0",
    "status": "1",
    "priority": "2",
    "block": "",
    "address": "",
    "postal": "",
    "title": "Traffic Stop",
    "code": "10-11",
    "description": "",
}  # what fields hold that a call does not name; the uids are the fields of a dispatch call
SECTION = Section(
    category=0,
    label="Call",
    fields=[Field(label=uid.title(), value=value, uid=uid) for uid, value in DEFAULTS.items()],
)


def get_dispatch_templates(community: Community, ask: Ask) -> object:
    """List the templates of dispatch calls: there is one."""
    del community, ask
    return [{"id": TEMPLATE_ID, "name": "Traffic Stop", "sections": [SECTION]}]


def create_custom_dispatch_call(community: Community, ask: Ask) -> object:
    """Create a dispatch call from a template; the answer is createDispatchCall's."""
    custom = permitted(ask.body(CUSTOM_CALL), ask)
    if custom.template_id != TEMPLATE_ID:
        raise ProblemError(HTTPStatus.NOT_FOUND, "The dispatch template was not found.")
    strange = custom.values.keys() - DEFAULTS
    if strange:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"The template has no field '{min(strange)}'.")
    try:
        content = msgspec.convert({**DEFAULTS, **custom.values}, NewDispatchCall, strict=False)
    except msgspec.ValidationError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, str(error)) from error
    content = msgspec.structs.replace(content, meta_data=custom.meta_data)
    idents = [unit.ident for unit in find(community, custom, ask)]
    return dispatch_row(community.board.open_dispatch(ask.server_id, content, idents, ask.now))
