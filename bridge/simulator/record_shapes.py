"""Records, their templates, and the bodies of requests about them, field for field as Sonoran documents them."""

import msgspec
from msgspec import Struct, field

from bridge.simulator.shapes import SingleTarget


class Field(Struct, frozen=True, kw_only=True):
    """One field; ``uid`` names it. In a template, ``value`` may hold a placeholder: ``{{plate}}``."""

    label: str
    value: str
    uid: str


class Section(Struct, frozen=True, kw_only=True):
    """A part of a record."""

    category: int
    label: str
    fields: list[Field]


class NewRecord(SingleTarget, frozen=True, kw_only=True, rename="camel"):
    """The body of createRecord; ``replace_values`` go by the uid of a field, in double braces."""

    record_type_id: int
    use_dictionary: bool | None = None
    replace_values: dict[str, str] = field(default_factory=dict[str, str])


class RecordChange(SingleTarget, frozen=True, kw_only=True, rename="camel"):
    """The body of updateRecord."""

    template_id: int | None = None
    use_dictionary: bool | None = None
    replace_values: dict[str, str] = field(default_factory=dict[str, str])


class NewDraft(SingleTarget, frozen=True, kw_only=True, rename="camel"):
    """The body of sendDraft."""

    record_type_id: int
    replace_values: dict[str, str] = field(default_factory=dict[str, str])


class Lookup(Struct, frozen=True, kw_only=True, rename="camel"):
    """What all lookups have: ``types`` are numbers of templates; none, or none given: all."""

    types: list[int] = []
    notify_community_user_id: str | None = None


class NameLookup(Lookup, frozen=True, kw_only=True, rename="camel"):
    """The body of lookupNameOrPlate; what is empty is not looked for, ``partial`` finds parts of words."""

    first: str = ""
    last: str = ""
    mi: str = ""
    plate: str = ""
    partial: bool = False


class ValueLookup(Lookup, frozen=True, kw_only=True, rename="camel"):
    """The body of lookupByValue; the documents show no ``search_type`` but ``NUMBER``."""

    search_type: str
    value: str


class CustomLookup(Lookup, frozen=True, kw_only=True, rename="camel"):
    """The body of lookupByCustomSearch: ``map`` is the uid of a field."""

    map: str
    value: str
    partial: bool = False


NEW_RECORD = msgspec.json.Decoder(NewRecord)
RECORD_CHANGE = msgspec.json.Decoder(RecordChange)
NEW_DRAFT = msgspec.json.Decoder(NewDraft)
NAME_LOOKUP = msgspec.json.Decoder(NameLookup)
VALUE_LOOKUP = msgspec.json.Decoder(ValueLookup)
CUSTOM_LOOKUP = msgspec.json.Decoder(CustomLookup)
