"""`cdk synth` for 1, 10 and 100 models: the real command, with nothing built.

    python -m benchmarks.synth [--rounds 3]

Each round synthesises every size once, in production's settings, with the command that package.json
pins. The Lambda code is in the cache before the first. Time is that of the processors, all
processes together, beside what a clock shows; growth is judged by it.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from lading.emulator.cloud.cdk import Cdk, find_cdk

ROOT = Path(__file__).parents[1]
SCRATCH = ROOT / ".lading" / "bench"
LOG = SCRATCH / "synth.log"
SIZES = (1, 10, 100)

_DIGEST = f"sha256:{'5' * 64}"


@dataclass(slots=True)
class Figures:
    """The figures of one size: seconds of each round, and the resulting stacks.

    Args:
        models: how many.
        clock: as a clock shows.
        processors: spent by all processes.
        stacks: how many there are.
        most_resources: of one stack.
        largest: template, in bytes.
    """

    models: int
    clock: list[float] = field(default_factory=list)
    processors: list[float] = field(default_factory=list)
    stacks: int = 0
    most_resources: int = 0
    largest: int = 0


def main() -> None:
    """Print a line for each size, and how the time grows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    SCRATCH.mkdir(parents=True, exist_ok=True)
    cdk = find_cdk(ROOT, SCRATCH, Path(sys.prefix), LOG)
    figures = [Figures(models) for models in SIZES]
    with TemporaryDirectory(dir=SCRATCH) as temporary:
        projects = [_write_project(Path(temporary), models) for models in SIZES]
        _synthesise(cdk, projects[0], Figures(1))  # builds the Lambda code
        for _ in range(rounds):
            for project, each in zip(projects, figures, strict=True):
                _synthesise(cdk, project, each)
    _report(figures)


def _write_project(root: Path, models: int) -> Path:
    """A manifest and a lock of artifacts in S3."""
    folder = root / f"{models}"
    folder.mkdir()
    names = [f"model-{number:03}" for number in range(models)]
    manifest = {"models": {name: {"source": f"{name}.onnx"} for name in names}}
    (folder / "models.yaml").write_text(json.dumps(manifest))
    (folder / "models.lock.json").write_text(json.dumps({name: _locked(name) for name in names}))
    return folder


def _locked(name: str) -> dict[str, object]:
    copy = {
        "kind": "s3",
        "bucket": "artifacts",
        "key": f"models/{name}/1/artifact.zip",
        "version_id": "1",
        "bytes": 1 << 20,
        "golden": f"models/{name}/golden.json",
    }
    entry = {"identity": _DIGEST, "digest": _DIGEST, "target": "lambda", "stores": [copy]}
    return {"versions": {"1": entry}, "labels": {"stable": 1}}


def _synthesise(cdk: Cdk, project: Path, figures: Figures) -> None:
    out = project / "out"
    files = {"manifest": "models.yaml", "lock": "models.lock.json", "stages": "stages.yaml"}
    context = {"stage": "prod", **{key: str(project / file) for key, file in files.items()}}
    options = [option for key, value in context.items() for option in ("-c", f"{key}={value}")]
    app = f"{sys.executable} app.py"
    command = [str(cdk.node), str(cdk.script), "synth", "--quiet", "--app", app, "--output"]
    started, before = perf_counter(), _spent()
    with LOG.open("ab") as log:
        subprocess.run(
            [*command, str(out), *options],
            cwd=ROOT,
            env=_environment(cdk),
            stdout=log,
            stderr=log,
            check=True,
        )
    figures.clock.append(perf_counter() - started)
    figures.processors.append(_spent() - before)
    templates = list(out.glob("*.template.json"))
    counts = [len(json.loads(template.read_text())["Resources"]) for template in templates]
    figures.stacks, figures.most_resources = len(templates), max(counts)
    figures.largest = max(template.stat().st_size for template in templates)


def _spent() -> float:
    """Return the processor seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _environment(cdk: Cdk) -> dict[str, str]:
    """Return an environment without credentials: synthesis needs none."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    path = f"{cdk.node.parent}{os.pathsep}{kept['PATH']}"
    return {**kept, "PATH": path, "CDK_DISABLE_VERSION_CHECK": "1", "CI": "true"}


def _report(figures: Sequence[Figures]) -> None:
    print(f"{platform.machine()}, Python {platform.python_version()}, ", end="")
    print(f"aws-cdk-lib {version('aws-cdk-lib')}, {len(figures[0].clock)} rounds; medians\n")
    print(
        f"{'models':>6}{'stacks':>8}{'processors':>13}{'clock':>10}{'most resources':>17}", end=""
    )
    print(f"{'largest template':>19}")
    for each in figures:
        spent, clock = statistics.median(each.processors), statistics.median(each.clock)
        print(f"{each.models:>6}{each.stacks:>8}{spent:>11.1f} s{clock:>8.1f} s", end="")
        print(f"{each.most_resources:>17}{each.largest / 1024:>16.0f} KB")
    one, ten, hundred = (statistics.median(each.processors) for each in figures)
    first, later = (ten - one) / (SIZES[1] - SIZES[0]), (hundred - ten) / (SIZES[2] - SIZES[1])
    print(
        f"\none more model: {first:.2f} s up to {SIZES[1]}, {later:.2f} s from there to {SIZES[2]}"
    )
    print(f"target: growth at most linear: {'met' if later <= first else 'MISSED'}", end=" ")
    print(f"({later / first:.2f}x)")


if __name__ == "__main__":
    main()
