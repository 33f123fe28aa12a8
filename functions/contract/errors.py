"""What can go wrong between a request and its answer.

InferenceError
├── RequestError                the caller can mend it
│   ├── MalformedRequest        the body or its framing cannot be read
│   │   └── NoModelNamed        the path leaves open which of several models is meant
│   ├── RequestTooLarge         the body is longer than is taken
│   ├── AnswerTooLarge          the answer is longer than can be given back
│   ├── UnsupportedMediaType    the body is of a type that is not read
│   ├── NotAcceptable           no type of answer that is offered is taken
│   ├── InvalidInput            a tensor does not fit the model's signature
│   │   ├── UnexpectedInput     the signature has no input of this name
│   │   └── UnexpectedShape     the input has another rank or another size
│   ├── InvalidOutput           an output cannot be had as it is asked for
│   │   └── UnexpectedOutput    the signature has no output of this name
│   ├── SignatureNotFound       the model has no signature of this name
│   ├── RouteNotFound           no dialect has this path
│   ├── MethodNotAllowed        the path exists, for other methods
│   ├── ModelConflict           the model is served already, or must go on being served
│   ├── RefusedByEngine         the engine behind the model finds the request wrong
│   ├── RequestInProgress       the same request, by its key, is being answered
│   ├── KeyReused               another request, with the key of an earlier one
│   └── Unsupported             understood, and not offered
├── NotFound
│   ├── ModelNotFound
│   ├── VersionNotFound
│   ├── LabelNotFound
│   └── JobNotFound
├── CallerGone                  nobody waits for the answer any more
├── ModelUnavailable            known, but not able to answer now
│   └── EndpointUnready         its endpoint is waking, changing, or broken
├── Throttled                   more is asked of the model than it takes just now
├── TimedOut                    the model did not answer in time
├── PredictionFailed            the runtime gave up on a valid request
├── InvocationError             the model's function gave no answer to the front function
│   ├── NotDeployed             the function or its alias does not exist
│   ├── AtCapacity              the function accepts no more requests at the moment
│   ├── InvocationTimedOut      it did not answer within the time limit
│   └── InvocationFailed        it crashed, or its answer is not what API Gateway accepts
├── InternalFailure             a fault of the service itself; the log has it
└── ArtifactError               a packaged model that must not be served
    ├── ArtifactMissing
    ├── ArtifactCorrupt
    ├── ArtifactTooNew
    └── ArtifactUnreachable     it lies in S3, and S3 does not give it

The tree knows no HTTP: each dialect maps it to its own status and body. A text repeats only the
beginning of what the caller sent, so that an answer and its log line stay small.
"""

from collections.abc import Iterable, Sequence

_LONGEST_QUOTE = 128


def brief(text: str) -> str:
    """`text`, cut when it is long, with lone surrogates made visible; no log writes those."""
    cut = text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."
    return cut.encode(errors="backslashreplace").decode()


class InferenceError(Exception):
    """Root of the tree; its text is safe to show to a caller."""


class RequestError(InferenceError):
    """The caller sent something that cannot be answered."""


class MalformedRequest(RequestError):
    """The body or its framing cannot be read."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NoModelNamed(MalformedRequest):
    """The path leaves open which of several models is meant."""

    def __init__(self, known: Iterable[str]) -> None:
        super().__init__(f"the path must name one of the models: {', '.join(known)}")


class RequestTooLarge(RequestError):
    """The body is longer than is taken."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body is longer than {limit} bytes, the most that is taken")
        self.limit = limit


class AnswerTooLarge(RequestError):
    """The answer is longer than can be given back; the caller can get it in parts, or shorter."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"the answer has {_megabytes(size)}, and a function on Lambda gives back "
            f"{_megabytes(limit)}; send fewer rows at once, accept gzip with "
            "'Accept-Encoding: gzip', or request binary tensors at /v2/models/.../infer"
        )
        self.size, self.limit = size, limit


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):.2f}".rstrip("0").rstrip(".") + " MB"


class UnsupportedMediaType(RequestError):
    """The body is of a type that is not read."""

    def __init__(self, given: str, known: Iterable[str]) -> None:
        self.given, self.known = given, tuple(known)
        super().__init__(
            f"a body of type '{brief(given)}' is not read; send {' or '.join(self.known)}"
        )


class NotAcceptable(RequestError):
    """The caller takes no type of answer that is offered."""

    def __init__(self, wanted: str, offered: Iterable[str]) -> None:
        self.wanted, self.offered = wanted, tuple(offered)
        super().__init__(
            f"no answer of type '{brief(wanted)}' is offered; accept {' or '.join(self.offered)}"
        )


class InvalidInput(RequestError):
    """A tensor does not fit the model's signature."""

    def __init__(self, name: str, reason: str, text: str = "") -> None:
        super().__init__(text or f"input '{brief(name)}' {reason}")
        self.name, self.reason = name, reason


