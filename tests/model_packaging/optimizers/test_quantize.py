from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from lading.functions.inference.models.session import OnnxSession
from lading.model_packaging.check.probes import Probe
from lading.model_packaging.check.probing import BASE
from lading.model_packaging.check.trial import TrialRows
from lading.model_packaging.errors import DataUnusable, QuantizationError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.options import QuantizeSpec, Scheme
from lading.model_packaging.measure.change import (
    AccuracyChange,
    AccuracyDropped,
    AccuracyUncertain,
    ConfidenceInterval,
    Intervals,
)
from lading.model_packaging.optimizers.optimizer import Optimized, Task
from lading.model_packaging.optimizers.quantize import OPTIMIZER
from lading.model_packaging.quantization.registry import SCHEMES
from lading.model_packaging.quantization.scheme import QuantizationPlan, quantize
from tests.model_packaging.models import linear_bytes, wide_bytes, wide_rows
from tests.model_packaging.quantization.graphs import WIDTH, normal, scaled
from tests.model_packaging.trials import trial_of
from tests.support.worlds import echo


def spec(scheme: Scheme, calibration: Path | None = None) -> ModelSpec:
    return ModelSpec("wide", Path("wide.onnx"), quantize=QuantizeSpec(scheme, (), calibration))


INTERVALS = Intervals(*[ConfidenceInterval(0.0, 1.0)] * 3)
SIZES = {BASE: 1e-4, "large values in 'x'": 1.0}


def refuse(model: bytes) -> AccuracyChange:
    raise AccuracyDropped("wide", AccuracyChange("accuracy", 1, 0.5, 0.5, 0.1, 40, INTERVALS))


def accept(model: bytes) -> AccuracyChange:
    return AccuracyChange("accuracy", 1, 1, 0, 0.1, 40, INTERVALS)


def optimize(asked: ModelSpec, smallest: int = 0, model: bytes = b"") -> Optimized:
    """Optimize the wide model, behind a gate that refuses candidates below this size."""
    content = model or wide_bytes()

    def judge(candidate: bytes) -> AccuracyChange | None:
        return (refuse if len(candidate) < smallest else accept)(candidate)

    return OPTIMIZER.optimize(Task(asked, judge, len, trial_of(content)), content)


def test_auto_keeps_the_smallest_that_passes() -> None:
    assert optimize(spec("auto")).facts == {"scheme": "int4", "weights": "int4"}


def test_auto_goes_on_to_the_next_in_size_and_says_what_was_refused() -> None:
    asked: tuple[Scheme, ...] = ("int4", "dynamic", "int8", "fp16")
    sizes = {name: len(optimize(spec(name)).model) for name in asked}
    ordered = sorted(asked, key=lambda name: sizes[name])
    assert (ordered[0], ordered[-1]) == ("int4", "fp16")
    for refused, kept in pairwise(ordered):
        done = optimize(spec("auto"), sizes[refused] + 1)
        assert done.facts["scheme"] == kept
        assert f"{refused} dropped by 0.5000" in done.outcome
        assert len(done.model) == sizes[kept]


def test_auto_tells_of_each_candidate_what_became_of_it() -> None:
    sizes = {name: len(optimize(spec(name)).model) for name in ("int4", "int8")}
    done = optimize(spec("auto"), sizes["int4"] + 1)
    told = {each.name: each for each in done.candidates}
    assert set(told) == set(SCHEMES)
    refused = told["int4"]
    assert (refused.outcome, refused.reason) == ("refused", "dropped by 0.5000 (0.1 allowed)")
    assert refused.bytes == sizes["int4"]
    assert refused.change is not None
    assert refused.change.after == 0.5
    assert [each.name for each in done.candidates if each.outcome == "chosen"] == [
        done.facts["scheme"]
    ]
    assert (told["fp16"].outcome, told["fp16"].reason) == ("not tried", "a smaller one passed")
    assert told["static"].reason == "it needs quantize.calibration"
    assert optimize(spec("dynamic")).candidates == ()


@pytest.mark.parametrize(
    ("needed", "reason"),
    [(0, "may have dropped by 1.0000 (0.1 allowed)"), (90, "is measured on 40 rows of 90 that")],
)
def test_auto_says_whether_a_candidate_only_may_have_lost(needed: int, reason: str) -> None:
    def judge(candidate: bytes) -> AccuracyChange | None:
        raise AccuracyUncertain("wide", accept(candidate), needed)

    done = OPTIMIZER.optimize(Task(spec("auto"), judge, len, trial_of(wide_bytes())), wide_bytes())
    assert reason in done.candidates[0].reason


def test_a_model_that_a_scheme_makes_larger_stays_as_it_is_and_is_told_so() -> None:
    done = optimize(spec("dynamic"), model=linear_bytes())
    assert done.model == linear_bytes()
    assert done.facts == {"scheme": "none"}
    assert "dynamic does not shrink it: 381 to " in done.outcome
    assert "shrink" not in optimize(spec("dynamic")).outcome


