"""A real Triton as an engine, without Docker: the server in NVIDIA's wheel `nvidia-pytriton`.

That wheel has no onnxruntime backend. Where a repository asks for it, the Python backend runs the
model with onnxruntime of the same environment (`engines/triton_model.py`); everything else in the
configuration works as in any Triton, batching and warm-up too.
"""

import os
import platform
import re
import shutil
import sys
import sysconfig
from pathlib import Path

from lading.emulator.checkout import packaged_file
from lading.emulator.engines.container_process import PORT, Program
from lading.emulator.errors import EngineUnavailable, ToolUnavailable
from lading.emulator.processes.own_environment import own_environment

_NAME = "Triton"
_BACKEND = re.compile(r'\b(backend|platform)\s*:\s*"onnxruntime(_onnx)?"')
_CONFIG = "config.pbtxt"
_ENSEMBLE = "model"
"""The model that calls the others of its repository; packaging gives it this name."""
_MODEL, _RUN_BY = "model.onnx", Path(__file__).with_name("triton_model.py")


def triton_container(repository: Path, scratch: Path, tools: Path, log: Path) -> Program:
    """Return Triton in its SageMaker mode as a program that serves the model of `repository`.

    Args:
        repository: a Triton model repository with one model, or with an ensemble and its models.
        scratch: folder for a copy of it.
        tools: folder of Triton's environment, which is installed when it is missing.
        log: file to which the installation's output is appended.

    Raises:
        EngineUnavailable: Triton does not run on this machine, or cannot be installed.
    """
    model = _main_model(repository)
    _check_machine()
    try:
        locked = packaged_file("requirements/triton.txt")
        environment = own_environment(tools / "triton", locked, log, "--no-deps")
    except ToolUnavailable as error:
        raise EngineUnavailable(_NAME, str(error)) from error
    packages = next(environment.glob("lib/python3*/site-packages"))
    server = packages / "pytriton" / "tritonserver"
    copy, backends = scratch / "repository", scratch / "backends"
    _copy_repository(repository, copy)
    _copy_backend(server, backends)
    libraries = (packages / "nvidia_pytriton.libs", _library_folder())
    return Program(
        [str(server / "bin" / "tritonserver"), *_options(copy, backends, model)],
        {
            "PATH": f"{environment / 'bin'}{os.pathsep}{os.defpath}",
            "PYTHONPATH": str(packages),
            "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)),
            "ORT_DISABLE_TELEMETRY": "1",
            "SAGEMAKER_TRITON_DEFAULT_MODEL_NAME": model,
        },
    )


def _main_model(repository: Path) -> str:
    """Return the only model, or the ensemble that calls the others."""
    names = sorted(folder.name for folder in repository.iterdir() if folder.is_dir())
    if len(names) == 1:
        return names[0]
    if _ENSEMBLE not in names:
        reason = f"{repository} must hold one model, or an ensemble called '{_ENSEMBLE}'"
        raise EngineUnavailable(_NAME, f"{reason}, not {len(names)} models")
    return _ENSEMBLE


def _options(repository: Path, backends: Path, model: str) -> list[str]:
    """Return the options of `docker/sagemaker/serve` in NVIDIA's image."""
    options = {
        "model-repository": repository,
        "backend-directory": backends,
        "model-control-mode": "explicit",
        "load-model": model,
        "model-namespacing": "true",
        "allow-sagemaker": "true",
        "allow-http": "false",
        "allow-grpc": "false",
        "allow-metrics": "false",
        "sagemaker-port": PORT,
    }
    return [f"--{key}={value}" for key, value in options.items()]


def _check_machine() -> None:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        reason = f"its wheel is for Linux on x86-64, not {sys.platform} on {platform.machine()}"
        raise EngineUnavailable(_NAME, reason)
    if not (_library_folder() / _library()).exists():
        reason = f"its Python backend needs {_library()}, which this Python does not include"
        raise EngineUnavailable(_NAME, reason)


def _library() -> str:
    return f"libpython{sys.version_info.major}.{sys.version_info.minor}.so.1.0"


def _library_folder() -> Path:
    """Return the folder of the interpreter's shared library; on Debian it is below LIBDIR."""
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
    """Copy the Python backend, with the stub that was built for this interpreter."""
    shutil.copytree(server / "backends" / "python", backends / "python", dirs_exist_ok=True)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = server / "python_backend_stubs" / version / "triton_python_backend_stub"
    if not stub.is_file():
        raise EngineUnavailable(_NAME, f"its wheel has no Python backend for Python {version}")
    shutil.copy(stub, backends / "python")
