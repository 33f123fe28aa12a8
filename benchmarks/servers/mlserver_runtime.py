"""A model of MLServer that runs an ONNX file."""

import numpy as np
import onnxruntime as ort
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class OnnxRuntime(MLModel):
    """The file that the model's settings name, with one thread."""

    async def load(self) -> bool:
        """Load the file."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        uri = self._settings.parameters.uri
        self._session = ort.InferenceSession(uri, options, providers=["CPUExecutionProvider"])
        self._name = self._session.get_inputs()[0].name
        self._outputs = [each.name for each in self._session.get_outputs()]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Run it on the first tensor."""
        rows = NumpyCodec.decode_input(payload.inputs[0]).astype(np.float32)
        computed = self._session.run(None, {self._name: rows})
        outputs = [
            NumpyCodec.encode_output(name, np.asarray(array))
            for name, array in zip(self._outputs, computed, strict=True)
        ]
        return InferenceResponse(model_name=self.name, outputs=outputs)
