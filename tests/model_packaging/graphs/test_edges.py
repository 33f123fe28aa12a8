"""Datatypes and shapes are compared along every edge; an error has the line of its step."""

from pathlib import Path

import pytest

from lading.functions.inference.artifact.specification import TensorSpec
from lading.model_packaging.errors import ManifestError
from lading.model_packaging.graphs.edges import Wired, wire
from lading.model_packaging.manifest.models import load_manifest

TEXT = TensorSpec("text", "BYTES", (-1,))
VECTOR = TensorSpec("vector", "FP32", (-1, 24))
SCORES = TensorSpec("scores", "FP32", (-1, 3))
LABEL = TensorSpec("label", "INT64", (-1,))
MODELS = {
    "words": ((TEXT,), (VECTOR,)),
    "linear": ((VECTOR,), (SCORES, LABEL)),
    "forest": ((VECTOR,), (LABEL, SCORES)),
    "narrow": ((VECTOR._replace(shape=(-1, 8)),), (SCORES,)),
    "double": ((VECTOR._replace(datatype="FP64"),), (SCORES,)),
    "tiny": ((TensorSpec("small", "UINT8", (-1,)),), (LABEL,)),
    "two": ((VECTOR,), (SCORES._replace(shape=(-1, 2)),)),
}


def wired(folder: Path, nodes: str, inputs: str = "[text]") -> Wired:
    """The tensors of a graph with these nodes."""
    sources = "".join(f"  {name}: {{source: {name}.onnx}}\n" for name in MODELS)
    path = folder / "models.yaml"
    graph = f"    graph:\n      inputs: {inputs}\n      nodes:\n{nodes}"
    path.write_text(f"models:\n{sources}  g:\n{graph}")
    spec = load_manifest(path).models["g"]
    assert spec.graph is not None
    return wire(spec, spec.graph, MODELS)


PICK = """\
        root: {sequence: [words, {use: pick, inputs: {key: vector}}]}
        pick: {switch: [{use: words, when: {tensor: key, eq: 1}}]}
"""
TINY = "        root: {{switch: [{{use: tiny, when: {{tensor: small, eq: {}}}}}]}}\n"
SEQUENCE = "        root: {sequence: [words, linear]}\n"


def test_outputs_become_inputs_by_name(tmp_path: Path) -> None:
    found = wired(tmp_path, SEQUENCE)
    assert (found.inputs, found.outputs) == ((TEXT,), (SCORES, LABEL))
    words, linear = found.nodes["root"].steps
    assert (words.inputs, words.outputs) == ({"text": "text"}, {"vector": "vector"})
    assert linear.outputs == {"scores": "scores", "label": "label"}


def test_names_can_be_changed_and_earlier_outputs_returned(tmp_path: Path) -> None:
    found = wired(
        tmp_path,
        "        root:\n"
        "          sequence:\n"
        "            - {use: words, inputs: {text: body}, outputs: {vector: v}}\n"
        "            - {use: linear, inputs: {vector: v}}\n"
        "          outputs: [label, v]\n",
        "[body]",
    )
    assert [spec.name for spec in found.inputs] == ["body"]
    assert found.outputs == (LABEL, VECTOR._replace(name="v"))
    assert found.nodes["root"].steps[1].outputs == {"label": "label"}  # nobody reads the scores


@pytest.mark.parametrize(
    ("combine", "outputs"),
    [("{scores: mean}", (SCORES,)), ("{label: vote, scores: mean}", (LABEL, SCORES))],
)
def test_an_ensemble_returns_what_is_combined(
    tmp_path: Path, combine: str, outputs: tuple[TensorSpec, ...]
) -> None:
    found = wired(
        tmp_path, f"        root: {{ensemble: [linear, forest], combine: {combine}}}\n", "[vector]"
    )
    assert (found.inputs, found.outputs) == ((VECTOR,), outputs)


