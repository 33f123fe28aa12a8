"""Root paths: finds the model that a request names and passes it to that model's function.

The function gets the very event that came from API Gateway, and its answer goes back as it is. What
names no model is answered here, or by asking all the models at once:

| path                | answered                                                                |
|---|---|
| `/v2`, `/v2/health/live` | here                                                               |
| `/ping`             | 200 when every model says so                                            |
| `/v2/health/ready`  | ready when every model says so; one that is silent is not               |
| `/v1/models`        | here, from the names                                                    |
| `/`, `/models`, `/v2/repository/index` | the models' own lists, joined; a silent one is there |
|                     | with a `reason`                                                         |
| `/v2/models/stats`  | the models' own, joined                                                 |
| `/v1/chat/completions`, `/v1/completions`, `/v1/embeddings` | by the model that the body     |
|                     | names: whole, at most 6 MB, 26 s. To stream, use the model's base URL:  |
|                     | `/{model}/v1/chat/completions`                                          |
| `/predict`          | by the only model; 400 when there are several                           |
| `/docs`, `/openapi.json` | by the first model: all of them have the same paths                |

A caller whose token is for some of the models sees no other.
"""

import json
import time
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from lading.functions.contract.names import EXTENSIONS, TOKENS, VERSION, model_list
from lading.functions.contract.routes import named_model
from lading.functions.front import refusals
from lading.functions.front.invocation import MOST_AT_ONCE, Answer, Event, InvocationError, Invoke

GATHER_LIMIT_S = 15.0
"""How long models are waited for when all are asked."""

_OK, _BAD_REQUEST = 200, 400
_SILENT = "it did not answer"


