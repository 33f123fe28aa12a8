"""The engines of this machine that stand in for those that a lock names.

- `triton`: a real Triton where it can be installed, else the service's own container.
- `container`: the service's own container, if the files are models that it serves.
- `vllm`, `djl-lmi`: a running server that speaks OpenAI's API, else `transformers serve`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lading.emulator.engines.container_process import EngineProcess, Program, service_container
from lading.emulator.engines.language import RunningServer, transformers_program
from lading.emulator.engines.model_archive import unpacked_model
from lading.emulator.engines.triton import triton_container
from lading.emulator.errors import EngineUnavailable
from lading.emulator.sagemaker.endpoint import EndpointEngine
from lading.functions.inference.artifact.specification import MODEL, SPECIFICATION

TOOLS = Path(".lading/tools")
LANGUAGE = frozenset({"vllm", "djl-lmi"})
"""Engines of language models."""


@dataclass(frozen=True, slots=True)
class LocalEngines:
    """The choice of engines on this machine.

    Args:
        logs: folder of their logs.
        scratch: folder of the files that are written for them.
        tools: folder of what is installed for them.
        server: URL of a running server that speaks OpenAI's API; empty for none.
        on_progress: called with a text for each choice and each slow step.
    """

    logs: Path
    scratch: Path
    tools: Path = TOOLS
    server: str = ""
    on_progress: Callable[[str], None] = lambda _: None

    def engine(self, endpoint: str, kind: str, folder: Path) -> EndpointEngine:
        """Return an engine for the files in `folder`, which are for an engine of `kind`.

        Raises:
            EngineUnavailable: no engine of this machine can serve them.
        """
        if kind in LANGUAGE and self.server:
            self.on_progress(f"endpoint {endpoint}: {self.server}")
            return RunningServer(endpoint, self.server)
        self.logs.mkdir(parents=True, exist_ok=True)
        folder = unpacked_model(folder, self.scratch / f"{endpoint}-model")
        program = self._program(endpoint, kind, folder.absolute())
        log = (self.logs / f"{endpoint}.log").absolute()
        return EngineProcess(endpoint, program, log)

    def _program(self, endpoint: str, kind: str, folder: Path) -> Program:
        if kind in LANGUAGE:
            self.on_progress(f"endpoint {endpoint}: transformers serve")
            return transformers_program(folder)
        if kind == "triton":
            scratch = (self.scratch / endpoint).absolute()
            install = (self.logs / "install.log").absolute()
            try:
                self.on_progress(f"endpoint {endpoint}: Triton (the first time, it is installed)")
                return triton_container(folder, scratch, self.tools.absolute(), install)
            except EngineUnavailable as error:
                if _is_ensemble(folder):  # which the service's own container does not serve
                    raise
                self.on_progress(f"{error}; Lading's own container serves the model instead")
        elif not _is_served(folder):
            reason = f"{folder} has no model that Lading's own container serves"
            raise EngineUnavailable(f"the image of endpoint {endpoint}", reason)
        return service_container(folder)


def _is_ensemble(folder: Path) -> bool:
    return len([*folder.glob("*/config.pbtxt")]) > 1


def _is_served(folder: Path) -> bool:
    patterns = (f"models/*/*/{SPECIFICATION}", f"*/*/{MODEL}")
    return any(any(folder.glob(pattern)) for pattern in patterns)
