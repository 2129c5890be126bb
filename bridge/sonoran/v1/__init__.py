"""Sonoran CAD v1: what a request for v2 is in it, and what its answer means.

``transport`` joins them; ``asked`` takes a request apart, ``questions`` and ``forwarded`` say what v1 is asked for it,
``answers`` reads what comes back, ``calls`` whether our own calls could be found in it. The names that v1 gives units
are v2's: an ``apiId`` is what v2 calls ``communityUserId``.
"""

from bridge.sonoran.v1.questions import Question, pose
from bridge.sonoran.v1.transport import CadV1, is_translated

__all__ = ["CadV1", "Question", "is_translated", "pose"]
