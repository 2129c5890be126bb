"""The upload of bodycam recordings."""

from http import HTTPStatus

from bridge.simulator.community import Community, Recording
from bridge.simulator.messages import Ask, ProblemError, integer
from bridge.simulator.multipart import Form, Part
from bridge.simulator.targets import check

MAX_MS = 120_000  # of film
TITLE = "Unable to upload bodycam recording"
FIELDS = ("accountUuid", "communityUserId", "identId", "unitNumber", "unitLocation")


def upload_bodycam_recording(community: Community, ask: Ask) -> object:
    """Take a film; the answer is the list of addresses that it can be had at."""
    form = ask.form()
    duration = _duration(form)
    film = _film(form)
    fields = {name: value for name in FIELDS if (value := form.field(name)) is not None}
    if "identId" in fields:
        integer("identId", fields["identId"])
    if "communityUserId" in fields:
        check(fields["communityUserId"], ask)
    unit = fields.get("unitNumber", "unit")
    number = community.next_recording()
    url = f"https://files.example.com/bodycam/{community.profile.com_id}/{unit}/clip-{number}.webm"
    community.recordings.append(
        Recording(url=url, file=film, duration_ms=duration, fields=fields, received_at=ask.now)
    )
    return [url]


def _duration(form: Form) -> int:
    text = form.field("durationMs")
    if text is None:
        raise _refusal("The field 'durationMs' is required.")
    duration = integer("durationMs", text)
    if not 1 <= duration <= MAX_MS:
        raise _refusal(f"The value of 'durationMs' must be 1 to {MAX_MS}.")
    return duration


def _film(form: Form) -> Part:
    film = form.part("file")
    if film is None or film.filename is None:
        raise _refusal("The field 'file' is required.")
    if not film.filename.lower().endswith(".webm") and film.content_type != "video/webm":
        raise _refusal("Bodycam uploads must be webm files.")
    if film.length == 0:
        raise _refusal("The file is empty.")
    return film


def _refusal(detail: str) -> ProblemError:
    return ProblemError(HTTPStatus.BAD_REQUEST, detail, TITLE)
