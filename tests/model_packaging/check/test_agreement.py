from collections.abc import Callable

import numpy as np
import pytest

from lading.functions.inference.tensors.bfloat16 import rounded
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.agreement import Model, compare, gather
from lading.model_packaging.check.probes import Probe, Request
from lading.model_packaging.errors import ConversionMismatch, RoundingMismatch

X = np.linspace(-3, 3, 40, dtype=np.float32).reshape(20, 2)


def doubled(inputs: Request) -> Request:
    return {"y": inputs["x"] * 2}


def probe(kind: str = "rows", x: Array = X, *, may_refuse: bool = False) -> Probe:
    return Probe(kind, {"x": x}, may_refuse=may_refuse)


def agreed(original: Model, served: Model, *probes: Probe) -> int:
    return compare("m", gather(original, probes or [probe()]), served)


def refusing(kind: Callable[[Array], bool], model: Model = doubled) -> Model:
    def answer(inputs: Request) -> Request:
        if kind(inputs["x"]):
            raise ValueError("it holds NaN\nand more")
        return model(inputs)

    return answer


def has_nan(x: Array) -> bool:
    return bool(np.isnan(x).any())


def test_equal_answers_agree_and_their_rows_are_counted() -> None:
    assert agreed(doubled, doubled, probe(), probe("other")) == 40


def test_answers_without_rows_agree_where_their_shapes_do() -> None:
    def found(columns: int) -> Model:
        return lambda inputs: {"boxes": np.zeros((0, columns), np.float32)}

    assert agreed(found(4), found(4)) == 20
    with pytest.raises(ConversionMismatch, match=r"has shape \(0, 5\), the original \(0, 4\)"):
        agreed(found(4), found(5))


@pytest.mark.parametrize(
    ("half", "near", "apart"), [(np.float16, 1.003, 1.01), (rounded, 1.02, 1.1)]
)
def test_numbers_of_16_bits_may_be_rounded_at_other_places(
    half: Callable[[Array], Array], near: float, apart: float
) -> None:
    def scaled(factor: float) -> Model:
        return lambda inputs: {"y": half(np.abs(inputs["x"]) * np.float32(factor))}

    assert agreed(scaled(1), scaled(near)) == 20
    with pytest.raises(ConversionMismatch):
        agreed(scaled(1), scaled(apart))


def test_one_rare_row_that_differs_is_a_mismatch_that_names_its_kind() -> None:
    holes = np.array([[np.nan, 1]], np.float32)

    def served(inputs: Request) -> Request:
        return {"y": np.nan_to_num(inputs["x"] * 2)}

    with pytest.raises(ConversionMismatch, match=r"1 of 1 rows of kind 'NaN': \[0. 2.\] in row 0"):
        agreed(doubled, served, *[probe()] * 50, probe("NaN", holes))


def test_what_the_original_refuses_the_served_model_must_refuse() -> None:
    holes = probe("NaN in 'x'", np.full((1, 2), np.nan, np.float32))
    original = refusing(has_nan)
    with pytest.raises(
        ConversionMismatch, match="answers NaN in 'x', which the original refuses: it ho"
    ):
        agreed(original, doubled, holes)
    assert agreed(original, original, holes, probe()) == 20


def test_a_size_that_no_caller_was_promised_need_not_be_refused() -> None:
    sizes = Probe("free axes", {"x": np.full((1, 2), np.nan, np.float32)}, binding=False)
    agreed(refusing(has_nan), doubled, sizes)


def test_a_size_for_which_the_original_says_nothing_may_be_refused() -> None:
    holes = np.full((1, 2), np.nan, np.float32)
    sizes = Probe("free axes", {"x": holes}, binding=False)
    agreed(doubled, refusing(has_nan), sizes)
    with pytest.raises(ConversionMismatch, match="cannot be computed for free axes"):
        agreed(lambda _: {"y": X[:1]}, refusing(has_nan), sizes)


def test_what_the_original_answers_the_served_model_must_answer() -> None:
    holes = np.full((1, 2), np.nan, np.float32)
    advised = Probe("NaN", {"x": holes}, advice="send no NaN")
    with pytest.raises(ConversionMismatch, match=r"cannot be computed for NaN: .* NaN; send no Na"):
        agreed(doubled, refusing(has_nan), advised)
    agreed(doubled, refusing(has_nan), probe("NaN", holes, may_refuse=True))


def test_a_label_may_differ_only_where_the_original_is_undecided() -> None:
    scores = np.array([[0.5, 0.5], [0.2, 0.8]], np.float32)

    def labels(*values: int) -> Model:
        return lambda _: {"label": np.array(values), "scores": scores}

    assert agreed(labels(0, 1), labels(1, 1), probe(x=X[:2])) == 2
    with pytest.raises(ConversionMismatch, match="'label' differs in 1 of 2 rows"):
        agreed(labels(0, 1), labels(1, 0), probe(x=X[:2]))


def test_a_small_value_beside_large_ones_may_carry_their_rounding() -> None:
    def added(amount: float) -> Model:
        return lambda _: {"y": np.array([[1000, amount]], np.float32)}

    agreed(added(0), added(0.005))
    with pytest.raises(ConversionMismatch):
        agreed(added(0), added(0.1))


def test_infinities_and_nan_must_be_the_same() -> None:
    def of(value: float) -> Model:
        return lambda _: {"y": np.array([[value, 1]], np.float32)}

    agreed(of(np.nan), of(np.nan))
    agreed(of(np.inf), of(np.inf))
    for original, served in ((np.nan, 0), (np.inf, 3e38), (np.inf, -np.inf), (1, np.nan)):
        with pytest.raises(ConversionMismatch):
            agreed(of(original), of(served))


def test_a_difference_that_comes_with_rounding_names_the_rounded_columns() -> None:
    x = np.array([[1_700_000_000_001.0, 2.0]])

    def narrow(inputs: Request) -> Request:
        return {"x": inputs["x"].astype(np.float32)}

    def original(inputs: Request) -> Request:
        return {"y": (inputs["x"] % 1000).astype(np.float32)}

    evidence = gather(original, [probe("timestamps", x)])
    with pytest.raises(RoundingMismatch, match="x, column 0; declare them FP64") as caught:
        compare("m", evidence, lambda inputs: original(narrow(inputs)), narrow)
    assert caught.value.columns == ("x, column 0",)


def test_kinds_take_turns_within_the_bounds_and_what_is_left_out_is_counted() -> None:
    probes = [*[probe("many")] * 5, probe("rare", X[:1])]
    evidence = gather(doubled, probes, most_rows=61)
    assert evidence.rows() == {"many": 60, "rare": 1}
    assert evidence.cut == {"many": 40}


def test_an_original_that_takes_long_is_called_no_further() -> None:
    evidence = gather(doubled, [probe("first"), probe("second")], most_seconds=-1)
    assert evidence.rows() == {}
    assert evidence.cut == {"first": 20, "second": 20}
