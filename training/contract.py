"""The contract of SageMaker's training containers, for one script of any framework.

SageMaker writes three JSON files to `<base>/input/config`, puts channels below `<base>/input/data`,
and keeps what a script leaves in `<base>/model`; it sets no SM_* variables. This program derives
them, starts the script with its hyperparameters as flags, passes on its output, and writes the
failure file if it fails. `base` is /opt/ml in a training job, and the folder of a run on a laptop:
this file lies below it, so it finds it by its own path.

    python /opt/ml/input/data/code/lading_contract.py train.py

A trial of a tuning job has no entry point of its own: there the framework's image copies the code
to `<base>/code`, starts this file with flags, and LADING_ENTRY names the script.

It needs only the standard library, since it runs in any image that has Python.
Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
and the environment that the drivers of the `sagemaker` package set.
"""

import ast
import json
import os
import platform
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions, version
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

CODE = "code"
"""The channel with the script; it is not one of the user's channels."""
NAME = "lading_contract.py"
"""The name of this file beside the script."""
RECORD = "training-record.json"
"""The file below `output/data` that says how long the training took, on what and with what."""
ENTRY = "LADING_ENTRY"
"""The variable that names the script in a trial of a tuning job."""

_TETHERED = "--tethered"
_FOREIGN = ("_", "sagemaker_")
"""How hyperparameters start that are for SageMaker's tuner or for an image, not for the script."""
_CHUNK = 1 << 16
_TAIL = 8192
_FAILURE = 1000
"""SageMaker shows the first 1,024 characters of the failure file."""
_SECONDS = 20


class Config(NamedTuple):
    """The files of `input/config`; values of hyperparameters are texts."""

    hyperparameters: Mapping[str, str]
    channels: Mapping[str, Any]
    resources: Mapping[str, Any]


