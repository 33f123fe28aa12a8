"""Which AMI, with its GPU driver, the instances of an endpoint start with.

The lock has the AMI that the container image needs. The table says which instance families are
known to start with it; for other ones the stage has to state it.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from lading.stacks.stages.sagemaker import has_gpu

_CUDA_12, _CUDA_13 = "al2-ami-sagemaker-inference-gpu-3-1", "al2023-ami-sagemaker-inference-gpu-4-1"

RUNS_ON: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        _CUDA_12: frozenset(["g4dn", "g5", "g6", "g6e", "p4d", "p4de", "p5", "p5e", "p5en"]),
        _CUDA_13: frozenset(
            ["g4dn", "g5", "g6", "g6e", "g7e", "p4d", "p4de", "p5", "p5e", "p5en", "p6-b200"]
        ),
    }
)
"""AMI -> families that start with it, as of November 2026.

CUDA 13: the families of SageMaker's Python SDK 3.27, and p5en, g7e and p6-b200 in samples of AWS.
CUDA 12: those of them whose GPUs driver 550 supports, from Turing to Hopper.
"""

_OLDER = frozenset(
    {"al2-ami-sagemaker-inference-gpu-2", "al2-ami-sagemaker-inference-gpu-2-1", _CUDA_12}
)
"""AMIs whose driver does not run CUDA 13."""


class ChosenAmi(NamedTuple):
    """The AMI of instances; None: AWS's default. The warning is empty when it is known to fit."""

    name: str | None
    warning: str = ""


def choose_ami(instances: Sequence[str], needed: str | None, stated: str | None) -> ChosenAmi:
    """Return the AMI of an endpoint.

    Args:
        instances: its instance types.
        needed: the AMI that the container image needs; None: unknown.
        stated: the AMI in the stage's settings.
    """
    if stated is not None:
        return ChosenAmi(stated, _too_old(stated) if needed == _CUDA_13 else "")
    if not any(map(has_gpu, instances)):
        return ChosenAmi(None)
    if needed is None:
        return ChosenAmi(
            None,
            "the lock has no AMI for the container image, whose CUDA version is unknown, and AWS's "
            "default GPU driver may be too old for it; package the model again, or set "
            f"sagemaker.inference_ami to {_CUDA_12} (CUDA 12) or {_CUDA_13} (CUDA 13)",
        )
    known = RUNS_ON.get(needed, frozenset())
    unknown = [name for name in instances if _family(name) not in known]
    if unknown:
        return ChosenAmi(
            None,
            f"the container image needs the AMI {needed}, which is not known to start on "
            f"{', '.join(unknown)}; set sagemaker.inference_ami",
        )
    return ChosenAmi(needed)


def _too_old(stated: str) -> str:
    if stated not in _OLDER:
        return ""
    return (
        f"sagemaker.inference_ami is {stated}, whose driver may be too old for the container "
        f"image, which has CUDA 13; {_CUDA_13} fits it"
    )


def _family(instance: str) -> str:
    return instance.split(".")[1]
