"""Opens models that are not converted, in the runtime of their own framework.

To add a runtime, add a module of its name with a function `open_model`, and a line to `LIBRARIES`.
A runtime is imported when a model needs it: its library is only in the layer of such models. The
runtime `python` needs no library of ours: it runs a class of the user's own. The one of
`torchscript`, torch, fits into no layer: it is installed in a container.
"""

from importlib import import_module

from lading.functions.inference.artifact.specification import PYTHON, Artifact, NativeSection
from lading.functions.inference.models.predictor import Backend, SessionError
from lading.functions.inference.models.session_predictor import SessionPredictor
from lading.functions.inference.native.libraries import LIBRARIES


def open_native(artifact: Artifact, version: int, threads: int = 0) -> SessionPredictor:
    """Return the predictor of an artifact whose model runs in its framework's own runtime.

    Args:
        artifact: the model and its description.
        version: the number under which it is served.
        threads: threads inside one prediction; 0: one.

    Raises:
        ValueError: the runtime is unknown or missing, or cannot load the model.
    """
    section = artifact.native
    if section is None:
        raise ValueError(f"model '{artifact.name}' has no section 'native'")
    try:
        session = load(section, artifact.model, threads)
    except SessionError as error:
        raise ValueError(str(error)) from error
    return SessionPredictor(artifact, version, session, platform_of(section))


def load(section: NativeSection, model: bytes, threads: int = 0) -> Backend:
    """Load a model.

    Args:
        section: its runtime, its options, and its inputs and outputs.
        model: the content of its file.
        threads: threads inside one prediction; 0: one, since the threads of OpenMP spin after each
            run, which uses up the share of a processor that Lambda grants.

    Raises:
        SessionError: the runtime cannot load it.
        ValueError: this version of Lading does not have the runtime, its library is missing, or the
            section lacks what the runtime needs.
    """
    runtime = section.runtime
    if runtime not in LIBRARIES and not section.runs_code:
        raise ValueError(f"needs the runtime '{runtime}', which this version of Lading lacks")
    try:
        module = import_module(f"lading.functions.inference.native.{runtime}")
    except (ImportError, OSError) as error:  # OSError: a shared library that it needs
        advice = "install that library; on Lambda, add its layer"
        raise ValueError(f"needs {LIBRARIES.get(runtime, 'torch')}: {error}; {advice}") from error
    try:
        backend: Backend = module.open_model(section, model, threads or 1)
    except (KeyError, IndexError) as error:
        raise ValueError(f"has a section 'native' that lacks a part: {error}") from error
    return backend


def platform_of(section: NativeSection) -> str:
    """Return what computes the model and its format, such as `xgboost_json`."""
    if section.runtime == PYTHON:
        return f"{PYTHON}_your_code"
    return f"{section.runtime}_{section.file.rpartition('.')[2]}"
