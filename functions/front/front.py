"""Root paths: finds the model that a request names and passes it to that model's function.

The function gets the event exactly as API Gateway sent it, and its answer is returned unchanged.
What names no model is answered as the route's record says (`at_root`):

| at_root    | answered                                                                         |
|---|---|
| `constant` | here, with the example of its answer                                             |
| `names`    | here, with OpenAI's list of models, from the names                               |
| `ready`    | ready when every model is; one that does not answer is not ready                 |
| `ping`     | 200 when every model is ready                                                    |
| `models`, `index` | the models' own lists, joined; one that does not answer has a `reason`    |
| `stats`    | the models' own statistics, joined                                               |
| `body`     | by the model that the body names: whole, at most 6 MB, 26 s. To stream, use the  |
|            | model's base URL: `/{model}/v1/chat/completions`                                 |
| `only`     | by the only model; 400 when there are several                                    |
| `first`    | by the first model: all of them have the same paths                              |

A caller whose token is for some of the models sees no other.
"""

import json
import time
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from types import MappingProxyType
from typing import Any, Final

from lading.functions.contract.dialects.dialect import AtRoot, Route, split_path
from lading.functions.contract.errors import (
    InferenceError,
    InvalidInput,
    InvocationError,
    MalformedRequest,
    ModelNotFound,
    NoModelNamed,
    RouteNotFound,
)
from lading.functions.contract.invocation import request_path
from lading.functions.contract.names import TOKENS, model_list
from lading.functions.contract.routes import RESERVED_NAMES, dialect_of, find_route
from lading.functions.front.invocation import MOST_AT_ONCE, Answer, Event, Invoke

GATHER_LIMIT_S: Final = 15.0
"""How long the front function waits when it calls all models."""

_OK, _BAD_REQUEST = 200, 400
_SILENT = "it did not answer"
_JSON = MappingProxyType({"content-type": "application/json"})


