"""The errors between a request and its answer.

InferenceError
├── RequestError        the caller can correct the request
├── NotFound            the request names something that is not served
├── NotEntitled         the caller has not shown that it may do this
├── CallerGone          the caller closed the connection
├── ModelUnavailable    the model cannot answer now
├── Throttled           the model is at capacity
├── Overloaded          too many requests wait for the model
├── ServerStopping      the server ends before the model was asked
├── TimedOut            the model did not answer in time
├── DeadlinePassed      the caller's own deadline passed before the model was asked
├── PredictionFailed    the runtime failed on a valid request
├── CaptureUnreachable  captured requests cannot be read or written
├── InvocationError     the model's function gave no answer to the front function
├── InternalFailure     a fault of the service itself; the log has the details
└── ArtifactError       the artifact cannot be served

The tree does not depend on HTTP: each dialect maps it to a status and a body. A text repeats only
the beginning of what the caller sent, so that answers and log lines stay short.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

_LONGEST_QUOTE: Final = 128
"""Bytes in UTF-8."""
_OBJECT = re.compile(r" ?<[^<>]* at 0x[0-9a-f]+>")
_MARKS: Final = {code: "?" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
"""JSON writes six characters for a control character."""


def brief(text: str) -> str:
    """Return `text`, cut when it is long, without what a log or a terminal cannot hold.

    Lone surrogates are escaped, and a control character becomes a question mark.
    """
    kept = text[: _LONGEST_QUOTE + 1].translate(_MARKS).encode(errors="backslashreplace")
    if len(kept) <= _LONGEST_QUOTE:
        return kept.decode()
    return f"{kept[:_LONGEST_QUOTE].decode(errors='ignore')}..."


def reason_of(error: Exception) -> str:
    """Return a library's error as a reason for callers: short, and without addresses of memory.

    >>> reason_of(ValueError("cannot identify image file <_io.BytesIO object at 0x7f9bfb017920>"))
    'cannot identify image file'
    """
    return brief(_OBJECT.sub("", str(error)).rstrip(": "))


class InferenceError(Exception):
    """The root of the tree; the text is safe to show to callers."""


class RequestError(InferenceError):
    """The caller sent something that cannot be answered.

    Remedy: correct the request as the text says.
    """


class MalformedRequest(RequestError):
    """The body or its framing cannot be read.

    Remedy: compare the body with the example of the model in `/docs` or `/ui`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PartUnreadable(MalformedRequest):
    """A part of a batch on Lambda does not have the form that its state machine gives it.

    Remedy: deploy the stage again, so that its state machine and its functions are of one version
    of Lading, and start the batch with `lading batch`.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(
            f"the part of the batch cannot be read: {brief(repr(error))}; deploy the stage again, "
            "and start the batch with `lading batch`"
        )


class NoModelNamed(MalformedRequest):
    """The path leaves open which of several models is meant.

    Remedy: put one of the names that the text lists into the path.
    """

    def __init__(self, known: Iterable[str]) -> None:
        super().__init__(f"the path must name one of the models: {', '.join(known)}")


class RequestTooLarge(RequestError):
    """The body is longer than the limit.

    Remedy: send fewer rows in one request, or binary tensors, or a batch (`lading batch`).
    """

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body exceeds the limit of {limit} bytes")


class RequestTooSlow(RequestError):
    """The body comes more slowly than the server waits for it.

    Remedy: send the body faster, or in smaller requests.
    """

    def __init__(self, seconds: float, received: int) -> None:
        super().__init__(
            f"the body is not complete after {seconds:.0f} s, in which {received} bytes came; "
            "send it faster, or in smaller requests"
        )
        self.seconds, self.received = seconds, received


class AnswerTooLarge(RequestError):
    """The answer is longer than Lambda returns; the caller can get it in parts, or shorter.

    Remedy: send fewer rows, accept gzip, or ask for binary tensors or fewer outputs.
    """

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"the answer has {_megabytes(size)} and exceeds Lambda's limit of {_megabytes(limit)}; "
            "send fewer rows in one request, accept gzip with 'Accept-Encoding: gzip', or request "
            "binary tensors at /v2/models/.../infer"
        )


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):.2f}".rstrip("0").rstrip(".") + " MB"


class UnsupportedMediaType(RequestError):
    """The body's content type is not supported.

    Remedy: send one of the content types that the text lists.
    """

    def __init__(self, given: str, known: Iterable[str]) -> None:
        super().__init__(f"unsupported content type '{brief(given)}'; send {' or '.join(known)}")


class NotAcceptable(RequestError):
    """The Accept header allows no supported content type.

    Remedy: accept one of the content types that the text lists.
    """

    def __init__(self, wanted: str, offered: Iterable[str]) -> None:
        super().__init__(f"cannot answer with '{brief(wanted)}'; accept {' or '.join(offered)}")


class InvalidInput(RequestError):
    """A tensor does not match the model's signature.

    Remedy: compare the input with the signature, which `GET /models/NAME` shows.
    """

    def __init__(self, name: str, reason: str, text: str = "") -> None:
        super().__init__(text or f"input '{brief(name)}' {reason}")
        self.name, self.reason = name, reason


class UnexpectedInput(InvalidInput):
    """The signature has no input of this name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        text = f"unexpected inference input '{brief(name)}'; the model accepts {', '.join(known)}"
        super().__init__(name, "is unexpected", text)


