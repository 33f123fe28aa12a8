import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnx
import pytest
from onnx.external_data_helper import convert_model_to_external_data
from sklearn.cluster import Birch
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.tree import DecisionTreeClassifier

from lading.functions.inference.artifact.reading import read_artifact, sha256
from lading.functions.inference.artifact.specification import BASELINE, GOLDEN, MODEL, REPORT
from lading.functions.inference.drift.baseline import read_baseline
from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.models.session_predictor import open_onnx
from lading.functions.inference.tensors.conversion import from_json
from lading.model_packaging.building import build_here
from lading.model_packaging.conversion import Conversion
from lading.model_packaging.errors import (
    ConversionError,
    ConversionMismatch,
    DataUnusable,
    FileMissing,
    FrameworkUnknown,
    ManifestError,
    PackagingError,
    SourceError,
    SourceUntrusted,
)
from lading.model_packaging.lock.file import LockError, read_lock, version_folder
from lading.model_packaging.manifest.checking import CheckSpec
from lading.model_packaging.manifest.entries import AccuracySpec
from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.model_packaging.manifest.options import PruneSpec, QuantizeSpec
from lading.model_packaging.measure.change import AccuracyDropped, AccuracyUncertain, Missing
from lading.model_packaging.pipeline import STAGES, package
from lading.model_packaging.resolution import ConversionJob
from lading.model_packaging.specification import Packaged
from lading.model_packaging.stages import OnStage
from lading.model_packaging.store.errors import StoreError
from lading.model_packaging.store.local import LocalStore
from lading.model_packaging.store.publication import Built
from tests.model_packaging.models import (
    linear,
    linear_bytes,
    linear_holdout,
    linear_source,
    linear_spec,
    weights,
    wide_spec,
    wide_weights,
)

ROOT = Path(__file__).parents[2]


