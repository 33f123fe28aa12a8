"""Boosted models that are not converted: XGBoost's .json and .ubj, LightGBM's text.

Trees are read all the same where that is possible, for rows that reach every split.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from lading.functions.inference.artifact.specification import NativeSection, TensorSpec
from lading.functions.inference.native.boosted import INPUT
from lading.functions.inference.native.runtimes import load
from lading.functions.inference.tensors.conversion import datatype_of
from lading.model_packaging.check.trees import DamagedTree, NoTreeForm
from lading.model_packaging.conversion import Conversion, open_once
from lading.model_packaging.converters.boosting import lightgbm, xgboost
from lading.model_packaging.converters.boosting.conversion import (
    KNOWN,
    BoostedFile,
    Booster,
    booster_probes,
    domains_of,
    typical_examples,
)
from lading.model_packaging.errors import SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.native.original import OriginalProcess


def _keep(
    runtime: str, open_file: Callable[[ModelSpec], BoostedFile], spec: ModelSpec
) -> Conversion:
    """Return a conversion whose model is the file itself.

    Raises:
        SourceUnreadable: its library cannot read it, or would follow a damaged tree.
    """
    file = open_file(spec)
    section = NativeSection(
        runtime=runtime,
        file=f"model{spec.source.suffix.lower()}",
        options=file.options,
        inputs=(TensorSpec(INPUT, datatype_of(np.empty(0, file.dtype)), (-1, file.columns)),),
        outputs=_outputs(file),
    )
    booster = _read(spec, file)
    return Conversion(
        spec.source.read_bytes(),
        OriginalProcess(spec, runtime),
        examples=typical_examples(booster) if booster else None,
        known=KNOWN,
        probes=tuple(booster_probes(booster.trees if booster else (), file.columns, file.dtype)),
        domains=domains_of(infinite=file.infinite),
        native=section,
        open=open_once(partial(load, section)),
    )


def _read(spec: ModelSpec, file: BoostedFile) -> Booster | None:
    """Return the booster with its trees; None if a part of them has no ONNX form."""
    try:
        return file.read()
    except DamagedTree as error:
        raise SourceUnreadable(spec.name, spec.source, f"cannot be served: {error}") from error
    except NoTreeForm:
        return None


def _outputs(file: BoostedFile) -> tuple[TensorSpec, ...]:
    """Return what the model answers; see `functions.inference.native.boosted`."""
    numbers = datatype_of(np.empty(0, file.dtype))
    if file.answers == "numbers":
        return (TensorSpec("prediction", numbers, (-1, file.targets)),)
    labels = (-1, file.targets) if file.answers == "labels" else (-1,)
    scores = 2 if file.answers == "two classes" else file.targets
    return (
        TensorSpec("label", "INT64", labels),
        TensorSpec("probabilities", numbers, (-1, scores)),
    )


LIGHTGBM = replace(lightgbm.CONVERTER, convert=partial(_keep, "lightgbm", lightgbm.open_file))
XGBOOST = replace(xgboost.CONVERTER, convert=partial(_keep, "xgboost", xgboost.open_file))
