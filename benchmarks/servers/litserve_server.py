"""LitServe around an ONNX file, as its guide shows."""

import os
import sys
from typing import Any

import litserve as ls
import numpy as np
import onnxruntime as ort


class Digits(ls.LitAPI):
    """The file that `MODEL` names, with one thread."""

    def setup(self, device: str) -> None:  # noqa: ARG002 the guide's signature
        """Load the file."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        providers = ["CPUExecutionProvider"]
        self.session = ort.InferenceSession(os.environ["MODEL"], options, providers=providers)
        self.name = self.session.get_inputs()[0].name

    def decode_request(self, request: dict[str, Any]) -> Any:
        """Return the rows."""
        return np.array(request["inputs"], np.float32)

    def predict(self, rows: Any) -> Any:
        """Run the model."""
        return self.session.run(None, {self.name: rows})

    def encode_response(self, outputs: Any) -> dict[str, Any]:
        """Return the outputs as lists."""
        return {"outputs": [np.asarray(output).tolist() for output in outputs]}


if __name__ == "__main__":
    server = ls.LitServer(Digits(), accelerator="cpu", workers_per_device=1)
    port = int(sys.argv[1])
    server.run(port=port, host="127.0.0.1", num_api_servers=1, generate_client_file=False)