class UnexpectedShape(InvalidInput):
    """The input's rank differs from the signature's, or its size in some dimension."""

    def __init__(self, name: str, shape: Sequence[int], wanted: Sequence[int]) -> None:
        reason = f"{list(shape)}; the model accepts {list(wanted)} (-1 is any size)"
        reason += "; send a list, also of one value or one row" if wanted and not shape else ""
        super().__init__(name, reason, f"unexpected shape for input '{brief(name)}': {reason}")


class InvalidOutput(RequestError):
    """An output cannot be returned as the caller requests it.

    Remedy: ask for outputs that the signature has, in a form that the text names.
    """

    def __init__(self, name: str, reason: str, text: str = "") -> None:
        super().__init__(text or f"output '{brief(name)}' {reason}")
        self.name, self.reason = name, reason


class UnexpectedOutput(InvalidOutput):
    """The signature has no output of this name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        text = f"unexpected inference output '{brief(name)}'; the model has {', '.join(known)}"
        super().__init__(name, "is unexpected", text)


class SignatureNotFound(RequestError):
    """The model has no signature of this name; the text begins as TensorFlow Serving's.

    Remedy: name one of the signatures that the text lists, or none.
    """

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(
            f'Serving signature name: "{brief(name)}" not found in signature def; '
            f"the model has {', '.join(known)}"
        )


class RouteNotFound(RequestError):
    """No dialect has this path.

    Remedy: `GET /models` lists the models; `/docs` shows every route.
    """

    def __init__(self, method: str, path: str) -> None:
        super().__init__(
            f"nothing is served at {method} {brief(path)}; GET /models lists the models"
        )
        self.method, self.path = method, path


class MethodNotAllowed(RequestError):
    """The path exists for other methods.

    Remedy: use one of the methods in the header `Allow`.
    """

    def __init__(self, method: str, path: str, allowed: Iterable[str]) -> None:
        self.method, self.path, self.allowed = method, path, tuple(sorted(allowed))
        super().__init__(
            f"{method} is not allowed at {brief(path)}; use {' or '.join(self.allowed)}"
        )


class RequestInProgress(RequestError):
    """A request with the same idempotency key is running.

    Remedy: repeat it after the seconds in `Retry-After`: the answer is kept for the key.
    """

    def __init__(self, key: str, retry_after_s: int = 1) -> None:
        super().__init__(
            f"a request with Idempotency-Key '{brief(key)}' is still running; retry later"
        )
        self.key, self.retry_after_s = key, retry_after_s


class KeyReused(RequestError):
    """Another request has had this idempotency key.

    Remedy: use a new key for a new body.
    """

    def __init__(self, key: str) -> None:
        super().__init__(
            f"Idempotency-Key '{brief(key)}' was used with another body; use a new key"
        )


class RefusedByEngine(RequestError):
    """The model's engine rejects the request; `body` is the engine's answer.

    Remedy: correct the request as the engine's own words say.
    """

    def __init__(self, name: str, status: int, body: str) -> None:
        super().__init__(f"the engine of model '{name}' rejects the request: {brief(body)}")
        self.name, self.status, self.body = name, status, body


class ModelConflict(RequestError):
    """A request to load or unload conflicts with the models that are served.

    Remedy: ask `/v2/repository/index` for the state of the model, and try again.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"model '{brief(name)}' {reason}")
        self.name, self.reason = name, reason