def test_a_model_that_overflows_once_it_is_quantized_is_refused() -> None:
    model = scaled(1e-7).SerializeToString()
    with pytest.raises(QuantizationError, match=r"NaN .* in 'y' .* after quantizing to fp16; set"):
        optimize(spec("fp16"), model=model)


def test_rows_far_larger_than_usual_that_overflow_are_named_in_the_artifact() -> None:
    model = scaled(1e-7).SerializeToString()
    usual, large = (Probe(kind, {"x": size * normal(8, WIDTH)}) for kind, size in SIZES.items())
    task = Task(spec("fp16"), lambda _: None, len, TrialRows(OnnxSession, [usual, large]))
    done = OPTIMIZER.optimize(task, model)
    assert done.facts["overflows"] == ["large values in 'x'"]
    assert done.outcome.endswith("answers NaN or infinity for large values in 'x'")
    whole = quantize("net", model, SCHEMES["fp16"], QuantizationPlan())
    assert done.model == whole
    gated = Task(spec("auto"), lambda _: None, len, TrialRows(OnnxSession, [usual, large]))
    assert OPTIMIZER.optimize(gated, model).facts["scheme"] != "fp16"


def test_auto_passes_over_what_overflows() -> None:
    model = scaled(1e-7).SerializeToString()
    smaller = quantize("net", model, SCHEMES["fp16"], QuantizationPlan())
    done = optimize(spec("auto"), len(smaller), model)
    assert done.facts == {"scheme": "none"}
    assert "fp16 answers NaN or infinity in 'y'" in done.outcome


def test_auto_leaves_a_model_alone_that_nothing_keeps_right() -> None:
    done = optimize(spec("auto"), len(wide_bytes()))
    assert done.model == wide_bytes()
    assert done.facts == {"scheme": "none"}
    assert "(rejected: int4 dropped by 0.5000" in done.outcome


def test_auto_tries_static_where_it_can_be_calibrated(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", x=wide_rows())
    asked = spec("auto", tmp_path / "rows.npz")
    done = OPTIMIZER.optimize(Task(asked, refuse, len, trial_of(wide_bytes())), wide_bytes())
    assert "static dropped by 0.5000" in done.outcome


@pytest.mark.parametrize("scheme", ["auto", "dynamic", "fp16"])
def test_a_model_with_nothing_to_quantize_stays_as_it_is(scheme: Scheme) -> None:
    done = optimize(spec(scheme), model=echo())
    assert done.model == echo()
    assert done.facts == {"scheme": "none"}
    assert "unchanged" in done.outcome


def test_a_pattern_to_exclude_that_matches_nothing_is_an_error_with_auto() -> None:
    asked = replace(spec("auto"), quantize=QuantizeSpec("auto", ("no such node",)))
    with pytest.raises(QuantizationError, match="no node or operator"):
        optimize(asked, model=linear_bytes())


def test_auto_leaves_out_schemes_that_do_not_take_the_model() -> None:
    assert optimize(spec("auto"), model=linear_bytes()).facts["scheme"] in ("none", "fp16")


def test_static_is_calibrated_on_its_rows(tmp_path: Path) -> None:
    models = []
    for name, factor in (("near", 1), ("far", 10)):
        np.savez(tmp_path / f"{name}.npz", x=factor * wide_rows())
        models.append(optimize(spec("static", tmp_path / f"{name}.npz")).model)
    assert models[0] != models[1]


def test_rows_with_missing_values_are_not_calibrated_on(tmp_path: Path) -> None:
    models = []
    for name, lacks in (("whole", []), ("some", [1, 5])):
        rows = np.concatenate([wide_rows(), wide_rows()[:6]]) if lacks else wide_rows()
        if lacks:
            rows[40:, 3] = np.nan
        np.savez(tmp_path / f"{name}.npz", x=rows)
        models.append(optimize(spec("static", tmp_path / f"{name}.npz")).model)
    assert models[0] == models[1]
    np.savez(tmp_path / "none.npz", x=np.full_like(wide_rows(), np.nan))
    with pytest.raises(DataUnusable, match=r"none\.npz has NaN or infinity in every row"):
        optimize(spec("static", tmp_path / "none.npz"))


def test_rows_to_calibrate_on_must_fit_the_model(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", z=wide_rows())
    with pytest.raises(DataUnusable, match="has no column 'x'"):
        optimize(spec("static", tmp_path / "rows.npz"))


def test_a_scheme_needs_libraries_and_none_does_not_apply() -> None:
    asked = spec("int4", Path("rows.npz"))
    assert OPTIMIZER.applies(asked)
    assert set(OPTIMIZER.tools(asked)) == {"onnx", "onnx-ir"}
    assert set(OPTIMIZER.tools(spec("dynamic"))) == {"onnx"}
    assert not OPTIMIZER.applies(replace(asked, quantize=QuantizeSpec()))
