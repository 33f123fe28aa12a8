"""Cold start and warm answer under AWS's runtime client, beside a bare handler's.

    python -m benchmarks.cold_start [--rounds 15] [--invokes 25]

Three handlers load the same model and answer the same API Gateway event with the same numbers:
`bare`, onnxruntime and json alone; `framework`, Mangum, Starlette and Powertools around that; and
`lading`, the inference service with production settings (digests verified, one log line and one set
of metrics a request). Each round starts each of them once. The handler's process is pinned to one
core, this one to another.

init           from the start of the process to its first request for an event
first          from the start of the process to its first response
turnaround     from sending an event to its response, warm; a Runtime API of this benchmark's own
invocation     the same through AWS's runtime interface emulator, from the caller's side
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.installed import ROOT, Packages, install_code, install_packages
from benchmarks.runtime_api import RuntimeApi
from lading.emulator.function.lambda_runtime import Code, LambdaRuntimeFunction
from lading.emulator.gateway.event import HttpRequest, RequestIds, build_event
from lading.functions.contract.limits import LAMBDA
from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.artifact.specification import MODEL
from lading.model_packaging.manifest.models import load_manifest
from lading.model_packaging.pipeline import package
from lading.model_packaging.store.local import LocalStore

SCRATCH = ROOT / ".lading" / "bench"
DIGITS = ROOT / "examples" / "digits"
WARM_UP = 5
TARGETS = {("init", "bare"): 1.42, ("init", "framework"): 1.10, ("invocation", "bare"): 1.15}
MEASURES = ("init", "first", "turnaround", "invocation")


@dataclass
class Contender:
    """A handler to measure, and its figures in milliseconds."""

    name: str
    handler: str
    source: Path
    environment: Mapping[str, str]
    init: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    turnaround: list[float] = field(default_factory=list)
    invocation: list[float] = field(default_factory=list)
    outputs: list[float] = field(default_factory=list)


def main() -> None:
    """Measure, then print the table and the ratio of the init times."""
    arguments = _arguments()
    contenders = measure(arguments.rounds, arguments.invokes, arguments.invocations)
    _report(contenders, pinned=len(os.sched_getaffinity(0)) > 1)


def measure(rounds: int, invokes: int, invocations: int) -> list["Contender"]:
    """Return the handlers with their figures; they answer with the same numbers.

    Args:
        rounds: cold starts of each handler, in turns; one more is not counted.
        invokes: warm answers after each of them.
        invocations: warm answers through AWS's emulator; 0 for none.
    """
    if not sys.platform.startswith("linux"):
        sys.exit("AWS's runtime client runs on Linux only")
    SCRATCH.mkdir(parents=True, exist_ok=True)
    packages = install_packages(SCRATCH)
    contenders = _contenders(packages, package_digits())
    event = _event()
    cores = sorted(os.sched_getaffinity(0))
    core = cores[-1]
    os.sched_setaffinity(0, {cores[0]})
    try:
        for turn in range(rounds + 1):  # the first fills the page cache and is not counted
            for contender in contenders:
                _start_once(contender, packages, event, core, invokes)
                if turn == 0:
                    contender.init, contender.first, contender.turnaround = [], [], []
            print(f"round {turn} of {rounds}", end="\r", file=sys.stderr, flush=True)
        if invocations:
            asyncio.run(_invoke_all(contenders, packages, event, core, invocations))
    finally:
        os.sched_setaffinity(0, cores)
    _check_outputs(contenders)
    return contenders


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15, help="cold starts of each handler")
    parser.add_argument("--invokes", type=int, default=25, help="warm answers after each of them")
    parser.add_argument(
        "--invocations", type=int, default=400, help="warm answers through AWS's emulator"
    )
    return parser.parse_args()


def package_digits() -> ServingSettings:
    """Package the digits example as a user would; a version that is there is not built again."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    if not (DIGITS / "model.skops").exists():
        subprocess.run([sys.executable, DIGITS / "train.py"], check=True)
    (spec,) = load_manifest(ROOT / "models.yaml").select(["digits"])
    packaged = package(spec, LocalStore(SCRATCH / "artifacts"), SCRATCH / "models.lock.json")
    versions, labels = {packaged.version: packaged.digest}, {"stable": packaged.version}
    model = ServedModel("digits", versions, labels)
    return ServingSettings((model,), str((SCRATCH / "artifacts").resolve()), threads=1)


def _contenders(packages: Packages, settings: ServingSettings) -> list[Contender]:
    (digits,) = settings.models
    (number,) = digits.versions
    model = Path(settings.model_root, "models", digits.name, str(number), MODEL)
    handlers = Path(__file__).parent / "handlers"
    contenders = [
        Contender("bare", "bare.handler", handlers / "bare.py", {"MODEL": str(model)}),
        Contender(
            "framework", "framework.handler", handlers / "framework.py", {"MODEL": str(model)}
        ),
        Contender(
            "lading",
            "lading.functions.inference.entry.lambda_handler.handler",
            ROOT / "functions",
            settings.to_environment(),
        ),
    ]
    for contender in contenders:
        install_code(packages, contender.source, code_of(contender))
    return contenders


def _event() -> bytes:
    """Return the event of API Gateway for one held-out digit."""
    row = np.load(DIGITS / "holdout.npz")["X"][:1].tolist()
    body = json.dumps({"inputs": row}).encode()
    headers = (("content-type", "application/json"), ("host", "api.example.com"))
    request = HttpRequest("POST", "/digits/predict", "", headers, body)
    return json.dumps(build_event(request, RequestIds())).encode()


