"""Load a model as it is, optimized ahead of time, and in onnxruntime's own format, side by side.

`python -m benchmarks.graph_optimization MODEL.onnx...` prints the time to load each form and to
answer once, every one in a process of its own, as a cold start would.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # of the processes that it starts, too

ROUNDS = 15
FORMS = ("as it is", "optimized", "ORT format")

LOAD = """
import sys
from time import perf_counter
import numpy as np
import onnxruntime as ort

path, ahead = sys.argv[1], sys.argv[2] == "ahead"
content = open(path, "rb").read()
begin = perf_counter()
options = ort.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
options.log_severity_level = 3
if ahead:
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
loaded = perf_counter()
kinds = {"tensor(float)": np.float32, "tensor(int64)": np.int64}
session.run(None, {
    each.name: np.ones(
        [size if isinstance(size, int) else 8 for size in each.shape], kinds[each.type]
    )
    for each in session.get_inputs()
})
print(loaded - begin, perf_counter() - begin)
"""


def optimize(model: Path, folder: Path) -> dict[str, Path]:
    """Return the forms of a model; those that are optimized fit every processor."""
    import onnxruntime as ort

    forms = {"as it is": model}
    for form, suffix in (("optimized", ".onnx"), ("ORT format", ".ort")):
        path = folder / f"{model.stem}{suffix}"
        options = ort.SessionOptions()
        options.log_severity_level = 3
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(path)
        if suffix == ".ort":
            options.add_session_config_entry("session.save_model_format", "ORT")
        ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        forms[form] = path
    return forms


def load(path: Path, form: str) -> tuple[float, float]:
    """Return the milliseconds to load, and to load and answer once."""
    ahead = "itself" if form == "as it is" else "ahead"
    command = [sys.executable, "-c", LOAD, str(path), ahead]
    words = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    loaded, answered = (1e3 * float(word) for word in words)
    return loaded, answered


def compare(model: Path) -> None:
    """Print one line for each form; the forms are measured in turns."""
    with TemporaryDirectory() as folder:
        forms = optimize(model, Path(folder))
        times: dict[str, list[tuple[float, float]]] = {form: [] for form in FORMS}
        for _ in range(ROUNDS):
            for form in FORMS:
                times[form].append(load(forms[form], form))
        for form in FORMS:
            loaded, answered = (statistics.median(each) for each in zip(*times[form], strict=True))
            size = forms[form].stat().st_size
            print(
                f"| {model.name} | {form} | {size:,} | {loaded:.1f} ms | {answered:.1f} ms |",
                flush=True,
            )


def main() -> None:
    """Compare the models that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    print("| model | form | bytes | loaded | first answer |\n|---|---|---|---|---|")
    for model in parser.parse_args().models:
        compare(model)


if __name__ == "__main__":
    main()
