"""The checks of `lading smoke`: calls of a deployed API, and what is wrong with its answers."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from itertools import cycle
from typing import Any

from lading.api.caller import Caller
from lading.api.calls import HEADERS, ServerAnswer, call
from lading.cli.smoke.codecs import CODECS, Codec
from lading.cli.smoke.golden import StableModel
from lading.cli.smoke.operations import Operation, offered_operations
from lading.functions.contract.dialects.plain import PLAIN
from lading.functions.contract.names import VERSION_HEADER
from lading.functions.traffic_hook.golden import differences

_PREDICT = CODECS[PLAIN.name, "predict"]
_REFUSALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_LONGEST_QUOTE = 200
_GATEWAY = "x-amz-apigw-id"
"""API Gateway adds this header to each of its responses."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked.

    Args:
        subject: the model, or the kind of caller.
        operation: dialect, operation and address.
        calls: number of requests.
        wrong: the first thing that is wrong; empty when all is right.
        slowest_ms: the longest response time.
        gateway: whether every response came through API Gateway.
    """

    subject: str
    operation: str
    calls: int
    wrong: str
    slowest_ms: float
    gateway: bool


def check_model(api: str, model: StableModel, caller: Caller) -> Iterator[Check]:
    """Call every operation that a model offers; compare golden answers where it has them."""
    if not model.tensors:
        yield _check_version_ready(api, model, caller)
    for operation in offered_operations(model):
        if (codec := operation.codec) is None:
            document = operation.example(model.name)
            replies = [_send(operation.url(api, model.name), document, caller, model)]
            wrong = _refusal(replies[0])
        else:
            carried = [at for at, it in enumerate(model.tensors) if codec.outputs(it)]
            calls = [_call_golden(api, operation, codec, model, at, caller) for at in carried]
            replies = [reply for reply, _ in calls]
            wrong = next((wrong for _, wrong in calls if wrong), "")
        yield _summarize(model.name, operation.name, replies, wrong)


def call_plainly(api: str, model: StableModel, caller: Caller) -> tuple[ServerAnswer, str]:
    """Send the first golden request in the plain dialect; return the response and its error."""
    return _call_golden(api, _plain(model), _PREDICT, model, 0, caller)


def _plain(model: StableModel) -> Operation:
    return next(each for each in offered_operations(model) if each.codec is _PREDICT)


def _call_golden(
    api: str, operation: Operation, codec: Codec, model: StableModel, number: int, caller: Caller
) -> tuple[ServerAnswer, str]:
    document = codec.write(model.tensors[number])
    reply = _send(operation.url(api, model.name), document, caller, model)
    return reply, _refusal(reply) or _difference(codec, model, number, reply)


def golden_calls(api: str, model: StableModel, caller: Caller) -> Iterator[ServerAnswer]:
    """Send the golden requests in the plain dialect, one after another without end."""
    bodies = [json.dumps(_PREDICT.write(tensors)).encode() for tensors in model.tensors]
    url = _plain(model).url(api, model.name)
    for body in cycle(bodies):
        yield call(url, body, caller.headers(url, body, HEADERS))


def check_refusals(api: str, model: StableModel, caller: Caller) -> Iterator[Check]:
    """Call without credentials, and with nearly right ones; the API must refuse both."""
    document = _PREDICT.write(model.tensors[0]) if model.tensors else {}
    body = json.dumps(document).encode()
    for path in (f"/{model.name}/predict", f"/predict/{model.name}"):
        url = f"{api.rstrip('/')}{path}"
        proof = caller.headers(url, body, HEADERS)
        attempts: dict[str, Mapping[str, str]] = {"no credentials": {}}
        if proof:
            attempts["forged credentials"] = _forged(proof)
        for subject, headers in attempts.items():
            reply = call(url, body, headers)
            refused = reply.status in _REFUSALS
            wrong = "" if refused else f"status {reply.status}, must be 401 or 403"
            yield _summarize(subject, f"POST {path}", [reply], wrong)


def _forged(proof: Mapping[str, str]) -> Mapping[str, str]:
    """Return the same credentials with another last character."""
    value = proof["Authorization"]
    return {**proof, "Authorization": value[:-1] + ("0" if value[-1] != "0" else "1")}


def _check_version_ready(api: str, model: StableModel, caller: Caller) -> Check:
    """Return whether the API serves the locked version of a model without golden requests."""
    path = f"/v2/models/{model.name}/versions/{model.version}/ready"
    reply = _send(f"{api.rstrip('/')}/{model.name}{path}", None, caller, model)
    return _summarize(model.name, "locked version ready, base URL", [reply], _refusal(reply))


def _send(url: str, document: Any, caller: Caller, model: StableModel) -> ServerAnswer:
    """Ask the stable version, also of a model that shares its requests with another one."""
    body = None if document is None else json.dumps(document).encode()
    headers = {**HEADERS, VERSION_HEADER: str(model.version)}
    return call(url, body, caller.headers(url, body, headers), headers)


def _difference(codec: Codec, model: StableModel, number: int, reply: ServerAnswer) -> str:
    """Return the first difference from the golden answer; empty when there is none."""
    tensors = model.tensors[number]
    try:
        # Two dialects write NaN literally, golden answers have null.
        answer = json.loads(reply.body, parse_constant=lambda _: None)
        outputs = codec.read(answer, tensors)
        version = answer[codec.version] if codec.version else model.version
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        return f"the response has another form: {error!r}"
    expected = model.golden.requests[number]["outputs"]
    request = {"outputs": {name: expected[name] for name in codec.outputs(tensors)}}
    body = json.dumps({"version": version, "outputs": outputs})
    event = {"statusCode": HTTPStatus.OK, "body": body}
    return next(differences(model.golden, request, model.version, event), "")


def _refusal(reply: ServerAnswer) -> str:
    if reply.status == HTTPStatus.OK:
        return ""
    return f"status {reply.status}: {reply.body[:_LONGEST_QUOTE].decode(errors='replace')}"


def _summarize(subject: str, operation: str, replies: Iterable[ServerAnswer], wrong: str) -> Check:
    replies = list(replies)
    return Check(
        subject=subject,
        operation=operation,
        calls=len(replies),
        wrong=wrong,
        slowest_ms=round(1000 * max(reply.seconds for reply in replies), 1),
        gateway=all(_GATEWAY in reply.headers for reply in replies),
    )
