"""The plain dialect: `POST /predict/{model}` and `POST /explain/{model}` with `{"inputs": ...}`."""

from lading.functions.contract.dialects.dialect import (
    ANY_TENSOR,
    EXPLANATION,
    OBJECT,
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

_EXPLAIN = _PREDICT._replace(
    operation="explain",
    summary="Explain",
    request=fields("inputs", inputs=ANY_TENSOR, explain_parameters=OBJECT)
    | {"additionalProperties": False},
    answer={**_PREDICT.answer, "explanations": [EXPLANATION]},
)

PLAIN = Dialect(
    name="plain",
    prefixes=("/predict", "/explain"),
    routes=tuple(
        route._replace(template=f"/{route.operation}{below}")
        for route in (_PREDICT, _EXPLAIN)
        for below in (
            *("", "/{model}", "/{model}/versions/{version}", "/{model}/labels/{label}"),
            *("/versions/{version}", "/labels/{label}"),
        )
    ),
    refuse=refuse_plainly,
    title="Plain JSON",
    asking=("predict",),
)
