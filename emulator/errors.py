"""What can go wrong in the emulator.

EmulatorError
├── FunctionError          one invocation got no answer
│   ├── FunctionFailed     the function raised, crashed, exited or answered no JSON
│   └── FunctionTimedOut   it took longer than it may
├── ContainerError         an endpoint's container does not keep its contract
│   ├── ContainerNotReady  it ended, or did not answer /ping, before it was ready
│   └── ExchangeBroken     it went away before it had answered
├── RuntimeUnavailable     AWS's Lambda runtime cannot be had or started on this machine
├── CheckoutNeeded         a file is only in a checkout of Lading
├── ToolUnavailable        what a tool requires cannot be installed
├── EngineUnavailable      an engine cannot be had on this machine
├── GrpcMissing            gRPC is asked for, and its library is not installed
├── ManagementMissing      the management API is asked for, and its library is not installed
├── AddressUnavailable     the host and port cannot be listened on
├── CloudUnavailable       the emulated cloud cannot be had or started on this machine
├── DeploymentFailed       the stacks cannot be deployed into the emulated cloud
└── AnswerWrong            what is deployed there does not answer as it must

What the gateway itself refuses is `refusals.Refused`, which it turns into an answer.
"""

from pathlib import Path


class EmulatorError(Exception):
    """Anything that the emulator reports."""


class FunctionError(EmulatorError):
    """One invocation got no answer."""


class FunctionFailed(FunctionError):
    """The function raised, crashed, exited or answered what is not JSON."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FunctionTimedOut(FunctionError):
    """The function took longer than it may; its environment is gone."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the function took longer than {seconds:g} s")
        self.seconds = seconds


class ContainerError(EmulatorError):
    """An endpoint's container does not keep its contract."""


class ContainerNotReady(ContainerError):
    """The container ended, or did not answer `/ping`, before it was ready."""

    def __init__(self, name: str, reason: str, log: Path | None = None) -> None:
        text = f"the container of endpoint '{name}' {reason}"
        super().__init__(f"{text}; see {log}" if log else text)
        self.name, self.reason, self.log = name, reason, log


class ExchangeBroken(ContainerError):
    """What listens at an address, if anything, went away before it had answered."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"{address}: {reason}")
        self.address, self.reason = address, reason


class RuntimeUnavailable(EmulatorError):
    """AWS's Lambda runtime cannot be had or started on this machine."""

    def __init__(self, reason: str, log: Path | None = None) -> None:
        super().__init__(f"{reason}; see {log}" if log else reason)
        self.reason = reason
        self.log = log


class ToolUnavailable(EmulatorError):
    """What a tool requires cannot be installed."""

    def __init__(self, requirements: str, log: Path) -> None:
        super().__init__(f"what requirements/{requirements} names cannot be installed; see {log}")
        self.requirements, self.log = requirements, log


class CheckoutNeeded(EmulatorError):
    """A file is needed that is in a checkout of Lading, but not in its wheel."""

    def __init__(self, file: str, folder: Path) -> None:
        super().__init__(
            f"{file} is not in {folder}: an installed package does not have it; "
            "clone Lading's repository, and run the command there"
        )
        self.file, self.folder = file, folder


class EngineUnavailable(EmulatorError):
    """An engine cannot be had on this machine."""

    def __init__(self, engine: str, reason: str) -> None:
        super().__init__(f"{engine} cannot be had here: {reason}")
        self.engine, self.reason = engine, reason


class GrpcMissing(EmulatorError):
    """gRPC is asked for, and its library is not installed."""

    def __init__(self) -> None:
        super().__init__("gRPC needs grpcio, which is not installed; install it with: make server")


class ManagementMissing(EmulatorError):
    """TorchServe's management API is asked for, and its library is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "the management API needs FastAPI, which is not installed; install it with: make server"
        )


class AddressUnavailable(EmulatorError):
    """The host and port cannot be listened on."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"cannot listen on {host}:{port}: {reason}; choose another port")
        self.host = host
        self.port = port
        self.reason = reason


class CloudUnavailable(EmulatorError):
    """The emulated cloud cannot be had or started on this machine."""

    def __init__(self, reason: str, log: Path | None = None) -> None:
        super().__init__(f"{reason}; see {log}" if log else reason)
        self.reason = reason
        self.log = log


class DeploymentFailed(EmulatorError):
    """The stacks cannot be deployed into the emulated cloud."""

    def __init__(self, reason: str, log: Path) -> None:
        super().__init__(f"{reason}; see {log}")
        self.reason = reason
        self.log = log


class AnswerWrong(EmulatorError):
    """What is deployed in the emulated cloud does not answer as it must."""

    def __init__(self, url: str, reason: str, log: Path) -> None:
        super().__init__(f"{url}: {reason}; see {log}")
        self.url, self.reason, self.log = url, reason, log
