"""The target of the Lambda code: a Python version, a machine, and the wheels that run there."""

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from packaging.markers import default_environment
from packaging.tags import sys_tags

Architecture = Literal["x86_64", "arm64"]

LAMBDA_PYTHON = "3.13"
"""The Python version of the Lambda functions: wheels, compiled files and runtime."""

_MACHINES: Mapping[Architecture, str] = MappingProxyType({"x86_64": "x86_64", "arm64": "aarch64"})

_GLIBC_MINORS = range(28, 16, -1)
"""Newest first. Amazon Linux 2023 has glibc 2.34; 2.28 also runs on most workstations."""


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of machine.

    Args:
        python: minor version of its CPython, as `3.13`.
        machine: its architecture, by the platform's name.
        tag: the most specific wheel tag that it supports.
        markers: values of environment markers in requirements.
        pip_options: options with which pip chooses its wheels.
    """

    python: str
    machine: str
    tag: str
    markers: Mapping[str, str] = field(repr=False)
    pip_options: tuple[str, ...] = field(repr=False)

    def __str__(self) -> str:
        return f"Python {self.python} ({self.tag})"

    @property
    def runs_here(self) -> bool:
        """Whether this machine, with the right Python, can run code for the target."""
        return (platform.machine(), sys.platform) == (self.machine, self.markers["sys_platform"])


def lambda_target(architecture: Architecture = "x86_64") -> Target:
    """Return Lambda's managed Python runtime."""
    machine, abi = _MACHINES[architecture], f"cp{LAMBDA_PYTHON.replace('.', '')}"
    platforms = [
        *(f"manylinux_2_{minor}_{machine}" for minor in _GLIBC_MINORS),
        f"manylinux2014_{machine}",
    ]
    return Target(
        python=LAMBDA_PYTHON,
        machine=machine,
        tag=f"{abi}-{abi}-{platforms[0]}",
        markers=_lambda_markers(machine),
        pip_options=(
            *("--implementation", "cp", "--abi", abi, "--python-version", LAMBDA_PYTHON),
            *(f"--platform={name}" for name in platforms),
        ),
    )


def architecture_here() -> Architecture | None:
    """Return the architecture of this machine; None if it cannot run what Lambda runs."""
    if sys.platform != "linux":
        return None
    machines = {machine: architecture for architecture, machine in _MACHINES.items()}
    return machines.get(platform.machine())


def local_target() -> Target:
    """Return this interpreter on this machine, in which the emulator runs functions."""
    return Target(
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        machine=platform.machine(),
        tag=str(next(sys_tags())),
        markers={name: str(value) for name, value in default_environment().items()},
        pip_options=(),
    )


def _lambda_markers(machine: str) -> dict[str, str]:
    """Return all of PEP 508's variables, so that none depends on this machine."""
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{LAMBDA_PYTHON}.0",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{LAMBDA_PYTHON}.0",
        "python_version": LAMBDA_PYTHON,
        "sys_platform": "linux",
    }
