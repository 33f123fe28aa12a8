"""The plain dialect: `POST /predict/{model}` with `{"inputs": ...}`."""

from lading.functions.contract.dialects.dialect import (
    ANY_TENSOR,
    VALUES,
    Dialect,
    Route,
    fields,
    refuse_plainly,
)

_PREDICT = Route(
    "predict",
    "POST",
    "/predict",
    "Predict",
    request={**fields("inputs", inputs=ANY_TENSOR), "additionalProperties": False},
    example={"inputs": VALUES},
    answer={"model": "digits", "version": 1, "outputs": {"y": [[0.25, 0.75]]}},
    at_root="only",
)

PLAIN = Dialect(
    name="plain",
    prefixes=("/predict",),
    routes=tuple(
        _PREDICT._replace(template=f"/predict{below}")
        for below in (
            *("", "/{model}", "/{model}/versions/{version}", "/{model}/labels/{label}"),
            *("/versions/{version}", "/labels/{label}"),
        )
    ),
    refuse=refuse_plainly,
)
