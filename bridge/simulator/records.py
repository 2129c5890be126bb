"""The operations on records and their templates."""

from http import HTTPStatus

from bridge.simulator.archive import Record, Template, filled, plain, template_row
from bridge.simulator.community import Community
from bridge.simulator.messages import Ask, ProblemError
from bridge.simulator.record_shapes import NEW_DRAFT, NEW_RECORD, RECORD_CHANGE
from bridge.simulator.targets import player


def create_record(community: Community, ask: Ask) -> object:
    """File a record."""
    new = ask.body(NEW_RECORD)
    account = player(community, new, ask)
    template = _template(community, new.record_type_id)
    return community.archive.file(account.account, template, new.replace_values).row()


def update_record(community: Community, ask: Ask) -> object:
    """Change values of a record; with another template, those that both have stay."""
    change = ask.body(RECORD_CHANGE)
    player(community, change, ask)
    record = _in_path(community, ask)
    if change.template_id is not None:
        record.template = _template(community, change.template_id)
    record.values = filled(record.template, {**record.values, **plain(change.replace_values)})
    return record.row()


def delete_record(community: Community, ask: Ask) -> object:
    """Remove a record."""
    record = _in_path(community, ask)
    del community.archive.records[record.record_id]
    return {"recordId": record.record_id}


def get_template(community: Community, ask: Ask) -> object:
    """Return one template."""
    return template_row(_template(community, ask.parameter("recordTypeId")))


def get_templates(community: Community, ask: Ask) -> object:
    """List the templates."""
    del ask
    return [template_row(template) for template in community.archive.templates.values()]


def send_draft(community: Community, ask: Ask) -> object:
    """Put a draft before somebody; it is no record yet."""
    new = ask.body(NEW_DRAFT)
    account = player(community, new, ask)
    template = _template(community, new.record_type_id)
    return community.archive.draft(account.account, template, new.replace_values).row()


def _template(community: Community, record_type_id: int) -> Template:
    template = community.archive.templates.get(record_type_id)
    if template is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "The record type was not found.")
    return template


def _in_path(community: Community, ask: Ask) -> Record:
    record = community.archive.records.get(ask.parameter("recordId"))
    if record is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "The record was not found.")
    return record
