"""The errors of the emulator.

EmulatorError
├── FunctionError          an invocation has no answer
│   ├── FunctionFailed     the function raised, crashed, exited or returned something else than JSON
│   └── FunctionTimedOut   the function exceeded its time limit
├── ContainerError         an endpoint's container breaks its contract
│   ├── ContainerNotReady  it ended, or did not answer /ping, before it was ready
│   └── ExchangeBroken     it closed the connection before it had answered
├── RuntimeUnavailable     AWS's Lambda runtime cannot be installed or started on this machine
├── ProjectNeeded          a folder has no app.py, from which stacks are made
├── ToolUnavailable        the packages of a tool cannot be installed
├── EngineUnavailable      an engine does not run on this machine
├── ServerLibraryMissing   an optional library is not installed
├── AddressUnavailable     the emulator cannot listen on this host and port
├── CloudUnavailable       the emulated cloud cannot be installed or started on this machine
├── DeploymentFailed       the stacks cannot be deployed into the emulated cloud
├── GatewayRefusal         an error response of API Gateway itself
└── SageMakerRefusal       an error response of SageMaker itself
"""

from pathlib import Path


class EmulatorError(Exception):
    """Root of the tree.

    Remedy: read the log that the text names.

    Args:
        reason: what is wrong.
        log: the file with more details; None when there is none.
    """

    def __init__(self, reason: str, log: Path | None = None) -> None:
        super().__init__(f"{reason}; see {log}" if log else reason)
        self.reason = reason


class FunctionError(EmulatorError):
    """An invocation has no answer."""


class FunctionFailed(FunctionError):
    """The function raised, crashed, exited or returned something else than JSON.

    Remedy: read the traceback in the log; it is the model's function that failed.
    """


class FunctionTimedOut(FunctionError):
    """The function exceeded its time limit; its execution environment is gone.

    Remedy: send fewer rows in one request, or raise `timeout_s` of the model.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the function exceeded its time limit of {seconds:g} s")
        self.seconds = seconds


class ContainerError(EmulatorError):
    """An endpoint's container breaks its contract."""


class ContainerNotReady(ContainerError):
    """The container ended, or did not answer `/ping`, before it was ready.

    Remedy: read the container's log, which the text names.
    """

    def __init__(self, endpoint: str, reason: str, log: Path | None = None) -> None:
        super().__init__(f"the container of endpoint '{endpoint}' {reason}", log)


class ExchangeBroken(ContainerError):
    """A server refused the connection, or closed it before it had answered.

    Remedy: read the log of the server that closed the connection.
    """

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"{address}: {reason}")


class RuntimeUnavailable(EmulatorError):
    """AWS's Lambda runtime cannot be installed or started on this machine.

    Remedy: `pip install awslambdaric` on Linux, or serve with `--runtime process`.
    """


class ToolUnavailable(EmulatorError):
    """The packages of a tool cannot be installed.

    Remedy: check the network and pip's index, and run the command again.
    """


class ProjectNeeded(EmulatorError):
    """The folder has no app.py, from which the CDK makes the stacks.

    Remedy: run the command in your project's folder, or create one with `lading init`.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} has no app.py, which makes the stacks; run the command in your project's "
            "folder, or create one with `lading init`"
        )
        self.folder = folder


class EngineUnavailable(EmulatorError):
    """An engine does not run on this machine.

    Remedy: use a machine that has what the text names, or another engine.
    """

    def __init__(self, engine: str, reason: str) -> None:
        super().__init__(f"{engine} cannot be used on this machine: {reason}")


class ServerLibraryMissing(EmulatorError):
    """An optional library is not installed.

    Remedy: `pip install 'lading[server]'`, or `make server` in a clone.
    """

    def __init__(self, feature: str, library: str) -> None:
        super().__init__(
            f"{feature} needs {library}, which is not installed; "
            "install it with `make server`, or pip install 'lading[server]'"
        )


class AddressUnavailable(EmulatorError):
    """The emulator cannot listen on this host and port.

    Remedy: choose another `--host` or `--port`.
    """

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"cannot listen on {host}:{port}: {reason}; choose another host or port")


class CloudUnavailable(EmulatorError):
    """The emulated cloud cannot be installed or started on this machine.

    Remedy: `lading doctor` lists what is missing on this machine.
    """


class DeploymentFailed(EmulatorError):
    """The stacks cannot be deployed into the emulated cloud.

    Remedy: read the first failed resource in the text, and its reason.
    """
