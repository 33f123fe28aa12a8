from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lading.functions.inference.tensors.domain import EVERY, Domain
from lading.model_packaging.check.agreement import MOST_ROWS
from lading.model_packaging.check.probes import Column, Known, Probe, Request
from lading.model_packaging.check.stage import check, one_of_each
from lading.model_packaging.conversion import Conversion, open_served
from lading.model_packaging.errors import ConversionMismatch, DataUnusable, RoundingMismatch
from lading.model_packaging.manifest.checking import CheckSpec
from lading.model_packaging.manifest.models import ModelSpec
from tests.support.worlds import times

SPEC = ModelSpec("double", Path("double.onnx"))
COLUMN = Column(missing=True)


def doubled(inputs: Request) -> Request:
    return {"y": np.asarray(inputs["x"] * 2, np.float32)}


def refusing_nan(inputs: Request) -> Request:
    if np.isnan(inputs["x"]).any():
        raise ValueError("NaN")
    return doubled(inputs)


def conversion(known: Mapping[str, Known] | None = None) -> Conversion:
    return Conversion(times(2), doubled, known=known or {})


def test_a_conversion_that_answers_alike_passes_with_rows_of_every_kind() -> None:
    checked, rows = check(SPEC, conversion())
    found = checked.to_json()
    assert rows == sum(found["rows"].values()) > 64
    assert found["left_out"] == {}
    assert f"{rows:,} rows of {len(found['rows'])} kinds" in checked.outcome(rows)


def test_a_conversion_that_answers_otherwise_is_refused() -> None:
    with pytest.raises(ConversionMismatch, match="differs"):
        check(SPEC, replace(conversion(), onnx=times(3)))


def test_a_wider_tolerance_is_stated_and_has_an_end() -> None:
    near = replace(conversion(), onnx=times(2.01))
    with pytest.raises(ConversionMismatch, match="differs"):
        check(replace(SPEC, check=CheckSpec(0.004)), near)
    checked, rows = check(replace(SPEC, check=CheckSpec(0.006)), near)
    assert checked.to_json()["tolerance"] == 0.006
    assert checked.outcome(rows).endswith("within the wider tolerance of 0.006")
    assert "tolerance" not in check(SPEC, conversion())[0].outcome(rows)


def test_rows_of_the_converter_are_compared_too() -> None:
    def odd(inputs: Request) -> Request:
        return {"y": np.where(inputs["x"] == 77, 0, inputs["x"] * 2).astype(np.float32)}

    check(SPEC, replace(conversion(), reference=odd))
    x = np.full_like(check(SPEC, conversion())[0].sent.inputs["x"][:1], 77)
    probes = (Probe("seventy-seven", {"x": x}),)
    with pytest.raises(ConversionMismatch, match="of kind 'seventy-seven'"):
        check(SPEC, replace(conversion(), reference=odd, probes=probes))


def test_what_the_original_refuses_needs_a_domain() -> None:
    known = {"x": Known(columns=(COLUMN,))}
    refusing = replace(conversion(known), reference=refusing_nan)
    with pytest.raises(ConversionMismatch, match="a missing value in 'x', which the original ref"):
        check(SPEC, refusing)
    check(SPEC, replace(refusing, domains={"x": Domain(missing=False)}))


def test_an_original_that_refuses_ordinary_rows_makes_the_data_unusable() -> None:
    def never(inputs: Request) -> Request:
        raise ValueError("not today")

    with pytest.raises(DataUnusable, match="cannot be answered by the original model: not today"):
        check(SPEC, replace(conversion(), reference=never))


def test_rows_that_rounding_changes_are_refused_by_the_name_of_their_input() -> None:
    def minutes(inputs: Request) -> Request:
        return {"y": np.asarray((inputs["x"] - 1.7e12) * 2, np.float32)}

    known = {"x": Known(np.dtype(np.float64), (Column(typical=(1.7e12, 1.7e12 + 9)),))}
    with pytest.raises(RoundingMismatch, match="inputs were rounded: x"):
        check(SPEC, replace(conversion(known), reference=minutes))


def test_golden_rows_have_one_of_each_kind_as_callers_send_them() -> None:
    known = {"x": Known(np.dtype(np.float64), (COLUMN,))}
    checked, _ = check(SPEC, conversion(known))
    served = open_served("double", conversion(known), times(2))
    requests = list(one_of_each(checked, served))
    assert sum(len(request["x"]) for request in requests) == len(checked.evidence.rows()) - 3
    assert {request["x"].dtype for request in requests} == {np.dtype(np.float32)}
    assert any(np.isnan(request["x"]).any() for request in requests)


def test_rows_over_the_bound_are_told_by_their_kind() -> None:
    x = np.zeros((MOST_ROWS, *check(SPEC, conversion())[0].sent.inputs["x"].shape[1:]), np.float32)
    checked, rows = check(SPEC, replace(conversion(), probes=(Probe("too many", {"x": x}),)))
    assert checked.to_json()["left_out"] == {"too many": MOST_ROWS}
    assert "not compared, over the limit: 4,096 rows of 'too many'" in checked.outcome(rows)


def test_numbers_at_the_ends_of_a_domain_are_refused_as_the_original_refuses_them() -> None:
    """Zero is refused, and the smallest positive number is not: float32 must not blur that."""

    def positive(inputs: Request) -> Request:
        if (inputs["x"] <= 0).any():
            raise ValueError("must be positive")
        return doubled(inputs)

    known = {"x": Known(np.dtype(np.float64), (Column(typical=(1.0, 2.0)),))}
    strict = Domain(bounds={EVERY: (5e-324, np.inf)})
    lax = Domain(bounds={EVERY: (-1e-30, np.inf)})
    refusing = replace(conversion(known), reference=positive)
    with pytest.raises(ConversionMismatch, match="a bound of 'x', which the original"):
        check(SPEC, replace(refusing, domains={"x": lax}, probes=()))
    assert "a bound of 'x'" in probes_of(replace(refusing, domains={"x": strict}))


def probes_of(made: Conversion) -> set[str]:
    """Kinds of rows that agree, or are refused by both."""
    return set(check(SPEC, made)[0].evidence.rows())
