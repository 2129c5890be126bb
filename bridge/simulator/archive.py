"""The records of a community: what was filed from which template, and drafts that nobody has filed yet."""

from collections.abc import Mapping

from msgspec import Struct

from bridge.simulator.record_shapes import Field, Section

CHARACTER = (
    7  # the number of the template that civilians' characters are filed from, and the type of these records
)
INCIDENT = 12
INCIDENT_TYPE = 9


class Template(Struct, frozen=True, kw_only=True):
    """What records of one kind look like before they are filled in."""

    record_type_id: int
    name: str
    type: int
    sections: tuple[Section, ...]


class Record(Struct, kw_only=True):
    """A record, whose it is (the UUID of an account), and its Database Sync id, if it is a character that has one."""

    record_id: int
    account: str
    template: Template
    values: dict[str, str]
    sync_id: str | None = None

    @property
    def name(self) -> str:
        """Return the name: a character's own, or the template's."""
        own = " ".join(filter(None, (self.values.get("first_name"), self.values.get("last_name"))))
        return own or self.template.name

    def row(self) -> dict[str, object]:
        """Return the record as the CAD shows it."""
        row = _row(self.template, self.record_id, self.name, self.values)
        return row if self.sync_id is None else {**row, "syncId": self.sync_id}


def _template(record_type_id: int, name: str, kind: int, section: str, fields: Mapping[str, str]) -> Template:
    rows = [Field(label=uid.replace("_", " ").title(), value=value, uid=uid) for uid, value in fields.items()]
    return Template(
        record_type_id=record_type_id,
        name=name,
        type=kind,
        sections=(Section(category=0, label=section, fields=rows),),
    )


TEMPLATES = (
    _template(
        CHARACTER,
        "Civilian",
        CHARACTER,
        "Civilian Info",
        dict.fromkeys(("first_name", "last_name", "mi", "drivers_license", "plate"), ""),
    ),
    _template(
        INCIDENT,
        "Incident Report",
        INCIDENT_TYPE,
        "Report Details",
        {"case_number": "", "plate": "{{plate}}"},
    ),
)


class Archive:
    """All records; their numbers start at 1 and none is used twice."""

    def __init__(self) -> None:
        self.templates = {template.record_type_id: template for template in TEMPLATES}
        self.records: dict[int, Record] = {}
        self.drafts: list[Record] = []
        self._last_id = 0

    def file(self, account: str, template: Template, values: Mapping[str, str]) -> Record:
        """Add a record."""
        self._last_id += 1
        record = Record(
            record_id=self._last_id, account=account, template=template, values=filled(template, values)
        )
        self.records[record.record_id] = record
        return record

    def draft(self, account: str, template: Template, values: Mapping[str, str]) -> Record:
        """Put a draft before somebody; it has no number yet."""
        draft = Record(record_id=0, account=account, template=template, values=filled(template, values))
        self.drafts.append(draft)
        return draft

    def characters(self, account: str) -> list[Record]:
        """Return the characters of an account."""
        return [
            record
            for record in self.records.values()
            if record.account == account and record.template.type == CHARACTER
        ]

    def forget(self) -> None:
        """Forget records and drafts; the templates stay."""
        self.records.clear()
        self.drafts.clear()


def template_row(template: Template) -> dict[str, object]:
    """Return a template as the CAD shows it: as a record without a number."""
    return _row(template, 0, template.name, {})


def filled(template: Template, given: Mapping[str, str]) -> dict[str, str]:
    """Return the values of a template's fields, those replaced that are given as ``{{uid}}`` or ``uid``."""
    by_uid = plain(given)
    return {
        field.uid: by_uid.get(field.uid, "" if field.value.startswith("{{") else field.value)
        for section in template.sections
        for field in section.fields
    }


def plain(given: Mapping[str, str]) -> dict[str, str]:
    """Return values by the uids of their fields, without the braces that these may stand in."""
    return {key.removeprefix("{{").removesuffix("}}"): value for key, value in given.items()}


def _row(template: Template, number: int, name: str, values: Mapping[str, str]) -> dict[str, object]:
    return {
        "recordTypeId": template.record_type_id,
        "id": number,
        "name": name,
        "type": template.type,
        "sections": [
            {
                "category": section.category,
                "label": section.label,
                "fields": [
                    {"label": field.label, "value": values.get(field.uid, field.value), "uid": field.uid}
                    for field in section.fields
                ],
            }
            for section in template.sections
        ],
    }
