"""Run the whole example: train, package, serve, send requests, compare the answers with the truth.

It works below `.lading/demo`, so that it never changes models.lock.json or `artifacts/`.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np

EXAMPLE = Path(__file__).parent
SCRATCH = Path(".lading/demo")
LADING = [str(Path(sys.executable).with_name("lading"))]
WHERE = ["--lock", str(SCRATCH / "models.lock.json"), "--store", str(SCRATCH / "artifacts")]
QUESTIONS = 10


def main() -> None:
    """Run each step, and end with what to do next."""
    shutil.rmtree(SCRATCH, ignore_errors=True)
    print("1. train a classifier of handwritten digits")
    subprocess.run([sys.executable, EXAMPLE / "train.py"], check=True)
    print("2. convert, quantize, check the accuracy, publish")
    subprocess.run([*LADING, "package", "digits", *WHERE], check=True)
    holdout = np.load(EXAMPLE / "holdout.npz")
    rows, truth = holdout["X"][:QUESTIONS], holdout["y"][:QUESTIONS]
    print("3. serve it as API Gateway and Lambda would, and send requests over HTTP")
    with served() as url:
        plain = post(f"{url}/digits/predict", {"inputs": rows.tolist()})["outputs"]
        tensorflow = post(f"{url}/v1/models/digits:predict", {"inputs": rows.tolist()})["outputs"]
    answers = plain["label"]
    if tensorflow["label"] != answers:
        sys.exit("the plain and the TensorFlow Serving dialect disagree")
    show(answers, plain["probabilities"], truth.tolist())
    if sum(map(int.__eq__, answers, truth.tolist())) < QUESTIONS - 2:
        sys.exit("too many wrong answers: something is broken")
    print(NEXT)


@contextmanager
def served() -> Iterator[str]:
    """Run `lading serve` on a free port while it is needed, and give its URL."""
    command = [*LADING, "serve", *WHERE[:2], "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield json.loads(server.stdout.readline())["url"]
        finally:
            server.terminate()


def post(url: str, document: Any) -> Any:
    """POST a JSON document and read the JSON answer."""
    request = Request(url, json.dumps(document).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=30) as response:
        return json.load(response)


def show(answers: list[int], probabilities: list[list[float]], truth: list[int]) -> None:
    """Print the answers beside the truth."""
    print("   answer  truth  probability")
    for answer, true, row in zip(answers, truth, probabilities, strict=True):
        print(f"   {answer:6}  {true:5}  {max(row):11.3f}{'' if answer == true else '  wrong'}")


NEXT = """
Done. Next:
   source .venv/bin/activate
   lading package                    # publish into artifacts/, write models.lock.json
   lading serve                      # http://127.0.0.1:8080, docs at /docs
   lading predict digits --input examples/digits/sample.json
then add your own model to models.yaml."""

if __name__ == "__main__":
    main()