class UnexpectedInput(InvalidInput):
    """The signature has no input of this name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.known = tuple(known)
        text = (
            f"unexpected inference input '{brief(name)}'; the model takes {', '.join(self.known)}"
        )
        super().__init__(name, "is unexpected", text)


class UnexpectedShape(InvalidInput):
    """The input has another rank than the signature, or another size in some dimension."""

    def __init__(self, name: str, shape: Sequence[int], wanted: Sequence[int]) -> None:
        self.shape, self.wanted = tuple(shape), tuple(wanted)
        reason = f"{list(shape)}; the model takes {list(wanted)} (-1 is any size)"
        super().__init__(name, reason, f"unexpected shape for input '{brief(name)}': {reason}")


class InvalidOutput(RequestError):
    """An output cannot be had as the caller asks for it."""

    def __init__(self, name: str, reason: str, text: str = "") -> None:
        super().__init__(text or f"output '{brief(name)}' {reason}")
        self.name, self.reason = name, reason


class UnexpectedOutput(InvalidOutput):
    """The signature has no output of this name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.known = tuple(known)
        text = f"unexpected inference output '{brief(name)}'; the model has {', '.join(self.known)}"
        super().__init__(name, "is unexpected", text)


class SignatureNotFound(RequestError):
    """The model has no signature of this name; the text begins as TensorFlow Serving's."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name, self.known = name, tuple(known)
        super().__init__(
            f'Serving signature name: "{brief(name)}" not found in signature def; '
            f"the model has {', '.join(self.known)}"
        )


class RouteNotFound(RequestError):
    """No dialect has this path."""

    def __init__(self, method: str, path: str) -> None:
        super().__init__(f"nothing is served at {method} {brief(path)}; GET /models lists what is")
        self.method, self.path = method, path


class MethodNotAllowed(RequestError):
    """The path exists, for other methods."""

    def __init__(self, method: str, path: str, allowed: Iterable[str]) -> None:
        self.method, self.path, self.allowed = method, path, tuple(sorted(allowed))
        super().__init__(
            f"{method} is not allowed at {brief(path)}; use {' or '.join(self.allowed)}"
        )


class RequestInProgress(RequestError):
    """A request with the same idempotency key is being answered."""

    def __init__(self, key: str, retry_after_s: int = 1) -> None:
        super().__init__(f"a request with Idempotency-Key '{brief(key)}' is being answered")
        self.key, self.retry_after_s = key, retry_after_s


class KeyReused(RequestError):
    """Another request has had this idempotency key."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"Idempotency-Key '{brief(key)}' was sent with another body; take a new key for it"
        )
        self.key = key


class RefusedByEngine(RequestError):
    """The engine behind the model finds the request wrong; `body` is its own answer."""

    def __init__(self, name: str, status: int, body: str) -> None:
        super().__init__(f"the engine of model '{name}' refuses the request: {brief(body)}")
        self.name, self.status, self.body = name, status, body


class ModelConflict(RequestError):
    """What is asked of a model does not go with what is served."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"model '{brief(name)}' {reason}")
        self.name, self.reason = name, reason


class Unsupported(RequestError):
    """The request is understood, and asks for what is not offered."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotFound(InferenceError):
    """The request names something that is not served."""


class ModelNotFound(NotFound):
    """No model of this name is served here."""

    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        self.name, self.known = name, tuple(known)
        served = ", ".join(self.known) or "none"
        super().__init__(f"model '{brief(name)}' is not found; served here: {served}")


class VersionNotFound(NotFound):
    """The model is served, this version of it is not."""

    def __init__(self, name: str, version: int, served: Iterable[int] = ()) -> None:
        self.name, self.version, self.served = name, version, tuple(served)
        versions = ", ".join(map(str, self.served)) or "none"
        super().__init__(f"version {version} of model '{name}' is not found; served: {versions}")