class Front:
    """Answers API Gateway events for paths at the root.

    Args:
        functions: model -> name of its function.
        invoke: asks a function.
        log: takes one line for each request.
        gather_limit_s: how long models are waited for when all are asked.
    """

    def __init__(
        self,
        functions: Mapping[str, str],
        invoke: Invoke,
        log: Callable[[str], None] = print,
        gather_limit_s: float = GATHER_LIMIT_S,
    ) -> None:
        self._functions, self._invoke, self._log = functions, invoke, log
        self._gather_limit_s = gather_limit_s
        self._nameless: Mapping[str, tuple[str, Callable[[Event, Sequence[str]], Answer]]] = {
            "": ("GET", self._list),
            "models": ("GET", self._list),
            "v1/models": ("GET", self._objects),
            "v2": ("GET", self._metadata),
            "v2/health/live": ("GET", self._live),
            "v2/health/ready": ("GET", self._ready),
            "v2/repository/index": ("POST", self._index),
            "v2/models/stats": ("GET", self._statistics),
            "predict": ("POST", self._only),
            "v1/chat/completions": ("POST", self._in_body),
            "v1/completions": ("POST", self._in_body),
            "v1/embeddings": ("POST", self._in_body),
            "ping": ("GET", self._ping),
            "invocations": ("POST", self._only),
            "docs": ("GET", self._first),
            "openapi.json": ("GET", self._first),
        }

    def answer(self, event: Event) -> Answer:
        """The answer to one event."""
        models = _visible(self._functions, event)
        name = named_model(event["path"])
        if not name:
            return self._answer_nameless(event, models)
        if name not in models:
            return refusals.unknown_model(event["path"], name, models)
        return self._forward(event, name)

    def _forward(self, event: Event, name: str) -> Answer:
        started = time.perf_counter()
        try:
            answer = self._invoke(self._functions[name], event)
        except InvocationError as error:
            self._note(name, started, error)
            return refusals.unanswered(event["path"], name, error)
        self._note(name, started)
        return answer

    def _answer_nameless(self, event: Event, models: Sequence[str]) -> Answer:
        path, method = event["path"], event["httpMethod"]
        if path.strip("/") not in self._nameless:
            return refusals.unknown_path(method, path)
        allowed, respond = self._nameless[path.strip("/")]
        if ("GET" if method == "HEAD" else method) != allowed:
            return refusals.wrong_method(method, path, allowed)
        answer = respond(event, models)
        return {**answer, "body": ""} if method == "HEAD" else answer

    def _metadata(self, _event: Event, _models: Sequence[str]) -> Answer:
        return refusals.json_answer(
            {"name": "lading", "version": VERSION, "extensions": list(EXTENSIONS)}
        )

    def _live(self, _event: Event, _models: Sequence[str]) -> Answer:
        return refusals.json_answer({"live": True})

    def _ready(self, event: Event, models: Sequence[str]) -> Answer:
        answers = self._ask_all(event, models)
        ready = all(answer.get("statusCode") == _OK for answer in answers.values())
        return refusals.json_answer({"ready": ready}, _OK if ready else 503)

    def _ping(self, event: Event, models: Sequence[str]) -> Answer:
        if self._ready(event, models)["statusCode"] == _OK:
            return refusals.json_answer({"status": "Healthy"})
        return refusals.json_answer({"status": "Unhealthy"}, 500)

    def _objects(self, _event: Event, models: Sequence[str]) -> Answer:
        return refusals.json_answer(model_list(models))

    def _list(self, event: Event, models: Sequence[str]) -> Answer:
        missing: dict[str, Any] = {"default_version": None, "versions": [], "reason": _SILENT}
        answers = self._ask_all(event, models)
        return refusals.json_answer(_joined(answers, missing))

    def _index(self, event: Event, models: Sequence[str]) -> Answer:
        """Triton's list; models that cannot read the body say why."""
        missing = {"version": "", "state": "UNAVAILABLE", "reason": _SILENT}
        answers = self._ask_all(event, models)
        refused = (each for each in answers.values() if each.get("statusCode") == _BAD_REQUEST)
        ready_only = (_object(_body(event)) or {}).get("ready") is True
        listed = _joined(answers, None if ready_only else missing)
        return next(refused, refusals.json_answer(listed))

    def _statistics(self, event: Event, models: Sequence[str]) -> Answer:
        found = map(_document, self._ask_all(event, models).values())
        joined = [each for told in found if told for each in told["model_stats"]]
        return refusals.json_answer({"model_stats": joined})

    def _only(self, event: Event, models: Sequence[str]) -> Answer:
        if len(models) != 1:
            return refusals.no_model_named(models)
        return self._forward(event, models[0])

    def _in_body(self, event: Event, models: Sequence[str]) -> Answer:
        """By the model that OpenAI's JSON names; the only one when it names none."""
        path = event["path"]
        document = _object(_body(event))
        if document is None:
            return refusals.unreadable(path)
        name = document.get("model")
        if not name and len(models) == 1:
            return self._forward(event, models[0])
        if not isinstance(name, str) or not name:
            return refusals.no_model_in_body(path, models)
        if name not in models:
            return refusals.unknown_model(path, name, models)
        return self._forward(event, name)

    def _first(self, event: Event, models: Sequence[str]) -> Answer:
        if not models:
            return refusals.unknown_path(event["httpMethod"], event["path"])
        return self._forward(event, models[0])

    def _ask_all(self, event: Event, models: Sequence[str]) -> dict[str, Answer]:
        """Every model's answer; an empty one for a model that gave none in time."""
        asked = {**event, "httpMethod": "GET"} if event["httpMethod"] == "HEAD" else event
        pool = ThreadPoolExecutor(MOST_AT_ONCE)
        started = {name: pool.submit(self._forward, asked, name) for name in models}
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


def _visible(functions: Mapping[str, str], event: Event) -> tuple[str, ...]:
    """The models that the caller may see, sorted: all of them unless a token says which."""
    authorizer = event.get("requestContext", {}).get("authorizer") or {}
    allowed = str(authorizer.get("models", TOKENS.every_model)).split(",")
    if TOKENS.every_model in allowed:
        return tuple(sorted(functions))
    return tuple(sorted(functions.keys() & set(allowed)))


def _joined(answers: Mapping[str, Answer], missing: Mapping[str, Any] | None) -> list[Any]:
    """The models' own lists of themselves; `missing`, where it is given, for one without."""
    joined: list[Any] = []
    for name, answer in answers.items():
        entries = _document(answer)
        if isinstance(entries, list):
            joined += entries
        elif missing is not None:
            joined.append({"name": name, **missing})
    return joined


def _document(answer: Answer) -> Any:
    """What a model answered, or None when it did not."""
    try:
        return json.loads(_body(answer)) if answer["statusCode"] == _OK else None
    except (KeyError, ValueError):
        return None


def _object(body: bytes) -> dict[str, Any] | None:
    """The JSON object that a body holds; None when it holds anything else."""
    try:
        document = json.loads(body)
    except (RecursionError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _body(message: Mapping[str, Any]) -> bytes:
    """The body of an event or of an answer."""
    body: str = message["body"] or ""
    return b64decode(body) if message.get("isBase64Encoded") else body.encode()