def _start_once(
    contender: Contender, packages: Packages, event: bytes, core: int, invokes: int
) -> None:
    """Measure one cold start, its first answer, and some warm answers."""
    api = RuntimeApi()
    started = perf_counter()
    process = spawn(contender, packages, api.address, core)
    try:
        contender.init.append((api.expect("next").at - started) * 1000)
        api.send(event)
        answer = api.expect("response")
        contender.first.append((answer.at - started) * 1000)
        contender.outputs = outputs_of(answer.body)
        for turn in range(WARM_UP + invokes):
            api.expect("next")
            api.send(event)
            answer = api.expect("response")
            if turn >= WARM_UP:
                contender.turnaround.append(answer.since_event * 1000)
    finally:
        process.kill()
        process.wait()
        api.close()


def spawn(contender: Contender, packages: Packages, api: str, core: int) -> subprocess.Popen[bytes]:
    """Start AWS's runtime client on `core`; a process inherits its parent's core."""
    environment = {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "AWS_LAMBDA_RUNTIME_API": api,
        "AWS_LAMBDA_FUNCTION_NAME": contender.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(LAMBDA.processor_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_REGION": "us-east-1",
        **_environment(contender, packages),
    }
    with (SCRATCH / f"{contender.name}.log").open("wb") as log, starting_on(core):
        return subprocess.Popen(
            [packages.interpreter, "-m", "awslambdaric", contender.handler],
            cwd=code_of(contender),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


async def _invoke_all(
    contenders: Sequence[Contender], packages: Packages, event: bytes, core: int, times: int
) -> None:
    """Invoke each handler in turn under AWS's emulator, which runs on the handlers' core."""
    functions = [
        LambdaRuntimeFunction(
            _environment(contender, packages),
            log=SCRATCH / f"{contender.name}.log",
            tools=ROOT / ".lading" / "tools",
            code=Code(code_of(contender), contender.handler, packages.interpreter),
        )
        for contender in contenders
    ]
    try:
        for function in functions:
            with starting_on(core):
                await function.start()
        for turn in range(WARM_UP + times):
            for contender, function in zip(contenders, functions, strict=True):
                started = perf_counter()
                await function.invoke(event)
                if turn >= WARM_UP:
                    contender.invocation.append((perf_counter() - started) * 1000)
    finally:
        for function in functions:
            await function.stop()


@contextmanager
def starting_on(core: int) -> Iterator[None]:
    """Run the processes that this thread starts on another core than its own."""
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, own)


def _environment(contender: Contender, packages: Packages) -> dict[str, str]:
    path = f"{code_of(contender)}:{packages.folder}"
    own = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "ORT_DISABLE_TELEMETRY": "1"}
    return {**own, **contender.environment}


def code_of(contender: Contender) -> Path:
    """Return the folder from which a handler runs."""
    return SCRATCH / "code" / contender.name


def outputs_of(body: bytes) -> list[float]:
    """Return every number of a response."""
    response = json.loads(body)
    if response["statusCode"] != 200:  # noqa: PLR2004 HTTP's own
        raise RuntimeError(f"a handler answered {response}")
    outputs = json.loads(response["body"])["outputs"]
    arrays = outputs.values() if isinstance(outputs, dict) else outputs
    return [float(number) for array in arrays for number in np.ravel(array)]


def _check_outputs(contenders: Sequence[Contender]) -> None:
    for contender in contenders[1:]:
        if not np.allclose(contender.outputs, contenders[0].outputs, atol=1e-6):
            raise RuntimeError(f"{contender.name} answers other numbers than bare")


def _report(contenders: Sequence[Contender], *, pinned: bool) -> None:
    where = "pinned to one core" if pinned else "not pinned: there is only one core"
    print(f"{platform.machine()}, Python {platform.python_version()}, ", end="")
    print(f"onnxruntime {version('onnxruntime')}, awslambdaric {version('awslambdaric')}, {where}")
    print(f"{len(contenders[0].init)} cold starts each, interleaved; ms: median (min to max)\n")
    print(
        f"{'':14}{''.join(f'{each.name:>24}' for each in contenders)}{'/bare':>8}{'/framework':>12}"
    )
    for measured in MEASURES:
        figures = [getattr(each, measured) for each in contenders]
        bare, framework = (ratio(figures[-1], others) for others in figures[:-1])
        cells = "".join(f"{_cell(each):>24}" for each in figures)
        print(f"{measured:14}{cells}{bare:7.2f}x{framework:11.2f}x")
    print()
    ours = contenders[-1]
    for (measured, name), target in TARGETS.items():
        other = next(each for each in contenders if each.name == name)
        found = ratio(getattr(ours, measured), getattr(other, measured))
        verdict = "met" if found <= target else "MISSED"
        print(f"target: {measured} at most {target:.2f}x of {name}: {verdict} ({found:.3f}x)")
    print(f"\ninit ratio {ratio(ours.init, contenders[0].init):.2f}x")


def ratio(ours: Sequence[float], others: Sequence[float]) -> float:
    """Return how many times as long ours take, by their medians."""
    return statistics.median(ours) / statistics.median(others)


def _cell(figures: Sequence[float]) -> str:
    median, least, most = statistics.median(figures), min(figures), max(figures)
    digits = 2 if median < 10 else 1  # noqa: PLR2004 three digits are enough
    return f"{median:.{digits}f} ({least:.{digits}f} to {most:.{digits}f})"


if __name__ == "__main__":
    main()
