from collections.abc import Mapping

import numpy as np
import pytest

from lading.functions.inference.artifact.specification import TensorSpec
from lading.model_packaging.check.probes import Column, Known, Probe
from lading.model_packaging.check.probing import (
    BASE,
    SINGLES,
    Base,
    make_probes,
    plausible,
    widened,
)
from lading.model_packaging.check.samples import Samples, given, make_up
from lading.model_packaging.steps.text_corpus import TEXTS

TABLE = TensorSpec("X", "FP32", (-1, 3))
CITY = TensorSpec("city", "BYTES", (-1,))
AGE = TensorSpec("age", "FP32", (-1,))
IDS = TensorSpec("ids", "INT64", (-1, -1))


def probes(
    *specs: TensorSpec, known: Mapping[str, Known] | None = None, rows: Samples | None = None
) -> dict[str, list[Probe]]:
    """Probes by kind, of made-up rows."""
    facts = known or {}
    samples = rows or plausible(make_up("m", widened(specs, facts)), facts)
    found: dict[str, list[Probe]] = {}
    for probe in make_probes(Base(samples, specs, facts, real=rows is not None)):
        found.setdefault(probe.kind, []).append(probe)
    return found


def values(found: list[Probe], name: str, column: int | None = None) -> list[object]:
    arrays = [probe.inputs[name] for probe in found]
    chosen = [each if column is None else each[..., column] for each in arrays]
    return [value for each in chosen for value in each.ravel().tolist()]


def test_every_model_gets_rows_one_at_a_time_and_many_at_once() -> None:
    found = probes(TABLE)
    assert [probe.rows for probe in found[SINGLES]] == [1] * 16
    assert [probe.rows for probe in found[BASE]] == [64]


def test_floats_without_known_columns_are_zero_large_and_small() -> None:
    found = probes(TABLE)
    assert set(values(found["zeros in 'X'"], "X")) == {0}
    assert np.signbit(found["negative zeros in 'X'"][0].inputs["X"]).all()
    assert max(map(float, map(str, values(found["large values in 'X'"], "X")))) > 500
    assert not found.keys() & {"a missing value in 'X'"}


def test_splits_are_met_at_and_one_step_beside_them_in_the_type_of_training() -> None:
    for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        known = {"X": Known(dtype, (Column(), Column(thresholds=(0.5,)), Column()))}
        found = probes(TABLE, known=known)["a value at or beside a split of column 1 of 'X'"]
        half = dtype.type(0.5)
        beside = [np.nextafter(half, dtype.type(0)), half, np.nextafter(half, dtype.type(1))]
        assert values(found, "X", 1) == [float(value) for value in beside]
        assert found[0].inputs["X"].dtype == dtype


def test_categories_an_unknown_one_and_a_missing_one_are_met() -> None:
    known = {"city": Known(columns=(Column(categories=(b"Graz", b"Wien"), missing=True),))}
    found = probes(CITY, AGE, known=known)
    assert set(values(found["each category of 'city'"], "city")) == {b"Graz", b"Wien"}
    assert not {b"Graz", b"Wien"} & set(values(found["an unknown value in 'city'"], "city"))
    assert values(found["a missing value in 'city'"], "city") == [b""]
    assert set(values(found[BASE], "city")) == {b"Graz", b"Wien"}
    assert "difficult texts in 'city'" not in found


def test_numeric_categories_meet_one_that_is_unknown() -> None:
    known = {"age": Known(columns=(Column(categories=(1.0, 7.0)),))}
    found = probes(AGE, known=known)
    assert values(found["an unknown value in 'age'"], "age") == [8.0, 15.0]


def test_a_missing_number_is_met_only_where_training_allowed_it() -> None:
    allowed, refused = Column(missing=True), Column()
    found = probes(TABLE, known={"X": Known(columns=(allowed, refused, allowed))})
    missing = [kind for kind in found if kind.startswith("a missing value")]
    assert missing == ["a missing value in column 0 of 'X'", "a missing value in column 2 of 'X'"]
    assert np.isnan(found[missing[1]][0].inputs["X"]).tolist() == [[False, False, True]]


