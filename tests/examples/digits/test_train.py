import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from skops import io

from examples.digits.train import main

EXAMPLE = Path(__file__).parents[3] / "examples" / "digits"


def test_training_again_gives_the_same_model_and_rows(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
        assert main(folder) > 0.97
    one, two = (np.load(folder / "holdout.npz") for folder in folders)
    assert np.array_equal(one["X"], two["X"])
    assert np.array_equal(one["y"], two["y"])
    models = [io.load(folder / "model.skops", trusted=[]) for folder in folders]
    answers = [model.predict_proba(one["X"]) for model in models]
    assert np.array_equal(answers[0], answers[1])


def test_the_script_prints_one_line_and_warns_of_nothing(tmp_path: Path) -> None:
    script = shutil.copy(EXAMPLE / "train.py", tmp_path)
    command = [sys.executable, "-W", "error", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("held-out accuracy 0.9")
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["holdout.npz", "model.skops", "train.py"]


def test_the_sample_request_is_of_the_held_out_rows(tmp_path: Path) -> None:
    main(tmp_path)
    sample = json.loads((EXAMPLE / "sample.json").read_text(encoding="utf-8"))
    holdout = np.load(tmp_path / "holdout.npz")
    assert np.array_equal(np.array(sample["inputs"], np.float32), holdout["X"][:3])
