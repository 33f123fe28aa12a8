"""The HTTP response of the emulated SageMaker, as an ASGI application sends it."""

import json
import uuid
from collections.abc import Mapping

from lading.emulator.sagemaker.refusals import SageMakerRefusal
from lading.functions.inference.wire.asgi import Send


class EmulatedAnswer:
    """A response, its status, and the number of bytes sent so far."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status, self.size = 0, 0

    async def refuse(self, refused: SageMakerRefusal) -> None:
        """Send an error."""
        error_type = {} if refused.code.isdecimal() else {"x-amzn-errortype": refused.code}
        texts = {"__type": refused.code, "Message": refused.text, "message": refused.text}
        document = {**texts, **refused.fields}
        await self.whole(refused.status, error_type, json.dumps(document))

    async def whole(self, status: int, headers: Mapping[str, str], body: bytes | str) -> None:
        """Send a complete response."""
        content = body.encode() if isinstance(body, str) else body
        own = {"content-type": "application/json", "content-length": str(len(content))}
        await self.begin({**own, **headers}, status)
        await self.part(content)
        await self.end()

    async def begin(self, headers: Mapping[str, str], status: int = 200) -> None:
        """Send the status and headers of a streamed response."""
        self.status = status
        all_headers = {**headers, "x-amzn-requestid": str(uuid.uuid4())}
        raw = [(key.encode(), value.encode("latin-1")) for key, value in all_headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def part(self, content: bytes) -> None:
        """Send the next part."""
        self.size += len(content)
        await self._send({"type": "http.response.body", "body": content, "more_body": True})

    async def end(self) -> None:
        """End the response."""
        await self._send({"type": "http.response.body", "body": b""})