def read_config(base: Path) -> Config:
    """Read the three files; hyperparameters that are not for the script are left out."""
    folder = base / "input" / "config"

    def read(name: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
        return document

    return Config(
        {k: str(v) for k, v in read("hyperparameters.json").items() if not k.startswith(_FOREIGN)},
        {k: v for k, v in read("inputdataconfig.json").items() if k != CODE},
        read("resourceconfig.json"),
    )


def variables(base: Path, config: Config, job: str, checkpoints: Path) -> dict[str, str]:
    """Return the SM_* variables for a script.

    Args:
        base: the folder that is /opt/ml in a container.
        config: the files of `input/config`.
        job: the name of the training job.
        checkpoints: the folder of the script's checkpoints.
    """
    hosts, host = sorted(config.resources["hosts"]), config.resources["current_host"]
    data, values = base / "input" / "data", _values(config.hyperparameters)
    channels = {name: str(data / name) for name in config.channels}
    facts: dict[str, Any] = {
        "model_dir": str(base / "model"),
        "input_dir": str(base / "input"),
        "input_data_dir": str(data),
        "input_config_dir": str(base / "input" / "config"),
        "output_dir": str(base / "output"),
        "output_data_dir": str(base / "output" / "data"),
        "output_failure": str(base / "output" / "failure"),
        "checkpoint_dir": str(checkpoints),
        "source_dir": str(data / CODE),
        "channels": list(channels),
        "hps": values,
        "hosts": hosts,
        "host_count": len(hosts),
        "current_host": host,
        "current_host_rank": hosts.index(host),
        "current_instance_type": config.resources.get("current_instance_type", "local"),
        "network_interface_name": config.resources.get("network_interface_name", "eth0"),
        "num_cpus": os.cpu_count() or 1,
        "num_gpus": len(_gpus()),
        "num_neurons": _neurons(),
        "master_addr": hosts[0],
        "master_port": 7777,
        "resource_config": dict(config.resources),
        "input_data_config": dict(config.channels),
    }
    facts |= {f"channel_{name}": path for name, path in channels.items()}
    environment = {f"SM_{name.upper()}": _text(value) for name, value in facts.items()}
    for name, text in config.hyperparameters.items():
        environment[f"SM_HP_{name.replace('-', '_').upper()}"] = text
    whole = {**facts, "job_name": job, "channel_input_dirs": channels, "hyperparameters": values}
    return {**environment, "SM_TRAINING_ENV": _text(whole), "TRAINING_JOB_NAME": job}


def flags(hyperparameters: Mapping[str, str]) -> list[str]:
    """Return hyperparameters as a script's arguments: `--max_depth 6`."""
    return [word for name, text in hyperparameters.items() for word in (f"--{name}", text)]


def train(base: Path, entry: str, *, tethered: bool = False, trial: bool = False) -> int:
    """Run the script to its end; return its exit code.

    A tethered script ends when standard input closes: the program that waits for it died. A trial's
    checkpoints have a folder of their own, because all trials of a tuning job share the one in S3.
    The output goes to standard output as it comes. After a failure, `output/failure` has what the
    script wrote there, or else the end of its output.
    """
    config, code = read_config(base), base / "input" / "data" / CODE
    job = os.environ.get("TRAINING_JOB_NAME", "training")
    checkpoints = base / "checkpoints" / (job if trial else "")
    for folder in (base / "model", base / "output" / "data", checkpoints):
        folder.mkdir(parents=True, exist_ok=True)
    unbuffered = {"PYTHONUNBUFFERED": "1", "PYTHONHASHSEED": "0"}
    started, clock = time.time(), time.monotonic()
    process = subprocess.Popen(
        [sys.executable, str(code / entry), *flags(config.hyperparameters)],
        cwd=code,
        env={**unbuffered, **os.environ, **variables(base, config, job, checkpoints)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    if tethered:
        Thread(target=_end_with_input, args=(process,), daemon=True).start()
    tail = _relay(process)
    status = process.wait()
    _record(base, config, started, time.monotonic() - clock)
    if status:
        _write_failure(base / "output" / "failure", status, tail)
    return 128 - status if status < 0 else status


def _end_with_input(process: "subprocess.Popen[bytes]") -> None:
    while os.read(sys.stdin.fileno(), _CHUNK):
        pass
    process.kill()


def _relay(process: "subprocess.Popen[bytes]") -> bytes:
    """Pass on the output of a process until it closes it; return the end of it."""
    assert process.stdout is not None
    tail = b""
    while chunk := os.read(process.stdout.fileno(), _CHUNK):
        tail = (tail + chunk)[-_TAIL:]
        try:
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
        except BrokenPipeError:  # nobody waits for this training any more
            process.kill()
    return tail


def _write_failure(path: Path, status: int, tail: bytes) -> None:
    if path.exists():
        return
    ending = f"exit code {status}" if status > 0 else f"ended by {signal.Signals(-status).name}"
    text = tail.decode("utf-8", "replace").strip()
    path.write_text(f"{ending}: {text[-_FAILURE + len(ending) + 2 :]}", encoding="utf-8")


def _record(base: Path, config: Config, started: float, seconds: float) -> None:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    instance = config.resources.get("current_instance_type", "local")
    document = {
        "started": timestamp(started),
        "seconds": round(seconds, 3),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 3),
        "python": platform.python_version(),
        "libraries": libraries(base / "input" / "data" / CODE),
        "machine": machine(instance, len(config.resources["hosts"])),
    }
    path = base / "output" / "data" / RECORD
    path.write_text(json.dumps(document, indent=2), encoding="utf-8")


def timestamp(seconds: float) -> str:
    """Return a time of the epoch in ISO 8601, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def machine(instance: str = "local", instances: int = 1) -> dict[str, Any]:
    """Return what this machine is."""
    return {
        "instance": instance,
        "instances": instances,
        "processor": _processor(),
        "architecture": platform.machine(),
        "cpus": os.cpu_count() or 1,
        "gpus": _gpus(),
    }


def libraries(code: Path) -> dict[str, str]:
    """Return the version of each installed distribution that the code below a folder imports."""
    names = {name for path in sorted(code.rglob("*.py")) for name in _imported(path)}
    installed = packages_distributions()
    found = {each for name in names for each in installed.get(name, ())}
    return {name: version(name) for name in sorted(found)}


def _imported(path: Path) -> Iterator[str]:
    """Yield the first names of the modules that a file imports."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # running it reports that
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _values(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return hyperparameters with their types: what is JSON is read as JSON."""
    values: dict[str, Any] = {}
    for name, text in texts.items():
        try:
            values[name] = json.loads(text)
        except ValueError:
            values[name] = text
    return values


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _output(*command: str) -> str:
    """Return what a command prints; nothing if the machine does not have it."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if run.returncode else run.stdout


def _gpus() -> list[str]:
    lines = _output("nvidia-smi", "--list-gpus").splitlines()
    return [re.sub(r"^GPU \d+: | \(UUID.*", "", line) for line in lines if line.startswith("GPU ")]


def _neurons() -> int:
    return sum(
        int(each.get("nc_count", 0)) for each in json.loads(_output("neuron-ls", "-j") or "[]")
    )


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def main() -> int:
    """Train as this program's place, arguments and environment say."""
    here = Path(__file__).resolve()
    base = next(each for each in here.parents if (each / "input" / "config").is_dir())
    entry = os.environ.get(ENTRY)
    return train(
        base,
        sys.argv[1] if entry is None else entry,
        tethered=entry is None and _TETHERED in sys.argv,
        trial=entry is not None,
    )


if __name__ == "__main__":
    sys.exit(main())
