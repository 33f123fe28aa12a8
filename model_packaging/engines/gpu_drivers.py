"""The AMI with the GPU driver that a container image needs on SageMaker's instances.

Without an AMI some instance types start with driver 470, on which CUDA 12 and 13 do not run, and
the container then fails without a log. An image states its CUDA version in its tag (`cu130`), or
in the release notes of its repository.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

CUDA_12_AMI = "al2-ami-sagemaker-inference-gpu-3-1"
"""Driver 550 (`InferenceAmiVersion` of CreateEndpointConfig, as of November 2026)."""
CUDA_13_AMI = "al2023-ami-sagemaker-inference-gpu-4-1"
"""Driver 580, likewise."""

_IN_TAG = re.compile(r"(?:^|[-_.])cu(?:da)?(1[0-9])([0-9]?)[0-9]?(?=$|[-_.])")
_FIRST_RELEASES: Mapping[
    str, tuple[re.Pattern[str], Mapping[tuple[int, int | None], tuple[int, ...]]]
] = {
    "sagemaker-tritonserver": (
        re.compile(r"([0-9]{2})\.([0-9]{2})-"),
        {(12, 0): (23, 1), (12, 3): (23, 11), (13, 0): (25, 8)},
    ),
    "vllm": (re.compile(r"server-sagemaker-cuda-v([0-9]+)"), {(12, None): (1,), (13, None): (2,)}),
}
"""Repository -> its version in a tag, and the first version with each CUDA, or a later minor one.

23.01 has CUDA 12.0, 23.10 has 12.2, 23.11 has 12.3, 25.08 has 13.0.
https://docs.nvidia.com/deeplearning/triton-inference-server/release-notes/ and
https://aws.github.io/deep-learning-containers/vllm/changelog/, as of November 2026.
"""
_AMIS = {12: CUDA_12_AMI, 13: CUDA_13_AMI}


class Cuda(NamedTuple):
    """The version of CUDA in an image; `minor` is None where only the major one is known.

    Of Triton's releases the minor version is the least one: 12.0 stands for 12.0 to 12.2.
    """

    major: int
    minor: int | None


def cuda_of(image: str) -> Cuda | None:
    """Return the CUDA version that a container image states; None if it states none."""
    path, _, tag = image.partition("@")[0].rpartition(":")
    if stated := _IN_TAG.search(tag):
        return Cuda(int(stated[1]), int(stated[2]) if stated[2] else None)
    return _released_with(path.rpartition("/")[2], tag)


def fitting_ami(image: str) -> str | None:
    """Return the AMI for a container image; None when the image does not state its CUDA."""
    cuda = cuda_of(image)
    return _AMIS.get(cuda.major) if cuda else None


def _released_with(repository: str, tag: str) -> Cuda | None:
    """Return the CUDA version of a release; None when the repository's are not known."""
    if repository not in _FIRST_RELEASES:
        return None
    pattern, first = _FIRST_RELEASES[repository]
    found = pattern.match(tag)
    version = tuple(map(int, found.groups())) if found else ()
    known = [cuda for cuda, since in first.items() if since <= version]
    return Cuda(*known[-1]) if known else None
