"""Feedback: `POST /feedback/{model}` with the truth about an answer.

It has a prefix of its own at the root, and no path below a model's base URL. So a policy of IAM, a
token or a proxy that allows predictions does not allow feedback as well.
"""

from typing import Final

from lading.functions.contract.dialects.dialect import (
    OBJECT,
    STRING,
    Dialect,
    Route,
    fields,
    refuse_plainly,
)

PREFIX: Final = "feedback"

_TRUTH = {"description": "The truth: a value for each row, or {output: values}"}

FEEDBACK = Dialect(
    name="feedback",
    prefixes=(f"/{PREFIX}",),
    routes=(
        Route(
            "feedback",
            "POST",
            f"/{PREFIX}/{{model}}",
            "Tell the truth about an answer",
            request=fields("truth", truth=_TRUTH, request_id=STRING, id=STRING, answer=OBJECT)
            | {"additionalProperties": False},
            example={"request_id": "1f0c", "truth": [1]},
            answer={"model": "digits", "version": 1, "rows": 1, "counted": True},
        ),
    ),
    refuse=refuse_plainly,
    title="Feedback",
    predicts=False,
)