class Unsupported(RequestError):
    """The request is understood, but not supported.

    Remedy: leave out what the text names.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotExplained(Unsupported):
    """The model's artifact has nothing recorded for explanations.

    Remedy: set `explain: true` in models.yaml, and package the model again.
    """

    def __init__(self, name: str, reason: str = "") -> None:
        advice = reason or "set explain: true in models.yaml, and package it again"
        super().__init__(f"model '{name}' does not support explanations: {advice}")
        self.name = name


class TooManyEvaluations(RequestError):
    """An explanation needs more evaluations of the model than its budget.

    `rows` are those of the request; `job` says whether it is in a job, which has more.

    Remedy: send fewer rows, use the asynchronous path, or raise `explain.budget`.
    """

    def __init__(self, name: str, rows: int, needed: int, budget: int, *, job: bool) -> None:
        several = "send fewer rows, or " if rows > 1 else ""
        advice = "raise explain.budget" if job else f"{several}use .../async if it is enabled"
        super().__init__(
            f"explaining {rows} rows of model '{name}' needs at least {needed} evaluations, its "
            f"budget is {budget}; {advice}"
        )
        self.name, self.needed, self.budget = name, needed, budget


class NotFound(InferenceError):
    """The request names something that is not served.

    Remedy: ask for something that `GET /models` lists.
    """


class ModelNotFound(NotFound):
    """No model of this name is served here.

    Remedy: use one of the names that the text lists; a new model must be packaged and deployed.
    """

    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        self.name = name
        served = ", ".join(known) or "none"
        super().__init__(f"model '{brief(name)}' is not found; served here: {served}")


class VersionNotFound(NotFound):
    """The model is served, but not this version.

    Remedy: use one of the versions that the text lists, or none for the stable one.
    """

    def __init__(self, name: str, version: int, served: Iterable[int] = ()) -> None:
        self.name, self.version = name, version
        versions = ", ".join(map(str, served)) or "none"
        super().__init__(f"version {version} of model '{name}' is not found; served: {versions}")


class LabelNotFound(NotFound):
    """The model is served, but no version has this label.

    Remedy: use one of the labels that the text lists; `lading label` moves one.
    """

    def __init__(self, name: str, label: str, known: Iterable[str] = ()) -> None:
        self.label = label
        labels = ", ".join(known) or "none"
        super().__init__(
            f"model '{name}' has no version labeled '{brief(label)}'; labels: {labels}"
        )


class NoRouteMatched(NotFound):
    """No step of a graph's switch matches; 404 as in KServe's InferenceGraph.

    Remedy: add a step without a condition to the switch, or correct the values.
    """

    def __init__(self, node: str, values: Mapping[str, object]) -> None:
        self.node = node
        found = ", ".join(f"'{name}' is {brief(repr(value))}" for name, value in values.items())
        super().__init__(f"no step of the switch '{brief(node)}' matches: {found}")


class JobNotFound(NotFound):
    """The job does not exist, or has expired.

    Remedy: start the job again: results are kept for a day.
    """

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job '{brief(job_id)}' is not found; jobs expire after a day")


class NotCaptured(NotFound):
    """No captured request has the id that a truth names.

    Remedy: send the answer itself with the truth, or the id of a request that is kept.
    """

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"request '{brief(request_id)}' was not captured, or is no longer kept; send the "
            'answer itself as "answer", with an "id" of your own'
        )


class NoFeedback(NotFound):
    """Truths of a model are not accepted here.

    Remedy: set `feedback: true` in the model's `capture`, and deploy.
    """

    def __init__(self, name: str) -> None:
        super().__init__(
            f"feedback on model '{brief(name)}' is not accepted here; its operator can switch it on"
        )


class NotEntitled(InferenceError):
    """The caller has not shown that it may do this.

    Remedy: send a token with the scope, made by `lading tokens create --scope`.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} needs a token of its own, as 'Authorization: Bearer TOKEN'")