def test_an_input_that_only_conditions_read_has_the_type_of_their_values(tmp_path: Path) -> None:
    nodes = """\
        root:
          switch:
            - {use: linear, when: {tensor: language, in: [de, fr]}}
            - {use: forest, when: {tensor: length, gt: 10}}
            - linear
"""
    found = wired(tmp_path, nodes, "[vector, language, length]")
    assert found.inputs[1:] == (
        TensorSpec("language", "BYTES", (-1,)),
        TensorSpec("length", "INT64", (-1,)),
    )
    assert found.nodes["root"].by_row


def test_a_splitter_without_a_key_decides_by_all_inputs(tmp_path: Path) -> None:
    nodes = "        root: {splitter: [{use: linear, weight: 9}, {use: forest, weight: 1}]}\n"
    root = wired(tmp_path, nodes, "[vector]").nodes["root"]
    assert root.key == ("vector",)
    assert [step.share for step in root.steps] == [0.9, 0.1]


@pytest.mark.parametrize(
    ("nodes", "inputs", "reason"),
    [
        (
            "        root: {sequence: [words, narrow]}\n",
            "[text]",
            r"root\.sequence\.1: 'vector' has the shape \[-1, 24\], not \[-1, 8\], which this step",
        ),
        (
            "        root: {sequence: [words, double]}\n",
            "[text]",
            r"root\.sequence\.1: 'vector' is FP32, not FP64, which this step needs",
        ),
        (
            "        root: {sequence: [words, {use: linear, inputs: {vector: vektor}}]}\n",
            "[text]",
            r"root\.sequence\.1: needs 'vektor', which is no input of the graph and no earlier",
        ),
        (SEQUENCE, "[text, more]", r"graph\.inputs\.1: 'more' is not used by any step"),
        (
            "        root: {sequence: [words, {use: linear, inputs: {vectr: text}}]}\n",
            "[text]",
            r"1\.inputs\.vectr: 'linear' has no 'vectr'; it has vector; did you mean 'vector'",
        ),
        (
            "        root: {sequence: [words, linear], outputs: [lable]}\n",
            "[text]",
            r"root\.outputs\.0: no step returns 'lable'; .*; did you mean 'label'\?",
        ),
        (
            "        root: {sequence: [linear, forest]}\n",
            "[vector]",
            r"root\.sequence\.1: returns 'label', which is there already; rename it with outputs",
        ),
        (
            "        root: {ensemble: [linear, forest], combine: mean}\n",
            "[vector]",
            r"root\.combine: 'label' is INT64, which has no mean",
        ),
        (
            "        root: {ensemble: [linear, two], combine: {scores: mean}}\n",
            "[vector]",
            r"root\.ensemble\.1: 'scores' has the shape \[-1, 2\], not \[-1, 3\], as in the first",
        ),
        (
            "        root: {ensemble: [linear, two], combine: {label: vote}}\n",
            "[vector]",
            r"root\.ensemble\.1: 'two' returns no 'label', which 'linear' returns",
        ),
        (
            PICK,
            "[text]",
            r"pick\.switch\.0\.when: 'vector' has the shape \[-1, 24\]; a condition needs one",
        ),
        (
            "        root: {switch: [{use: words, when: {tensor: text, gt: 1}}]}\n",
            "[text]",
            r"root\.switch\.0\.when: 'text' is BYTES, which cannot be compared with 1",
        ),
        *(
            (
                TINY.format(value),
                "[small]",
                rf"root\.switch\.0\.when: 'small' is UINT8, which cannot hold {value}",
            )
            for value in ("256", "-1", f"1{'0' * 30}")
        ),
        (
            "        root: {switch: [{use: linear, when: {tensor: key, gt: 1.0e+39}}]}\n",
            "[vector, key]",
            r"root\.switch\.0\.when: 'key' is FP32, which cannot hold 1e\+39",
        ),
    ],
)
def test_what_does_not_fit_is_refused_at_its_line(
    tmp_path: Path, nodes: str, inputs: str, reason: str
) -> None:
    with pytest.raises(ManifestError, match=rf"models\.yaml:\d+: models\.g\..*{reason}") as caught:
        wired(tmp_path, nodes, inputs)
    assert caught.value.line >= 10