def test_rows_have_the_size_of_training_in_its_type() -> None:
    stamps = (1.7e12, 1.7e12 + 60_000)
    known = {"X": Known(np.dtype(np.float64), (Column(typical=stamps), Column(), Column()))}
    found = probes(TABLE, known=known)
    for kind in (BASE, "typical values of column 0 of 'X'"):
        met = found[kind][0].inputs["X"][:, 0]
        assert met.dtype == np.float64
        assert met.min() >= stamps[0]
        assert met.max() <= stamps[1]


def test_ids_go_up_to_the_highest() -> None:
    [probe] = probes(IDS, known={"ids": Known(highest=30_521)})["ids up to 30521 in 'ids'"]
    ids = probe.inputs["ids"]
    assert (ids.min(), ids.max()) == (0, 30_521)
    assert len(np.unique(ids)) > 50


def test_whole_numbers_that_are_no_ids_may_be_a_mask_of_which_a_row_is_all_padding() -> None:
    (probe,) = probes(IDS)["a row of zeros in 'ids'"]
    assert not probe.inputs["ids"][0].any()
    assert probe.inputs["ids"][1:].any()
    assert probe.may_refuse
    assert "a row of zeros in 'ids'" not in probes(IDS, known={"ids": Known(highest=9)})


def test_texts_are_difficult_and_those_that_the_converter_knows() -> None:
    found = probes(CITY, known={"city": Known(texts=(b"TABLE chair",))})
    sent = set(values(found["difficult texts in 'city'"], "city"))
    assert sent >= {b"TABLE chair", b"", *(text.encode() for text in TEXTS)}


def test_files_that_came_with_the_model_are_not_replaced_by_texts() -> None:
    image = np.array([b"\xff\xd8\xff"] * 4, np.object_)
    specs = (TensorSpec("image", "BYTES", (-1,)),)
    assert probes(*specs, rows=given("m", {"image": image}, specs)).keys() == {SINGLES, BASE}


def test_free_axes_take_several_sizes_at_once_and_none() -> None:
    mask = TensorSpec("mask", "FP32", (-1, -1))
    found = probes(IDS, mask)
    shapes = {
        kind: {array.shape for array in each[0].inputs.values()}
        for kind, each in found.items()
        if kind.startswith("free axes")
    }
    assert shapes == {
        "free axes of size 1": {(4, 1)},
        "free axes of size 2": {(4, 2)},
        "free axes of size 37": {(4, 37)},
        "free axes without an element": {(4, 0)},
    }
    [empty] = found["free axes without an element"]
    assert empty.may_refuse
    assert "ids: [8] after the batch" in empty.advice


@pytest.mark.parametrize("batch", [1, 5])
def test_a_model_that_insists_on_its_batch_gets_no_other(batch: int) -> None:
    spec = TensorSpec("x", "FP32", (batch, 3))
    assert {probe.rows for each in probes(spec).values() for probe in each} == {batch}


def test_inputs_without_a_common_batch_are_changed_as_they_are() -> None:
    specs = (TensorSpec("a", "FP32", (2, 3)), TensorSpec("rate", "FP32", ()))
    found = probes(*specs)
    [zeros] = found["zeros in 'rate'"]
    assert zeros.inputs["rate"].shape == ()
    assert zeros.inputs["a"].shape == (2, 3)


def test_large_rows_come_in_small_requests() -> None:
    found = probes(TensorSpec("x", "FP32", (-1, 3, 512, 512)))
    assert max(probe.rows for each in found.values() for probe in each) == 1


def test_many_splits_are_a_choice_with_both_ends_that_is_the_same_each_time() -> None:
    known = {"age": Known(columns=(Column(thresholds=tuple(map(float, range(5000)))),))}
    kind = "a value at or beside a split of 'age'"
    first, second = (values(probes(AGE, known=known)[kind], "age") for _ in range(2))
    assert first == second
    assert len(first) == 3 * 256
    assert {0.0, 4999.0} <= set(first)


def test_images_of_a_few_pixels_may_be_refused_and_no_short_sequences() -> None:
    image = TensorSpec("image", "FP32", (-1, -1, -1, 3))
    sizes = (1, 2, 37)
    of_images = [probes(image)[f"free axes of size {size}"][0].may_refuse for size in sizes]
    assert of_images == [True, True, False]
    assert not any(probes(IDS)[f"free axes of size {size}"][0].may_refuse for size in sizes)
