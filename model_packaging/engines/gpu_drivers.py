"""The AMI with the GPU driver that a container image needs on SageMaker's instances.

Without an AMI some instance types start with driver 470, on which CUDA 12 and 13 do not run, and
the container then fails without a log. An image states its CUDA version in its tag (`cu130`), or
in the release notes of its repository.
"""

import re
from collections.abc import Mapping

CUDA_12_AMI = "al2-ami-sagemaker-inference-gpu-3-1"
"""Driver 550 (`InferenceAmiVersion` of CreateEndpointConfig, as of November 2026)."""
CUDA_13_AMI = "al2023-ami-sagemaker-inference-gpu-4-1"
"""Driver 580, likewise."""

_IN_TAG = re.compile(r"(?:^|[-_.])cu(?:da)?(1[0-9])[0-9]{0,2}(?=$|[-_.])")
_FIRST_RELEASES: Mapping[str, tuple[re.Pattern[str], Mapping[int, tuple[int, ...]]]] = {
    "sagemaker-tritonserver": (re.compile(r"([0-9]{2})\.([0-9]{2})-"), {12: (23, 1), 13: (25, 8)}),
    "vllm": (re.compile(r"server-sagemaker-cuda-v([0-9]+)"), {12: (1,), 13: (2,)}),
}
"""Repository -> its version in a tag, and the first version with each CUDA.

https://docs.nvidia.com/deeplearning/triton-inference-server/release-notes/ and
https://aws.github.io/deep-learning-containers/vllm/changelog/, as of November 2026.
"""
_AMIS = {12: CUDA_12_AMI, 13: CUDA_13_AMI}


def fitting_ami(image: str) -> str | None:
    """Return the AMI for a container image; None when the image does not state its CUDA."""
    path, _, tag = image.partition("@")[0].rpartition(":")
    stated = _IN_TAG.search(tag)
    cuda = int(stated[1]) if stated else _released_with(path.rpartition("/")[2], tag)
    return _AMIS.get(cuda)


def _released_with(repository: str, tag: str) -> int:
    """Return the CUDA version of a release; 0 when the repository's are not known."""
    if repository not in _FIRST_RELEASES:
        return 0
    pattern, first = _FIRST_RELEASES[repository]
    found = pattern.match(tag)
    version = tuple(map(int, found.groups())) if found else ()
    return max((cuda for cuda, since in first.items() if since <= version), default=0)