class CaptureUnreachable(InferenceError):
    """Captured requests cannot be read or written now; nothing was counted.

    Remedy: send the same again later; nothing was counted.
    """

    def __init__(self, reason: str) -> None:
        super().__init__("the store of captured requests cannot be reached; send it again later")
        self.reason = reason


class CallerGone(InferenceError):
    """The caller closed the connection, so nothing is predicted or sent.

    Remedy: wait longer for the answer; nothing is wrong with the service.
    """

    def __init__(self, before: str) -> None:
        super().__init__(f"the caller closed the connection before {before}")


class ModelUnavailable(InferenceError):
    """The model cannot answer now: it failed to load.

    Remedy: read the reason in the text; the model's log has the traceback.
    """

    def __init__(self, name: str, version: int, reason: str) -> None:
        super().__init__(f"model '{name}' version {version} is not ready: {reason}")
        self.name, self.version, self.reason = name, version, reason


class EndpointUnready(ModelUnavailable):
    """The model's endpoint cannot answer now.

    `state` is `cold` (it starts from zero), `updating` or `failed`; `retry_after_s` is when to
    retry, None where a retry does not help.

    Remedy: repeat it after the seconds in `Retry-After`; without that header, look at the endpoint.
    """

    def __init__(
        self, name: str, version: int, state: str, reason: str, retry_after_s: int | None = None
    ) -> None:
        again = f"; retry in {retry_after_s} s" if retry_after_s else ""
        super().__init__(name, version, f"{reason}{again}")
        self.state, self.retry_after_s = state, retry_after_s


class Throttled(InferenceError):
    """The model is at capacity; nothing was predicted.

    Remedy: repeat it after the seconds in `Retry-After`; raise the concurrency if it happens often.
    """

    def __init__(self, name: str, version: int, retry_after_s: int = 1) -> None:
        super().__init__(
            f"model '{name}' version {version} is at capacity; retry in {retry_after_s} s"
        )
        self.name, self.version, self.retry_after_s = name, version, retry_after_s


class Overloaded(InferenceError):
    """Too many requests wait, or their bodies hold too many bytes; nothing was predicted.

    `name` is the model's, empty if the request did not get as far as to name one.

    Remedy: repeat it after the seconds in `Retry-After`; add servers if it happens often.
    """

    def __init__(self, name: str, held: str, retry_after_s: int = 1, text: str = "") -> None:
        subject = f"model '{name}'" if name else "the server"
        text = text or f"{subject} is overloaded: {held}"
        super().__init__(f"{text}; retry in {retry_after_s} s")
        self.name, self.held, self.retry_after_s = name, held, retry_after_s


class ServerStopping(InferenceError):
    """The server stops, and had no time left for the request; another server may answer it.

    Remedy: repeat it at once: another server answers.
    """

    retry_after_s = 1

    def __init__(self) -> None:
        super().__init__("the server is stopping; send the request again")


class CallerAtLimit(Overloaded):
    """As many requests of this caller are under way as it may have; nothing was predicted.

    Remedy: wait for the answers that are under way.
    """

    def __init__(self, most: int) -> None:
        super().__init__("", "", text=f"{most} requests of this caller are under way, its limit")


class ControlBusy(Overloaded):
    """The server loads and unloads one model at a time, and is busy with one.

    `work` says with what, as `loading model 'digits'`; `seconds` how long that has taken so far.

    Remedy: repeat it after the seconds in `Retry-After`.
    """

    def __init__(self, name: str, work: str, seconds: float, retry_after_s: int = 1) -> None:
        text = f"the server has been {work} for {seconds:.0f} s, and does one thing at a time"
        super().__init__(name, work, retry_after_s, text)


class TimedOut(InferenceError):
    """The model did not answer in time, and may still be computing.

    Remedy: send fewer rows, use the asynchronous path, or raise `timeout_s` and `memory_mb`.
    """

    def __init__(self, name: str, version: int, seconds: float) -> None:
        super().__init__(
            f"model '{name}' version {version} did not answer within {seconds:g} seconds; "
            "send fewer rows in one request, or use .../async if it is enabled"
        )


