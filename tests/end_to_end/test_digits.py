"""One model, every way in, the same numbers."""

import json
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.http as triton

from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.models.session_predictor import open_onnx
from tests.end_to_end.conftest import lading, serving

# gevent, which the stock client uses, warns of its own doings.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:gevent.*")

Outputs = dict[str, Any]


@pytest.fixture(scope="module")
def rows(published: Path) -> np.ndarray[Any, np.dtype[np.float32]]:
    with np.load(published / "examples/digits/holdout.npz") as holdout:
        return np.asarray(holdout["X"][:20])


@pytest.fixture(scope="module")
def expected(published: Path, rows: np.ndarray[Any, np.dtype[np.float32]]) -> Outputs:
    """What the library call answers."""
    predictor = open_onnx(read_artifact(published / "artifacts/models/digits/1"), 1)
    return predictor.predict({predictor.metadata.inputs[0].name: rows})


def same(answer: Outputs, expected: Outputs) -> bool:
    """Equal to the last bit, in the datatype of the model."""
    return answer.keys() == expected.keys() and all(
        np.array_equal(np.asarray(answer[name], expected[name].dtype), expected[name])
        for name in expected
    )


def post(url: str, document: Any) -> Any:
    answer = httpx.post(url, json=document, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("path", ["/digits/predict", "/predict/digits"])
def test_plain(served: str, path: str, rows: Any, expected: Outputs) -> None:
    answer = post(served + path, {"inputs": rows.tolist()})
    assert same(answer["outputs"], expected)


@pytest.mark.parametrize("base", ["", "/digits"])
def test_tensorflow_serving_in_columns(
    served: str, base: str, rows: Any, expected: Outputs
) -> None:
    answer = post(f"{served}{base}/v1/models/digits:predict", {"inputs": rows.tolist()})
    assert same(answer["outputs"], expected)


def test_tensorflow_serving_in_rows(served: str, rows: Any, expected: Outputs) -> None:
    url = f"{served}/v1/models/digits/versions/1:predict"
    answer = post(url, {"instances": rows.tolist()})
    columns = {name: [row[name] for row in answer["predictions"]] for name in expected}
    assert same(columns, expected)


@pytest.mark.parametrize("base", ["", "/digits"])
@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_stock_triton_client(
    served: str, base: str, binary: bool, rows: Any, expected: Outputs
) -> None:
    client = triton.InferenceServerClient(served.removeprefix("http://") + base)
    assert client.is_model_ready("digits")
    [name] = [tensor["name"] for tensor in client.get_model_metadata("digits")["inputs"]]
    tensor = triton.InferInput(name, list(rows.shape), "FP32")
    tensor.set_data_from_numpy(rows, binary_data=binary)
    wanted = [triton.InferRequestedOutput(output, binary_data=binary) for output in expected]
    result = client.infer("digits", [tensor], outputs=wanted)
    client.close()
    assert same({output: result.as_numpy(output) for output in expected}, expected)


def test_the_command_itself(published: Path, rows: Any, expected: Outputs) -> None:
    (published / "rows.json").write_text(json.dumps({"inputs": rows.tolist()}))
    answer = json.loads(lading(published, "predict", "digits", "-i", "rows.json", "--json"))
    assert same(answer["outputs"], expected)


@pytest.mark.skipif(sys.platform != "linux", reason="AWS's Lambda runtime runs on Linux")
def test_both_runtimes_answer_the_same_bytes(published: Path, rows: Any) -> None:
    requests = [
        ("/digits/predict", json.dumps({"inputs": rows.tolist()}).encode()),
        ("/v1/models/digits:predict", b'{"instances": [1]}'),
        ("/v2/models/nothing/infer", b"{}"),
    ]
    with serving(published) as here, serving(published, "--runtime", "lambda") as there:
        for path, body in requests:
            answers = [httpx.post(url + path, content=body, timeout=30) for url in (here, there)]
            assert answers[0].content == answers[1].content
            assert answers[0].status_code == answers[1].status_code
            assert answers[0].headers["content-type"] == answers[1].headers["content-type"]


def test_a_second_version_is_served_beside_the_first_and_labels_choose(
    published: Path, tmp_path: Path, rows: Any
) -> None:
    manifest = (published / "models.yaml").read_text()
    changed = published / "changed.yaml"
    changed.write_text(
        manifest.replace("quantize: dynamic", "quantize: none\n    labels: [canary]")
    )
    where = ("--lock", str(tmp_path / "models.lock.json"), "--store", str(tmp_path / "store"))
    lading(published, "package", *where)
    lading(published, "package", "--manifest", "changed.yaml", *where)
    with serving(published, *where[:2]) as url:
        body = {"inputs": rows.tolist()}
        stable = post(f"{url}/v1/models/digits:predict", body)
        assert stable == post(f"{url}/v1/models/digits/labels/stable:predict", body)
        canary = post(f"{url}/v1/models/digits/labels/canary:predict", body)
        assert canary == post(f"{url}/v1/models/digits/versions/2:predict", body)
    assert canary["outputs"] != stable["outputs"]