class LabelNotFound(NotFound):
    """The model is served, no version of it carries this label."""

    def __init__(self, name: str, label: str, known: Iterable[str] = ()) -> None:
        self.name, self.label, self.known = name, label, tuple(known)
        labels = ", ".join(self.known) or "none"
        super().__init__(
            f"model '{name}' has no version labeled '{brief(label)}'; labels: {labels}"
        )


class JobNotFound(NotFound):
    """There is no such job, or no more."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"there is no job '{brief(job_id)}'; a job is kept for a day")
        self.job_id = job_id


class CallerGone(InferenceError):
    """The caller closed the connection, so nothing was predicted and nothing is sent."""

    def __init__(self, before: str) -> None:
        super().__init__(f"the caller closed the connection before {before}")


class ModelUnavailable(InferenceError):
    """The model is known and cannot answer now: it failed to load."""

    def __init__(self, name: str, version: int, reason: str) -> None:
        super().__init__(f"model '{name}' version {version} is not ready: {reason}")
        self.name, self.version, self.reason = name, version, reason


class EndpointUnready(ModelUnavailable):
    """The model's endpoint is not there to answer.

    `state` is `cold` (it wakes from zero), `updating` or `failed`; `retry_after_s` is when to ask
    again, None where asking again helps nothing.
    """

    def __init__(
        self, name: str, version: int, state: str, reason: str, retry_after_s: int | None = None
    ) -> None:
        again = f"; try again in {retry_after_s} seconds" if retry_after_s else ""
        super().__init__(name, version, f"{reason}{again}")
        self.state, self.retry_after_s = state, retry_after_s


class Throttled(InferenceError):
    """More is asked of the model than it takes just now; nothing was predicted."""

    def __init__(self, name: str, version: int, retry_after_s: int = 1) -> None:
        super().__init__(
            f"model '{name}' version {version} takes no more requests just now; "
            f"try again in {retry_after_s} s"
        )
        self.name, self.version, self.retry_after_s = name, version, retry_after_s


class TimedOut(InferenceError):
    """The model did not answer in time; whether it ever will is not known."""

    def __init__(self, name: str, version: int, seconds: float) -> None:
        super().__init__(
            f"model '{name}' version {version} did not answer within {seconds:g} seconds; "
            "send less at once, or send long work to .../async where that is offered"
        )
        self.name, self.version, self.seconds = name, version, seconds


class PredictionFailed(InferenceError):
    """The runtime gave up on a request that passed every check."""

    def __init__(self, name: str, version: int, reason: str) -> None:
        super().__init__(f"model '{name}' version {version} failed to predict: {reason}")
        self.name, self.version, self.reason = name, version, reason


class InvocationError(InferenceError):
    """The model's function gave no answer; `reason` is for the log alone."""

    outcome = "could not be invoked"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"model '{name}' {self.outcome}")
        self.name, self.reason = name, reason


class NotDeployed(InvocationError):
    """The function or its alias does not exist."""

    outcome = "is not deployed"


class AtCapacity(InvocationError):
    """The function accepts no more requests at the moment."""

    outcome, retry_after_s = "is at capacity; retry in 1 s", 1


class InvocationTimedOut(InvocationError):
    """The function did not answer within the time limit."""

    outcome = "did not answer in time"


class InvocationFailed(InvocationError):
    """The function crashed, or its answer is not what API Gateway accepts."""

    outcome = "failed to answer"


class InternalFailure(InferenceError):
    """A fault of the service itself; what it was stands in the log, not in the answer."""

    def __init__(self) -> None:
        super().__init__("internal error; the service's log has the details under the request id")


class ArtifactError(InferenceError):
    """A packaged model that must not be served."""


class ArtifactMissing(ArtifactError):
    """A file of the artifact is not there."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is missing; delete that version and package the model again")
        self.path = path


class ArtifactCorrupt(ArtifactError):
    """A file of the artifact is not what was published."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} {reason}; delete that version and package the model again")
        self.path, self.reason = path, reason


class ArtifactTooNew(ArtifactError):
    """The artifact has a format that this code does not know."""

    def __init__(self, path: str, found: int, supported: int) -> None:
        super().__init__(
            f"{path} has format version {found} and this Lading reads up to {supported}; "
            "upgrade Lading or package the model with this one"
        )
        self.path, self.found, self.supported = path, found, supported


class ArtifactUnreachable(ArtifactError):
    """The artifact lies in S3, and S3 does not give it."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} cannot be read from S3: {reason}")
        self.path, self.reason = path, reason
