"""Speaks Sonoran CMS v1: community, key and type go in the body, and a refused key comes as text."""

from http import HTTPStatus

import msgspec
from msgspec.structs import replace

from bridge.sonoran.client import Transport
from bridge.sonoran.cms.answers import read_reason
from bridge.sonoran.messages import CadAnswer, CadRequest

KEY_REFUSALS = ("INVALID API KEY", "INVALID COMMUNITY ID", "API IS NOT ENABLED")
"""How an answer 400 begins that says that the key opens nothing, whatever is asked."""


class CmsTransport:
    """Puts around each request what the CMS wants to know, and has the wire add the key; an answer that refuses the key has the status 401.

    Args:
        wire: what carries requests.
        community_id: the community at the CMS.
    """

    def __init__(self, wire: Transport, community_id: str) -> None:
        self._wire = wire
        self._community_id = community_id

    async def exchange(self, request: CadRequest) -> CadAnswer:
        """Send one request and return the complete answer.

        Raises:
            CadError: none came; ``sent`` says whether the request may have left.
        """
        answer = await self._wire.exchange(replace(request, body=self._envelope(request), keyed=True))
        refused = answer.status == HTTPStatus.BAD_REQUEST and read_reason(answer).upper().startswith(
            KEY_REFUSALS
        )
        return replace(answer, status=int(HTTPStatus.UNAUTHORIZED)) if refused else answer

    def _envelope(self, request: CadRequest) -> bytes:
        return msgspec.json.encode(
            {
                "id": self._community_id,
                "type": request.operation.name,
                "data": msgspec.Raw(request.body or b"[]"),
            }
        )
