"""Asks for explanations with KServe's own client, and prints what it gets as JSON.

Run by the Python of an environment that has `kserve`; see `test_kserve_client.py`.
"""

import asyncio
import json
import sys
from typing import Any

from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

ROWS = [[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]


async def main(url: str) -> dict[str, Any]:
    """Return the client's answers by the protocol, and its error for a model without explanations.

    Args:
        url: of a server with the models `m` and `unexplained`.
    """
    first = InferenceRESTClient(RESTConfig(protocol="v1"))
    second = InferenceRESTClient(RESTConfig(protocol="v2"))
    explained = await first.explain(url, "m", {"instances": ROWS})
    try:
        await first.explain(url, "unexplained", {"instances": ROWS})
        refused = ""
    except Exception as error:  # noqa: BLE001 what the client raises is what is asked
        refused = f"{type(error).__name__}: {error}"
    given = InferInput("x", [2, 3], "FP32", ROWS)
    asked = InferRequest("m", [given], parameters={"explain": True})
    answer = await second.infer(url, asked, "m")
    outputs = {output.name: output.data for output in answer.outputs}
    return {"v1": explained, "refused": refused, "v2": outputs}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(sys.argv[1]))))
