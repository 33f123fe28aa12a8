"""Names of a graph lead somewhere, and each key stands where it has an effect."""

from pathlib import Path

import pytest

from lading.model_packaging.errors import ManifestError
from lading.model_packaging.manifest.models import load_manifest

MANIFEST = """\
models:
  a: {source: a.onnx}
  b: {source: b.onnx}
  other: {graph: {inputs: [x], nodes: {root: {sequence: [a]}}}}
  g:
    graph:
      inputs: [x]
      nodes:
        root:
          sequence:
            - a
            - judge
        judge:
          ensemble: [a, b]
          combine: mean
"""


def test_a_graph_of_nodes_and_models_is_read(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(MANIFEST)
    graph = load_manifest(path).models["g"].graph
    assert graph is not None
    assert [step.use for step in graph.nodes["root"].steps()] == ["a", "judge"]
    assert graph.nodes["judge"].combine == {"*": "mean"}


@pytest.mark.parametrize(
    ("before", "after", "line", "reason"),
    [
        ("[a, b]", "[a, c]", 14, "there is no node and no model 'c'"),
        ("[a, b]", "[a, juge]", 14, "no model 'juge'; did you mean 'judge'"),
        ("[a, b]", "[a, root]", 14, "makes a circle: root -> judge -> root"),
        ("[a, b]", "[a, g]", 14, "'g' is a graph; use its models as nodes"),
        ("[a, b]", "[a, other]", 14, "'other' is a graph; use its models as nodes"),
        ("            - judge\n", "", 12, "graph.nodes.judge: is not used by any step"),
        ("        judge:", "        b:", 12, "no node and no model 'judge'"),
        ("root:\n          seq", "rot:\n          seq", 8, "must have a node 'root'"),
        ("combine: mean", "key: [x]", 13, "has key, which is for splitter, not for ensemble"),
        ("          combine: mean\n", "", 13, "must have either combine .* or code"),
        ("combine: mean", "combine: meen", 15, "must be 'mean', 'weighted' or 'vote'"),
        ("combine: mean", "combine: weighted", 14, "needs a weight: use 'a' with weight"),
        ("[a, b]", "[{use: a, weight: 2}, b]", 14, "weight: has no effect here"),
        ("[a, b]", "[{use: a, wait: 2}, b]", 14, "unknown key"),
        ("[a, b]", "[{use: a, when: {tensor: x, eq: 1}}, b]", 14, "is for switch, not for"),
        ("[a, b]", "[{use: a, when: {tensor: x}}, b]", 14, "one comparison of eq, ne, lt, .* none"),
        ("ensemble: [a, b]\n          combine: mean", "switch: [a, b]", 14, "needs when; only the"),
        (
            "[a, b]",
            "[{use: a, when: {tensor: x, lt: .inf}}, b]",
            14,
            "must be a finite number, a text, true or false",
        ),
        ("ensemble: [a, b]\n          combine: mean", "splitter: [a, b]", 14, "needs a weight"),
        ("combine: mean", "switch: [a]", 13, "it has ensemble and switch"),
        ("    graph:\n", "    source: a.onnx\n    graph:\n", 5, "has both source and graph"),
        ("    graph:\n", "    quantize: dynamic\n    graph:\n", 6, "has no effect on a graph"),
        (
            "    graph:\n",
            "    target: auto\n    graph:\n",
            6,
            "must be lambda, lambda-managed or sagemaker with Triton",
        ),
        ("    graph:\n", "    code: {file: a.py}\n    graph:\n", 6, "has no effect on a graph"),
    ],
)
def test_a_mistake_is_refused_at_its_line(
    tmp_path: Path, before: str, after: str, line: int, reason: str
) -> None:
    path = tmp_path / "models.yaml"
    assert MANIFEST.count(before) >= 1
    path.write_text(MANIFEST.replace(before, after))
    with pytest.raises(ManifestError, match=reason) as caught:
        load_manifest(path)
    assert caught.value.line == line


def test_a_graph_whose_nodes_multiply_its_models_is_refused(tmp_path: Path) -> None:
    nodes = [
        f"        n{at}: {{sequence: [{{use: n{at + 1}, outputs: {{y: z}}}}, n{at + 1}]}}\n"
        for at in range(40)
    ]
    text = MANIFEST.replace("            - judge\n", "            - n0\n            - judge\n")
    path = tmp_path / "models.yaml"
    path.write_text(f"{text}{''.join(nodes)}        n40: {{sequence: [a]}}\n")
    with pytest.raises(ManifestError, match=r"nodes\.n30: runs its models 1024 times") as caught:
        load_manifest(path)
    assert caught.value.line == 47
