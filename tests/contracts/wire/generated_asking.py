"""Calls a server with a client that was generated of its document, and prints what it gets as JSON.

Run by the Python of the generator's environment; see `test_generated_client.py`.
"""

import json
import sys
from importlib import import_module
from typing import Any

CALLS = {
    "plain_json.plain_predict": "PlainPredictBody",
    "open_inference_protocol_v_2_triton_k_serve.open_inference_infer": "OpenInferenceInferBody",
    "tensor_flow_serving.tensorflow_serving_predict": "",
}
"""Modules of the generated package, and the class of each one's request; empty: a document."""


def main(package: str, url: str, requests: dict[str, Any]) -> dict[str, Any]:
    """Return each call's answer, as the generated classes have read it.

    Args:
        package: the generated package.
        url: the server.
        requests: the document that each call sends, by its module.
    """
    models = import_module(f"{package}.models")
    client = import_module(package).Client(base_url=url, raise_on_unexpected_status=True)
    found = {}
    for module, body in CALLS.items():
        call = import_module(f"{package}.api.{module}")
        document = requests[module]
        asked = getattr(models, body).from_dict(document) if body else document
        answer = call.sync(client=client, body=asked)
        found[module] = {"kind": type(answer).__name__, "answer": answer.to_dict()}
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))))
