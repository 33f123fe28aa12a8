"""A real Triton as an engine, without Docker: the server that NVIDIA's `nvidia-pytriton` carries.

That wheel has no onnxruntime backend. A model of a repository that wants one is run by the Python
backend instead, with onnxruntime from the same environment (`engines.triton_model`); the rest of
its configuration is Triton's own, batching and warm-up too.
"""

import os
import platform
import re
import shutil
import sys
import sysconfig
from pathlib import Path

from lading.emulator.checkout import checkout_file
from lading.emulator.engines.container_process import Program
from lading.emulator.errors import EngineUnavailable, ToolUnavailable
from lading.emulator.processes.own_environment import own_environment

_NAME = "Triton"
_BACKEND = re.compile(r'\b(backend|platform)\s*:\s*"onnxruntime(_onnx)?"')
_CONFIG = "config.pbtxt"
_MODEL, _RUN_BY = "model.onnx", Path(__file__).with_name("triton_model.py")
_SERVE = str(Path(__file__).with_name("triton_serve.py"))


def triton_container(repository: Path, scratch: Path, tools: Path, log: Path) -> Program:
    """Triton in its SageMaker mode, serving the one model of `repository`.

    Args:
        repository: a Triton model repository.
        scratch: folder for a copy of it.
        tools: folder of Triton's environment, installed when it is missing.
        log: file to which the installation's output is appended.

    Raises:
        EngineUnavailable: Triton does not run on this machine, or cannot be installed.
    """
    _check_machine()
    try:
        locked = checkout_file("requirements/triton.txt")
        environment = own_environment(tools / "triton", locked, log, "--no-deps")
    except ToolUnavailable as error:
        raise EngineUnavailable(_NAME, str(error)) from error
    packages = next(environment.glob("lib/python3*/site-packages"))
    server = packages / "pytriton" / "tritonserver"
    copy, backends = scratch / "repository", scratch / "backends"
    _copy_repository(repository, copy)
    _copy_backend(server, backends)
    command = [sys.executable, "-I", "-S", _SERVE, str(server / "bin" / "tritonserver")]
    libraries = (packages / "nvidia_pytriton.libs", _library_folder())
    return Program(
        [*command, str(copy), str(backends), "serve"],
        {
            "PATH": f"{environment / 'bin'}{os.pathsep}{os.defpath}",
            "PYTHONPATH": str(packages),
            "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)),
            "ORT_DISABLE_TELEMETRY": "1",
        },
    )


def _check_machine() -> None:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        reason = f"its wheel is for Linux on x86-64, not {sys.platform} on {platform.machine()}"
        raise EngineUnavailable(_NAME, reason)
    if not (_library_folder() / _library()).exists():
        reason = f"its Python backend needs {_library()}, which this Python does not bring"
        raise EngineUnavailable(_NAME, reason)


def _library() -> str:
    return f"libpython{sys.version_info.major}.{sys.version_info.minor}.so.1.0"


def _library_folder() -> Path:
    """Where the interpreter's shared library is; Debian has it below the machine's own name."""
    folder = Path(str(sysconfig.get_config_var("LIBDIR")))
    below = folder / str(sysconfig.get_config_var("MULTIARCH"))
    return below if (below / _library()).exists() else folder


def _copy_repository(repository: Path, copy: Path) -> None:
    shutil.copytree(repository, copy, dirs_exist_ok=True)
    for config in copy.glob(f"*/{_CONFIG}"):
        text, changed = _BACKEND.subn('backend: "python"', config.read_text())
        if changed:
            config.write_text(text)
            for model in config.parent.glob(f"*/{_MODEL}"):
                shutil.copy(_RUN_BY, model.with_name("model.py"))


def _copy_backend(server: Path, backends: Path) -> None:
    """The Python backend, with the stub that was built for this interpreter."""
    shutil.copytree(server / "backends" / "python", backends / "python", dirs_exist_ok=True)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = server / "python_backend_stubs" / version / "triton_python_backend_stub"
    if not stub.is_file():
        raise EngineUnavailable(_NAME, f"its wheel has no Python backend for Python {version}")
    shutil.copy(stub, backends / "python")
