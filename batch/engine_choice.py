"""Which engine of AWS answers a batch: the table that decides.

| the model is served by | image | engine |
|---|---|---|
| its Lambda function | none | Distributed Map of Step Functions |
| an endpoint, from an archive, without GPUs | any | Batch Transform |
| an endpoint, from an archive, with GPUs | CUDA up to 12.2 | Batch Transform |
| an endpoint, from an archive, with GPUs | a later CUDA, or an unknown one | Processing job |
| an endpoint, from single files | any | Processing job |

Batch Transform's newest instances have driver 535, which is that of CUDA 12.2
(`TransformAmiVersion` of CreateTransformJob, as of November 2026). An image with an unknown CUDA
gets a Processing job, since a container that does not start costs an instance's time. Batch
Transform accepts no model that is a folder of files (`ModelDataSource` of CreateModel, as of
November 2026): it needs one `model.tar.gz`. Each engine has instance types of its own.
"""

from typing import Final, Literal, NamedTuple

EngineName = Literal["map", "transform", "processing"]

NEWEST_TRANSFORM_CUDA: Final = (12, 2)
TRANSFORM_FAMILIES: Final = frozenset(
    "c4 c5 c6i c7i g4dn g5 g6 g6e inf2 m4 m5 m6i m7i p2 p3 r6i r7i trn1".split()  # noqa: SIM905 one line
)
"""Families of `TransformInstanceType`, as of November 2026."""
PROCESSING_FAMILIES: Final = frozenset(
    "c4 c5 c6i c7i c7i-flex c8i c8i-flex g4dn g5 g6 g6e g7 g7e m4 m5 m6i m7i m7i-flex m8i "  # noqa: SIM905
    "m8i-flex p2 p3 p5 r5 r5d r6i r7i r8i r8i-flex t3".split()
)
"""Families of `ProcessingInstanceType`, likewise."""


class EngineChoice(NamedTuple):
    """The engine of a batch, and why; the reason completes "because"."""

    name: EngineName
    reason: str

    @property
    def title(self) -> str:
        """Its name at AWS."""
        return _TITLES[self.name]


class ServedBy(NamedTuple):
    """What answers for a model in the cloud.

    Args:
        instance: the instance type of its batches; empty: a Lambda function answers.
        gpu: whether that has GPUs.
        cuda: major and minor version of CUDA in its image; None: unknown.
        archive: whether its files are one `model.tar.gz`.
    """

    instance: str = ""
    gpu: bool = False
    cuda: tuple[int, int | None] | None = None
    archive: bool = False


_TITLES: Final = {
    "map": "Step Functions Distributed Map",
    "transform": "SageMaker Batch Transform",
    "processing": "a SageMaker Processing job",
}


def choose_engine(model: ServedBy) -> EngineChoice:
    """Return the engine of a batch.

    Raises:
        ValueError: neither has the instance type; the text says what to write instead.
    """
    if not model.instance:
        return EngineChoice("map", "a Lambda function answers for the model")
    family = model.instance.split(".")[1]
    fits, why = _fits_transform(model)
    if fits and family in TRANSFORM_FAMILIES:
        return EngineChoice("transform", why)
    if family in PROCESSING_FAMILIES:
        return EngineChoice("processing", f"Batch Transform has no {family}" if fits else why)
    known = sorted(TRANSFORM_FAMILIES & PROCESSING_FAMILIES if fits else PROCESSING_FAMILIES)
    raise ValueError(
        f"no batch runs on {model.instance}; write a type of another family to batch.instance: "
        f"{', '.join(known)}"
    )


def _fits_transform(model: ServedBy) -> tuple[bool, str]:
    """Return whether Batch Transform runs the image with the model's files, and why."""
    if not model.archive:
        return False, "Batch Transform needs one model.tar.gz, `archive: true` in engine options"
    if not model.gpu:
        return True, f"{model.instance} has no GPU"
    newest = "{}.{}".format(*NEWEST_TRANSFORM_CUDA)
    if model.cuda is None:
        return False, "the CUDA version of the image is unknown"
    major, minor = model.cuda
    told = f"the image has CUDA {major}" + ("" if minor is None else f".{minor}")
    if minor is not None and (major, minor) <= NEWEST_TRANSFORM_CUDA:
        return True, f"{told}, and Batch Transform's driver runs up to {newest}"
    return False, f"{told}, and Batch Transform's driver runs up to {newest} only"
