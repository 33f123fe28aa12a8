"""Train on the rows of three hospitals, which never show their rows to one another, with Flower.

Each hospital is a process of its own (Flower's SuperNode) that knows the path of its own file only.
The server (SuperLink) gets sums and weights. Writes, beside this file, `model.skops` and
`holdout.npz`: rows that no hospital has. docs/federated.md says what this protects.
"""

import argparse
import csv
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from skops import io

from lading.emulator.checkout import packaged_file
from lading.emulator.processes.own_environment import own_environment
from lading.emulator.processes.ports import free_ports

HERE = Path(__file__).parent
SCRATCH = Path(".lading/federated")
HOSPITALS = 3
SEED = 0
_START_SECONDS = 120.0
"""How long a process may take to listen; it imports much."""


def main(rounds: int) -> None:
    """Train federated, save both files, and compare with what each hospital could do alone."""
    rows, classes = load_breast_cancer(return_X_y=True)
    malignant = (classes == 0).astype(np.int64)
    train_x, held_x, train_y, held_y = train_test_split(
        rows, malignant, test_size=0.25, random_state=SEED, stratify=malignant
    )
    shares = [
        *zip(np.array_split(train_x, HOSPITALS), np.array_split(train_y, HOSPITALS), strict=True)
    ]
    scratch = SCRATCH.resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    files = [write_share(scratch / f"hospital-{number}", *it) for number, it in enumerate(shares)]
    model = pipeline(train(scratch, files, rounds))
    io.dump(model, HERE / "model.skops")
    np.savez_compressed(HERE / "holdout.npz", X=held_x.astype(np.float32), y=held_y)
    alone = ", ".join(f"{fitted(*share).score(held_x, held_y):.4f}" for share in shares)
    print(f"held-out accuracy {model.score(held_x, held_y):.4f} of the federated model")
    print(f"each hospital alone: {alone}")
    print(f"all rows in one place: {fitted(train_x, train_y).score(held_x, held_y):.4f}")


def write_share(folder: Path, rows: np.ndarray, malignant: np.ndarray) -> Path:
    """Write one hospital's rows, the class in the last column, and return the file."""
    folder.mkdir(exist_ok=True)
    with (folder / "rows.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*load_breast_cancer().feature_names, "malignant"])
        table.writerows(
            [*row, of] for row, of in zip(rows.tolist(), malignant.tolist(), strict=True)
        )
    return folder / "rows.csv"


def train(scratch: Path, files: list[Path], rounds: int) -> dict[str, np.ndarray]:
    """Run the app of `app/` on a SuperLink and one SuperNode for each file; return its result."""
    tools = own_environment(
        Path(".lading/flower").resolve(),
        packaged_file("requirements/flower.txt"),
        scratch / "pip.log",
    )
    link, *nodes = free_ports(1 + len(files))
    result = scratch / "result.npz"
    result.unlink(missing_ok=True)
    started = time.monotonic()
    with ExitStack() as running:
        flower = Flower(tools / "bin", scratch, link)
        address = f"127.0.0.1:{link}"
        running.enter_context(flower.process("flower-superlink", "--port", str(link)))
        flower.wait()
        for file, port in zip(files, nodes, strict=True):
            where = ["--superlink", address, "--port", str(port)]
            running.enter_context(
                flower.process("flower-supernode", *where, "--node-config", f"rows='{file}'")
            )
        flower.run(HERE / "app", f"result='{result}' rounds={rounds} hospitals={len(files)}")
    if not result.is_file():
        sys.exit(f"error: the training failed; see the logs in {scratch}")
    print(f"{rounds} rounds over {len(files)} hospitals in {time.monotonic() - started:.0f} s")
    with np.load(result) as arrays:
        return dict(arrays)


class Flower:
    """Flower's commands, with a configuration of their own and without telemetry.

    Args:
        binaries: folder of the commands.
        folder: where their configuration and logs go.
        port: of the SuperLink.
    """

    def __init__(self, binaries: Path, folder: Path, port: int) -> None:
        self._binaries, self._folder, self._port = binaries, folder, port
        home = folder / "flwr"
        home.mkdir(exist_ok=True)
        (home / "config.toml").write_text(
            '[superlink]\ndefault = "local"\n\n[superlink.local]\n'
            f'address = "127.0.0.1:{port}"\ninsecure = true\n'
        )
        self._environment = {
            **os.environ,
            "FLWR_HOME": str(home),
            "FLWR_TELEMETRY_ENABLED": "0",
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        }

    @contextmanager
    def process(self, name: str, *arguments: str) -> Iterator[None]:
        """Run a long-lived command while it is needed; all stay on this machine, so no TLS."""
        options = {"flower-superlink": ["--disable-runtime-dependency-installation"]}.get(name, [])
        command = [str(self._binaries / name), "--insecure", *options, *arguments]
        log = (self._folder / f"{name}.log").open("ab")
        with log, subprocess.Popen(command, env=self._environment, stdout=log, stderr=log) as child:
            try:
                yield
            finally:
                child.terminate()

    def wait(self) -> None:
        """Wait until the SuperLink answers."""
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline:
                sys.exit(f"error: flower-superlink does not start; see the logs in {self._folder}")
            time.sleep(0.2)

    def run(self, app: Path, config: str) -> None:
        """Run the app to its end, and show what it prints."""
        command = [str(self._binaries / "flwr"), "run", str(app), "local", "--stream", "-c", config]
        subprocess.run(command, env=self._environment, check=True)

    def _answers(self) -> bool:
        try:
            urlopen(f"http://127.0.0.1:{self._port}/", timeout=5).close()
        except URLError as error:
            return getattr(error, "code", None) is not None  # any status is an answer
        return True


def pipeline(trained: dict[str, np.ndarray]) -> Pipeline:
    """Return the trained numbers as the scikit-learn pipeline that they are."""
    columns = len(trained["mean"])
    scaler = StandardScaler()
    scaler.mean_, scaler.scale_ = trained["mean"], trained["scale"]
    scaler.var_, scaler.n_samples_seen_ = trained["scale"] ** 2, int(trained["rows"])
    regression = LogisticRegression()
    regression.coef_ = trained["coefficients"][None]
    regression.intercept_ = trained["intercept"]
    regression.classes_ = np.arange(2)
    regression.n_iter_ = np.ones(1, np.int32)
    scaler.n_features_in_ = regression.n_features_in_ = columns
    return Pipeline([("scaler", scaler), ("regression", regression)])


def fitted(rows: np.ndarray, malignant: np.ndarray) -> Pipeline:
    """Return the same model, trained in one place."""
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(rows, malignant)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    main(parser.parse_args().rounds)
