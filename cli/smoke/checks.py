"""What `lading smoke` asks a deployed API, and what it must answer."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from lading.cli.aws.signing import Caller
from lading.cli.calls import HEADERS, ServerAnswer, call
from lading.cli.smoke.golden import Questions
from lading.cli.smoke.ways import WAYS, Way
from lading.functions.inference.tensors.conversion import RAW_ONLY
from lading.functions.traffic_hook.golden import differences

_REFUSALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_LONGEST_QUOTE = 200
_GATEWAY = "x-amz-apigw-id"
"""API Gateway marks each of its answers with it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A model to ask for, and the version that must answer."""

    model: str
    version: int
    questions: Questions


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Args:
        subject: the model, or who called.
        way: how it was called.
        calls: how many requests.
        wrong: what is not as it must be; empty when all is.
        slowest_ms: the longest that an answer took.
        gateway: whether every answer came through API Gateway.
    """

    subject: str
    way: str
    calls: int
    wrong: str
    slowest_ms: float
    gateway: bool


def check_model(api: str, asked: Asked, caller: Caller) -> Iterator[Check]:
    """Ask for one model in every way that carries its tensors in JSON.

    Without golden requests, ask whether it is ready.
    """
    requests = asked.questions.golden.requests
    if not requests:
        yield _check_ready(api, asked, caller)
        return
    plain_only = not RAW_ONLY.isdisjoint(asked.questions.datatypes)
    for way in WAYS:
        if plain_only and way.dialect != "plain":
            continue
        url = way.url(api, asked.model)
        replies, wrong = [], ""
        for request, tensors in zip(requests, asked.questions.inputs, strict=True):
            reply = _ask(url, way.write(tensors), caller)
            replies.append(reply)
            wrong = wrong or _difference(way, asked, request, reply)
        yield _summarize(asked.model, way.name, replies, wrong)


def check_refusals(api: str, asked: Asked, caller: Caller) -> Iterator[Check]:
    """Call with no credentials, and with some that are nearly right; both must be refused."""
    plain = [way for way in WAYS if way.dialect == "plain"]
    for way in plain:
        url = way.url(api, asked.model)
        body = _body(_question(way, asked))
        proof = caller.headers(url, body, HEADERS)
        attempts: dict[str, Mapping[str, str]] = {"nobody": {}}
        if proof:
            attempts["a forger"] = _forged(proof)
        for subject, headers in attempts.items():
            reply = call(url, body, headers)
            refused = reply.status in _REFUSALS
            wrong = "" if refused else f"status {reply.status}, where 401 or 403 must be"
            yield _summarize(subject, way.name, [reply], wrong)


def _question(way: Way, asked: Asked) -> Mapping[str, Any]:
    tensors = asked.questions.inputs
    return way.write(tensors[0]) if tensors else {"inputs": []}


def _forged(proof: Mapping[str, str]) -> Mapping[str, str]:
    """The same credentials, but for their last character."""
    value = proof["Authorization"]
    return {**proof, "Authorization": value[:-1] + ("0" if value[-1] != "0" else "1")}


def _check_ready(api: str, asked: Asked, caller: Caller) -> Check:
    """Whether a model of which no golden request is known serves the locked version."""
    url = f"{api.rstrip('/')}/{asked.model}/v2/models/{asked.model}/versions/{asked.version}/ready"
    reply = call(url, None, caller.headers(url, None, HEADERS))
    return _summarize(asked.model, "ready, base URL", [reply], _refusal(reply))


def _ask(url: str, document: Mapping[str, Any], caller: Caller) -> ServerAnswer:
    body = _body(document)
    return call(url, body, caller.headers(url, body, HEADERS))


def _body(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()


def _difference(way: Way, asked: Asked, request: Mapping[str, Any], reply: ServerAnswer) -> str:
    """How an answer differs from the golden one; empty when it does not."""
    if refused := _refusal(reply):
        return refused
    try:
        # Open Inference and TensorFlow Serving write NaN as it is, the golden answers have null.
        found_answer = json.loads(reply.body, parse_constant=lambda _: None)
        answer = dict(way.read(found_answer, request))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        return f"no answer of {way.dialect}: {error!r}"
    if answer["version"] is None:
        answer["version"] = asked.version
    event = {"statusCode": HTTPStatus.OK, "body": json.dumps(answer)}
    found = differences(asked.questions.golden, request, asked.version, event)
    return next(found, "")


def _refusal(reply: ServerAnswer) -> str:
    if reply.status == HTTPStatus.OK:
        return ""
    return f"status {reply.status}: {reply.body[:_LONGEST_QUOTE].decode(errors='replace')}"


def _summarize(subject: str, way: str, replies: Iterable[ServerAnswer], wrong: str) -> Check:
    replies = list(replies)
    return Check(
        subject=subject,
        way=way,
        calls=len(replies),
        wrong=wrong,
        slowest_ms=round(1000 * max(reply.seconds for reply in replies), 1),
        gateway=all(_GATEWAY in reply.headers for reply in replies),
    )