def run(folder: Path, spec: ModelSpec) -> Packaged:
    return package(spec, LocalStore(folder / "store"), folder / "models.lock.json")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below the store, and the lock."""
    paths = [*(folder / "store").rglob("*"), folder / "models.lock.json"]
    return {str(path): path.read_bytes() for path in paths if path.is_file()}


def digits_spec(digits: Path, max_drop: float = 0.01) -> ModelSpec:
    gate = AccuracySpec(digits / "holdout.npz", "accuracy", max_drop)
    return ModelSpec(
        "digits", digits / "model.skops", quantize=QuantizeSpec("dynamic"), accuracy=gate
    )


def test_the_example_becomes_a_smaller_verified_artifact(tmp_path: Path, digits: Path) -> None:
    trusted = "sklearn.tree._tree.Tree"
    packaged = run(tmp_path, replace(digits_spec(digits), trust=(trusted,)))
    assert (packaged.version, packaged.built, packaged.labels) == (1, True, ("stable",))
    assert packaged.size_after < 0.5 * packaged.size_before
    assert packaged.accuracy is not None
    assert packaged.accuracy.before > 0.97
    assert packaged.accuracy.drop <= 0.01
    assert packaged.p50_ms is not None
    artifact = read_artifact(version_folder(tmp_path / "models.lock.json", "digits", 1))
    assert artifact.digest == packaged.digest
    assert read_baseline(artifact.files[BASELINE]).rows == 450
    assert artifact.specification["source"]["framework"] == "scikit-learn"
    assert artifact.specification["trust"] == [trusted]


def test_the_golden_requests_are_answered_by_the_service(tmp_path: Path, digits: Path) -> None:
    packaged = run(tmp_path, digits_spec(digits))
    predictor = open_onnx(read_artifact(Path(packaged.location)), packaged.version)
    golden = json.loads((Path(packaged.location) / GOLDEN).read_bytes())
    assert len(golden["requests"]) >= 8
    for entry in golden["requests"]:
        inputs = {
            tensor["name"]: from_json(tensor["data"], tensor["name"], tensor["datatype"]).reshape(
                tensor["shape"]
            )
            for tensor in entry["inputs"]
        }
        answers = predictor.predict(inputs)
        for tensor in entry["outputs"]:
            assert answers[tensor["name"]].ravel().tolist() == tensor["data"]


def test_the_same_input_is_the_same_version_and_nothing_is_rebuilt(tmp_path: Path) -> None:
    first = run(tmp_path, linear_spec(tmp_path))
    before = contents(tmp_path)
    again = run(tmp_path, linear_spec(tmp_path))
    assert again == replace(first, built=False)
    assert contents(tmp_path) == before


def test_labels_move_even_when_nothing_is_rebuilt(tmp_path: Path) -> None:
    one, two = (linear_spec(tmp_path / name, seed) for name, seed in prepared(tmp_path))
    assert run(tmp_path, one).version == 1
    assert run(tmp_path, two).version == 2
    back = run(tmp_path, replace(one, labels=("stable", "trusted")))
    assert (back.version, back.built, back.labels) == (1, False, ("stable", "trusted"))
    assert read_lock(tmp_path / "models.lock.json").model("linear").labels == {
        "stable": 1,
        "trusted": 1,
    }


def prepared(folder: Path) -> list[tuple[str, int]]:
    """Folders for two models, and their seeds."""
    for name in ("one", "two"):
        (folder / name).mkdir()
    return [("one", 0), ("two", 1)]


def test_two_builds_of_one_input_are_the_same_to_the_byte(tmp_path: Path, digits: Path) -> None:
    for name, _ in prepared(tmp_path):
        run(tmp_path / name, digits_spec(digits))
    locks = [(tmp_path / name / "models.lock.json").read_bytes() for name in ("one", "two")]
    assert locks[0] == locks[1]


def test_what_changes_the_outcome_changes_the_identity(tmp_path: Path) -> None:
    for name in ("data", "source"):
        (tmp_path / name).mkdir()
    spec = linear_spec(tmp_path)
    assert spec.accuracy is not None
    data = linear_holdout(tmp_path / "data", y=np.arange(40) % 4)
    variants = [
        spec,
        replace(spec, quantize=QuantizeSpec("dynamic")),
        replace(spec, prune=PruneSpec("magnitude", 0.5)),
        replace(spec, accuracy=None),
        replace(spec, accuracy=replace(spec.accuracy, max_drop=0.5)),
        replace(spec, accuracy=replace(spec.accuracy, data=data)),
        replace(spec, name="twin"),
        linear_spec(tmp_path / "source", seed=3),
    ]
    identities = {run(tmp_path, variant).identity for variant in variants}
    assert len(identities) == len(variants)
    assert run(tmp_path, replace(spec, labels=("canary",), trust=True)).version == 1


def test_external_data_is_part_of_the_identity(tmp_path: Path) -> None:
    model = linear(weights())
    convert_model_to_external_data(model, location="weights.bin", size_threshold=0)
    source = tmp_path / "model.onnx"
    onnx.save_model(model, source)
    spec = ModelSpec("linear", source)
    assert run(tmp_path, spec).version == 1
    (tmp_path / "weights.bin").write_bytes(weights(1).tobytes())
    assert run(tmp_path, spec).version == 2


def test_a_key_that_says_nothing_to_the_framework_is_refused(tmp_path: Path) -> None:
    spec = replace(linear_spec(tmp_path), signatures=("serving_default",))
    with pytest.raises(ManifestError, match=r"linear\.signature: has no effect on onnx models"):
        run(tmp_path, spec)


def test_a_version_that_the_lock_knows_is_restored_into_an_empty_store(tmp_path: Path) -> None:
    one, two = (linear_spec(tmp_path / name, seed) for name, seed in prepared(tmp_path))
    run(tmp_path, one)
    newer = run(tmp_path, two)
    (tmp_path / "store").rename(tmp_path / "lost")
    restored = run(tmp_path, two)
    assert (restored.version, restored.digest, restored.built) == (2, newer.digest, True)
    assert run(tmp_path, one).version == 1


def test_versions_of_a_colleague_are_never_overwritten(tmp_path: Path) -> None:
    one, two = (linear_spec(tmp_path / name, seed) for name, seed in prepared(tmp_path))
    for name, spec in (("one", one), ("two", two)):
        run(tmp_path / name, spec)
    theirs = tmp_path / "one" / "models.lock.json"
    mine = LocalStore(tmp_path / "two" / "store")
    assert package(two, mine, theirs).version == 2
    assert sorted(read_lock(theirs).digests("linear")) == [1, 2]


def test_every_stage_is_told_when_it_starts_and_with_its_outcome(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    store, lock = LocalStore(tmp_path / "store"), tmp_path / "models.lock.json"
    spec = linear_spec(tmp_path, quantize=QuantizeSpec("dynamic"))
    package(spec, store, lock, lambda *event: told.append(event))
    assert [stage for stage, outcome in told if not outcome] == list(STAGES)
    assert [stage for stage, outcome in told if outcome] == list(STAGES)
    told.clear()
    package(spec, store, lock, lambda *event: told.append(event))
    assert [stage for stage, outcome in told if outcome] == ["resolve", "identity", "lock"]


def test_a_refused_model_publishes_nothing_and_says_both_numbers(tmp_path: Path) -> None:
    # Weights whose classes differ by less than a step of int8 cannot survive it.
    close = 100 + wide_weights() / 20
    spec = wide_spec(tmp_path, close, quantize=QuantizeSpec("dynamic"))
    assert spec.accuracy is not None
    spec = replace(spec, accuracy=replace(spec.accuracy, max_drop=0.01))
    with pytest.raises(AccuracyDropped, match=r"accuracy went from 1\.0000 to 0\.\d{4}") as caught:
        run(tmp_path, spec)
    assert caught.value.drop > 0.01
    assert not (tmp_path / "models.lock.json").exists()
    assert LocalStore(tmp_path / "store").versions("wide") == ()


def test_a_model_to_which_nothing_was_done_needs_no_more_rows_than_there_are(
    tmp_path: Path,
) -> None:
    """Forty rows could not show that no more than one in a hundred becomes wrong."""
    spec = linear_spec(tmp_path)
    assert spec.accuracy is not None
    strict = replace(spec, accuracy=replace(spec.accuracy, max_drop=0.01))
    packaged = run(tmp_path, strict)
    assert packaged.accuracy is not None
    assert (packaged.accuracy.rows, packaged.accuracy.judged) == (40, False)
    left = replace(strict, quantize=QuantizeSpec("dynamic"))  # which makes it larger
    again = run(tmp_path, left)
    assert again.accuracy is not None
    assert not again.accuracy.judged
    with pytest.raises(AccuracyUncertain, match="hold out at least 300"):
        run(tmp_path, replace(strict, prune=PruneSpec("magnitude", 0.02)))


def test_rows_with_missing_values_are_measured_as_callers_send_them(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    x = generator.standard_normal((400, 2))
    x[::4, 0] = np.nan
    y = (np.nan_to_num(x[:, 0], nan=2) + x[:, 1] > 0).astype(int)
    model = HistGradientBoostingClassifier(max_iter=20).fit(x, y)
    joblib.dump(model, tmp_path / "m.joblib")
    lines = [f"{'' if np.isnan(a) else a},{b},{label}" for (a, b), label in zip(x, y, strict=True)]
    (tmp_path / "rows.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    gate = AccuracySpec(tmp_path / "rows.csv", "accuracy", 0.01)
    spec = ModelSpec("m", tmp_path / "m.joblib", trust=True, accuracy=gate)
    packaged = run(tmp_path, spec)
    expected = float((model.predict(x) == y)[::4].mean())
    assert packaged.accuracy is not None
    assert packaged.accuracy.missing == Missing(100, expected, expected)


def test_a_missing_source_says_where_it_is_named_and_how_to_make_it(tmp_path: Path) -> None:
    manifest = tmp_path / "models.yaml"
    manifest.write_text("models:\n  digits:\n    source: a/model.skops\n", encoding="utf-8")
    (spec,) = load_manifest(manifest).select()
    with pytest.raises(FileMissing, match=r"models\.yaml:3: models\.digits\.source: .* is missing"):
        run(tmp_path, spec)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "train.py").touch()
    with pytest.raises(FileMissing) as caught:
        run(tmp_path, spec)
    assert caught.value.advice == f"run python {tmp_path}/a/train.py"


def test_missing_data_says_where_it_is_named(tmp_path: Path) -> None:
    spec = linear_spec(tmp_path)
    (tmp_path / "holdout.npz").unlink()
    with pytest.raises(FileMissing, match=r"models\.linear\.accuracy\.data: .*holdout\.npz"):
        run(tmp_path, spec)


@pytest.mark.parametrize(
    ("file", "error"),
    [
        ("model.xls", FrameworkUnknown),
        ("model.joblib", SourceUntrusted),
        ("model.onnx", PackagingError),
        ("model.skops", PackagingError),
    ],
)
def test_bad_sources_publish_nothing(
    tmp_path: Path, file: str, error: type[PackagingError]
) -> None:
    (tmp_path / file).write_bytes(b"garbage")
    with pytest.raises(error, match="model 'bad'"):
        run(tmp_path, ModelSpec("bad", tmp_path / file))
    assert not (tmp_path / "store").exists()
    assert not (tmp_path / "models.lock.json").exists()


def test_a_model_with_nothing_to_quantize_is_published_with_a_note(tmp_path: Path) -> None:
    pixels, species = load_iris(return_X_y=True)
    joblib.dump(DecisionTreeClassifier().fit(pixels, species), tmp_path / "iris.joblib")
    spec = ModelSpec("iris", tmp_path / "iris.joblib", trust=True, quantize=QuantizeSpec("dynamic"))
    told: list[str] = []
    store, lock = LocalStore(tmp_path / "store"), tmp_path / "models.lock.json"
    packaged = package(spec, store, lock, lambda stage, outcome: told.append(f"{stage} {outcome}"))
    assert packaged.version == 1
    assert any("quantize unchanged (has nothing to quantize (operators:" in line for line in told)


def test_a_model_without_an_onnx_form_is_one_clear_error(tmp_path: Path) -> None:
    pixels, _ = load_iris(return_X_y=True)
    joblib.dump(Birch().fit(pixels), tmp_path / "iris.joblib")
    with pytest.raises(ConversionError, match="model 'iris'"):
        run(tmp_path, ModelSpec("iris", tmp_path / "iris.joblib", trust=True))


def test_rows_that_the_model_cannot_answer_are_one_clear_error(tmp_path: Path) -> None:
    rows = np.full((40, 16), np.nan, np.float32)
    spec = linear_spec(tmp_path)
    linear_holdout(tmp_path, X=rows)
    with pytest.raises(DataUnusable, match="makes the model answer NaN"):
        run(tmp_path, spec)


def test_a_source_that_changes_meanwhile_is_not_published_under_its_old_identity(
    tmp_path: Path,
) -> None:
    spec = linear_spec(tmp_path)

    def train_again(stage: str, outcome: str) -> None:
        if (stage, outcome) == ("convert", ""):
            linear_source(tmp_path, seed=9)

    store = LocalStore(tmp_path / "store")
    with pytest.raises(SourceError, match="changed during packaging; package it again"):
        package(spec, store, tmp_path / "models.lock.json", train_again)
    assert store.versions("linear") == ()


def test_a_damaged_version_is_not_served_up_again(tmp_path: Path) -> None:
    packaged = run(tmp_path, linear_spec(tmp_path))
    path = Path(packaged.location) / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StoreError, match="is damaged"):
        run(tmp_path, linear_spec(tmp_path))


def test_a_broken_lock_stops_before_anything_is_built(tmp_path: Path) -> None:
    (tmp_path / "models.lock.json").write_text("<<<<<<< HEAD\n", encoding="utf-8")
    with pytest.raises(LockError, match="merge conflict"):
        run(tmp_path, linear_spec(tmp_path))
    assert LocalStore(tmp_path / "store").versions("linear") == ()


PACKAGE = """
import sys
from pathlib import Path
from typing import Any
from tests.model_packaging.test_pipeline import run
from tests.model_packaging.models import linear_spec
folder = Path(sys.argv[1])
print(run(folder, linear_spec(Path(sys.argv[2]), int(sys.argv[3]))).version)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "versions"), [((0, 0), (1,)), ((0, 1), (1, 2))])
def test_two_processes_at_once_share_a_version_or_get_one_each(
    tmp_path: Path, seeds: tuple[int, int], versions: tuple[int, ...]
) -> None:
    commands = [
        [sys.executable, "-c", PACKAGE, str(tmp_path), str(tmp_path / name), str(seed)]
        for (name, _), seed in zip(prepared(tmp_path), seeds, strict=True)
    ]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for command in commands
    ]
    printed = sorted({int(process.communicate(timeout=60)[0]) for process in processes})
    assert tuple(printed) == versions
    store, lock = LocalStore(tmp_path / "store"), read_lock(tmp_path / "models.lock.json")
    assert store.versions("linear") == versions
    for version, digest in lock.digests("linear").items():
        OnnxSession(store.open("linear", version, digest).artifact.model)
    assert tuple(sorted(lock.digests("linear"))) == versions


