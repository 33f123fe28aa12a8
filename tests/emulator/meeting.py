"""A handler whose callers meet: each waits until as many as the path says have come."""

import os
import time
from pathlib import Path
from typing import Any

_LONGEST_S = 20


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer `/<number>` with the id of this process when so many callers are here at once."""
    folder, number = Path(os.environ["MEETING"]), int(event["path"].strip("/"))
    (folder / event["headers"]["name"]).touch()
    until = time.monotonic() + _LONGEST_S
    while len(list(folder.iterdir())) < number and time.monotonic() < until:
        time.sleep(0.01)
    met = len(list(folder.iterdir())) >= number
    return {"statusCode": 200 if met else 408, "headers": {}, "body": str(os.getpid())}