class DeadlinePassed(InferenceError):
    """The deadline that the caller stated passed while the request waited; nothing was predicted.

    `waited` is in seconds.

    Remedy: state a longer deadline, or add servers.
    """

    def __init__(self, name: str, waited: float) -> None:
        whose = f" of model '{name}'" if name else ""
        super().__init__(
            f"the deadline of the request passed after {waited:.3g} s in the queue{whose}; "
            "nothing was predicted"
        )
        self.name, self.waited = name, waited


class PredictionFailed(InferenceError):
    """The runtime failed on a request that passed every check.

    Remedy: try the same input with `lading predict`; report it with `report.html` if it fails
    there.
    """

    def __init__(self, name: str, version: int, reason: str) -> None:
        super().__init__(f"model '{name}' version {version} failed to predict: {reason}")
        self.name, self.version, self.reason = name, version, reason


class InvocationError(InferenceError):
    """The model's function gave no answer; `reason` is for the log alone.

    Remedy: read the log of the model's function: `lading logs NAME`.
    """

    outcome = "could not be invoked"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"model '{name}' {self.outcome}")
        self.name, self.reason = name, reason


class NotDeployed(InvocationError):
    """The function or its alias does not exist.

    Remedy: deploy the model: `lading deploy`.
    """

    outcome = "is not deployed"


class AtCapacity(InvocationError):
    """The function accepts no more requests at the moment.

    Remedy: repeat it after the seconds in `Retry-After`; raise the account's concurrency.
    """

    outcome, retry_after_s = "is at capacity; retry in 1 s", 1


class InvocationTimedOut(InvocationError):
    """The function did not answer within the time limit."""

    outcome = "did not answer in time"


class InvocationFailed(InvocationError):
    """The function crashed, or its answer is not what API Gateway accepts."""

    outcome = "failed to answer"


class InternalFailure(InferenceError):
    """A fault of the service itself; the log has the details, the answer does not.

    `kind` is the name of the exception's class, `reason` its text, `traceback` where it was raised:
    texts, because the exception itself would keep the request in memory.

    Remedy: look for the request's id in the service's log; it has the traceback.
    """

    def __init__(self, kind: str = "", reason: str = "", traceback: str = "") -> None:
        super().__init__("internal error; see the service's log under the request id")
        self.kind, self.reason, self.traceback = kind or type(self).__name__, reason, traceback


class ArtifactError(InferenceError):
    """The artifact cannot be served.

    Remedy: delete that version, and package the model again.
    """


class ArtifactMissing(ArtifactError):
    """A file of the artifact is missing."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is missing; delete that version and package the model again")


class ArtifactCorrupt(ArtifactError):
    """A file of the artifact differs from what was published."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} {reason}; delete that version and package the model again")


class ArtifactTooNew(ArtifactError):
    """The artifact's format is newer than this Lading.

    Remedy: upgrade Lading, or package the model with this one.
    """

    def __init__(self, path: str, found: int, supported: int) -> None:
        super().__init__(
            f"{path} has format version {found} and this Lading reads up to {supported}; "
            "upgrade Lading or package the model with this one"
        )


class CodeNotAllowed(ArtifactError):
    """The artifact has code to run, and no lock states its digest.

    Remedy: serve the model from its lock, or allow the code with `LADING_ALLOW_CODE=true`.
    """

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} has code that no lock pins, so it does not run; serve the model from its lock "
            "(LADING_MODELS), or set LADING_ALLOW_CODE=true if you trust whoever can write the file"
        )


class ArtifactUnreachable(ArtifactError):
    """The artifact cannot be read from S3.

    Remedy: check the permissions of the reader, and that the object is there.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} cannot be read from S3: {reason}")
        self.reason = reason


class SignatureRefused(ArtifactError):
    """A version has no valid signature of a trusted key, and `reason` says why.

    Remedy: sign the version with `lading sign`, or trust the key that signed it.
    """

    def __init__(self, name: str, version: int, reason: str) -> None:
        super().__init__(f"model '{name}' version {version} {reason}")
        self.name, self.version, self.reason = name, version, reason
