"""The records of the dialects; everything that depends on the dialects derives from `DIALECTS`."""

from lading.functions.contract.dialects.dialect import Dialect
from lading.functions.contract.dialects.feedback import FEEDBACK
from lading.functions.contract.dialects.open_inference import OPEN_INFERENCE
from lading.functions.contract.dialects.openai import OPENAI
from lading.functions.contract.dialects.plain import PLAIN
from lading.functions.contract.dialects.sagemaker import SAGEMAKER
from lading.functions.contract.dialects.tensorflow_serving import TENSORFLOW_SERVING
from lading.functions.contract.dialects.torchserve import TORCHSERVE

DIALECTS: tuple[Dialect, ...] = (
    PLAIN,
    OPEN_INFERENCE,
    TENSORFLOW_SERVING,
    OPENAI,
    TORCHSERVE,
    SAGEMAKER,
    FEEDBACK,
)
