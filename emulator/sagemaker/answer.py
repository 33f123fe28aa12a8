"""An ASGI answer of an AWS service, written as it comes."""

import json
import uuid
from collections.abc import Mapping

from lading.emulator.sagemaker.refusals import SageMakerRefusal
from lading.functions.inference.wire.asgi import Send


class Answer:
    """What is sent back, and how much of it there was."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status, self.size = 0, 0

    async def refuse(self, refused: SageMakerRefusal) -> None:
        """Answer with an error."""
        error_type = {} if refused.code.isdecimal() else {"x-amzn-errortype": refused.code}
        texts = {"__type": refused.code, "Message": refused.text, "message": refused.text}
        document = {**texts, **refused.fields}
        await self.whole(refused.status, error_type, json.dumps(document))

    async def whole(self, status: int, headers: Mapping[str, str], body: bytes | str) -> None:
        """Answer at once."""
        content = body.encode() if isinstance(body, str) else body
        own = {"content-type": "application/json", "content-length": str(len(content))}
        await self.begin({**own, **headers}, status)
        await self.part(content)
        await self.end()

    async def begin(self, headers: Mapping[str, str], status: int = 200) -> None:
        """Begin an answer that comes in parts."""
        self.status = status
        marked = {**headers, "x-amzn-requestid": str(uuid.uuid4())}
        raw = [(key.encode(), value.encode("latin-1")) for key, value in marked.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def part(self, content: bytes) -> None:
        """Send the next part of it."""
        self.size += len(content)
        await self._send({"type": "http.response.body", "body": content, "more_body": True})

    async def end(self) -> None:
        """End it."""
        await self._send({"type": "http.response.body", "body": b""})