def test_a_conversion_within_a_wider_tolerance_is_marked_and_judged(tmp_path: Path) -> None:
    def nearly(
        job: ConversionJob, identity: str, on_stage: OnStage, details: Path
    ) -> Built:  # as if the converter rounded
        def convert(spec: ModelSpec) -> Conversion:
            found = job.converter.convert(spec)
            return replace(found, onnx=linear_bytes(weights() * np.float32(1.002)))

        near = replace(job, converter=replace(job.converter, convert=convert))
        return build_here(near, identity, on_stage, details)

    store, lock = LocalStore(tmp_path / "store"), tmp_path / "models.lock.json"
    spec = linear_spec(tmp_path)
    with pytest.raises(ConversionMismatch, match="differs in"):
        package(spec, store, lock, builder=nearly)
    wider = replace(spec, check=CheckSpec(0.004))
    packaged = package(wider, store, lock, builder=nearly)
    specification = read_artifact(Path(packaged.location)).specification
    assert specification["check"] == {"tolerance": 0.004}
    assert "judged" not in specification["accuracy"]  # nothing was excused
    report = json.loads((Path(packaged.location) / REPORT).read_bytes())
    assert report["check"]["tolerance"] == 0.004


def test_each_graph_is_opened_once_and_once_more_to_time_the_loading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    real = OnnxSession.__init__

    def opens(self: OnnxSession, model: bytes | Path, *args: Any, **options: Any) -> None:
        opened.append("original" if isinstance(model, Path) else sha256(model))
        real(self, model, *args, **options)

    monkeypatch.setattr(OnnxSession, "__init__", opens)
    packaged = run(tmp_path, wide_spec(tmp_path, wide_weights(), quantize=QuantizeSpec("dynamic")))
    final = sha256((Path(packaged.location) / MODEL).read_bytes())
    counts = Counter(opened)
    assert counts.pop("original") == 1
    assert counts.pop(final) == 3  # what quantizes it opens it, to see that it can be loaded
    assert list(counts.values()) == [2]  # the converted model


def test_a_model_that_a_stage_left_as_it_was_is_measured_once(tmp_path: Path) -> None:
    spec = linear_spec(tmp_path, quantize=QuantizeSpec("dynamic"))  # makes it no smaller
    report = json.loads((Path(run(tmp_path, spec).location) / REPORT).read_bytes())
    converted, quantized = report["stages"]
    assert quantized["scheme"] == "none"
    assert converted["latency"] == quantized["latency"]


def test_the_report_lists_the_processor_time_of_each_stage(tmp_path: Path) -> None:
    report = json.loads((Path(run(tmp_path, linear_spec(tmp_path)).location) / REPORT).read_bytes())
    apart = {"convert", "quantize", "check", "gate", "batches", "benchmark", "placement", "golden"}
    assert apart <= report["cpu_seconds"].keys()