class Front:
    """Answers API Gateway events for paths at the root.

    Args:
        models: names of the models.
        invoke: passes an event to a model's function.
        log: writes one line for each request.
        gather_limit_s: how long to wait when all models are called.
        base_path: base path of the API's custom domain.
    """

    def __init__(
        self,
        models: Iterable[str],
        invoke: Invoke,
        log: Callable[[str], None] = print,
        gather_limit_s: float = GATHER_LIMIT_S,
        base_path: str = "",
    ) -> None:
        self._models, self._invoke, self._log = frozenset(models), invoke, log
        self._gather_limit_s, self._base_path = gather_limit_s, base_path
        self._at_root: Mapping[AtRoot, Callable[[Event, Sequence[str], Route], Answer]] = {
            "body": self._named_in_body,
            "constant": lambda _event, _models, route: _answer(route.answer),
            "first": self._first,
            "index": self._index,
            "models": self._list,
            "names": lambda _event, models, _route: _answer(model_list(models)),
            "only": self._only,
            "ping": self._ping,
            "ready": self._ready,
            "stats": self._statistics,
        }

    def answer(self, event: Event) -> Answer:
        """Answer one event; an error has the shape of the path's dialect."""
        path = request_path(event, self._base_path)
        segments = split_path(path)
        try:
            return self._route(event, path, segments, _visible(self._models, event))
        except InferenceError as error:
            status, document, headers = dialect_of(segments).refuse(error, path)
            return _answer(document, status, headers)

    def _route(
        self, event: Event, path: str, segments: tuple[str, ...], models: Sequence[str]
    ) -> Answer:
        if segments[0] and segments[0] not in RESERVED_NAMES:
            return self._forward(event, segments[0], models)
        method = event["httpMethod"]
        route, parameters = find_route(dialect_of(segments), method, path, segments)
        if "model" in parameters:
            return self._forward(event, parameters["model"], models)
        answer = self._at_root[route.at_root](event, models, route)
        return {**answer, "body": ""} if method == "HEAD" else answer

    def _forward(self, event: Event, name: str, models: Sequence[str]) -> Answer:
        if name not in models:
            raise ModelNotFound(name, models)
        started = time.perf_counter()
        try:
            answer = self._invoke(name, event)
        except InvocationError as error:
            self._note(name, started, error)
            raise
        self._note(name, started)
        return answer

    def _ready(self, event: Event, models: Sequence[str], _route: Route) -> Answer:
        ready = self._are_ready(event, models)
        return _answer({"ready": ready}, _OK if ready else 503)

    def _ping(self, event: Event, models: Sequence[str], route: Route) -> Answer:
        if self._are_ready(event, models):
            return _answer(route.answer)
        return _answer({"status": "Unhealthy"}, 500)

    def _are_ready(self, event: Event, models: Sequence[str]) -> bool:
        answers = self._call_all(event, models).values()
        return all(answer.get("statusCode") == _OK for answer in answers)

    def _list(self, event: Event, models: Sequence[str], _route: Route) -> Answer:
        missing: dict[str, Any] = {"default_version": None, "versions": [], "reason": _SILENT}
        return _answer(_joined(self._call_all(event, models), missing))

    def _index(self, event: Event, models: Sequence[str], _route: Route) -> Answer:
        """Triton's list; models that cannot read the body say why."""
        missing = {"version": "", "state": "UNAVAILABLE", "reason": _SILENT}
        answers = self._call_all(event, models)
        refused = (each for each in answers.values() if each.get("statusCode") == _BAD_REQUEST)
        ready_only = (_object(_body(event)) or {}).get("ready") is True
        return next(refused, _answer(_joined(answers, None if ready_only else missing)))

    def _statistics(self, event: Event, models: Sequence[str], _route: Route) -> Answer:
        found = map(_document, self._call_all(event, models).values())
        return _answer({"model_stats": [each for it in found if it for each in it["model_stats"]]})

    def _only(self, event: Event, models: Sequence[str], _route: Route) -> Answer:
        if len(models) != 1:
            raise NoModelNamed(models)
        return self._forward(event, models[0], models)

    def _named_in_body(self, event: Event, models: Sequence[str], _route: Route) -> Answer:
        """By the model that OpenAI's JSON names; the only one when it names none."""
        document = _object(_body(event))
        if document is None:
            raise MalformedRequest("the request must be a JSON object")
        name = document.get("model")
        if not name and len(models) == 1:
            name = models[0]
        if not isinstance(name, str) or not name:
            text = f"'model' must name one of the models: {', '.join(models)}"
            raise InvalidInput("model", "", text)
        return self._forward(event, name, models)

    def _first(self, event: Event, models: Sequence[str], _route: Route) -> Answer:
        if not models:
            raise RouteNotFound(event["httpMethod"], request_path(event, self._base_path))
        return self._forward(event, models[0], models)

    def _call_all(self, event: Event, models: Sequence[str]) -> dict[str, Answer]:
        """Return every model's answer; an empty one for a model that gave none in time."""
        request = {**event, "httpMethod": "GET"} if event["httpMethod"] == "HEAD" else event

        def call(name: str) -> Answer:
            try:
                return self._forward(request, name, models)
            except InvocationError:
                return {}

        pool = ThreadPoolExecutor(MOST_AT_ONCE)
        started = {name: pool.submit(call, name) for name in models}
        done, _ = wait(started.values(), self._gather_limit_s)
        pool.shutdown(wait=False, cancel_futures=True)
        return {name: future.result() if future in done else {} for name, future in started.items()}

    def _note(self, name: str, started: float, error: InvocationError | None = None) -> None:
        line: dict[str, Any] = {
            "level": "ERROR" if error else "INFO",
            "message": "forwarded",
            "model": name,
            "total_ms": round((time.perf_counter() - started) * 1000, 3),
        }
        if error:
            line |= {"error": type(error).__name__, "reason": error.reason}
        self._log(json.dumps(line))


def _visible(models: frozenset[str], event: Event) -> tuple[str, ...]:
    """Return the models that the caller may see, sorted: all of them unless a token says which."""
    authorizer = event.get("requestContext", {}).get("authorizer") or {}
    allowed = str(authorizer.get("models", TOKENS.every_model)).split(",")
    return tuple(sorted(models if TOKENS.every_model in allowed else models & set(allowed)))


def _joined(answers: Mapping[str, Answer], missing: Mapping[str, Any] | None) -> list[Any]:
    """Return the models' own lists of themselves; `missing`, where it is given, for one without."""
    joined: list[Any] = []
    for name, answer in answers.items():
        entries = _document(answer)
        if isinstance(entries, list):
            joined += entries
        elif missing is not None:
            joined.append({"name": name, **missing})
    return joined


def _answer(document: Any, status: int = _OK, headers: Mapping[str, str] = _JSON) -> Answer:
    """Return an answer to API Gateway, with `document` as its body."""
    return {
        "statusCode": status,
        "headers": {**_JSON, **headers},
        "body": json.dumps(document, separators=(",", ":"), default=dict),
        "isBase64Encoded": False,
    }


def _document(answer: Answer) -> Any:
    """Return the JSON that a model answered, or None when it did not."""
    try:
        return json.loads(_body(answer)) if answer["statusCode"] == _OK else None
    except (KeyError, ValueError):
        return None


def _object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object that a body holds; None when it holds anything else."""
    try:
        document = json.loads(body)
    except (RecursionError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _body(message: Mapping[str, Any]) -> bytes:
    """Return the body of an event or of an answer."""
    body: str = message["body"] or ""
    return b64decode(body) if message.get("isBase64Encoded") else body.encode()
