"""One handler for the emulator's tests; the first segment of the path says how it behaves."""

import base64
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

Event = dict[str, Any]
Behavior = Callable[[Event, Any], Any]


def handler(event: Event, context: Any) -> Any:
    """Behave as the path says; a path that names no behavior is echoed."""
    behave: Behavior = BEHAVIORS.get(event["path"].split("/")[1], _event)
    return behave(event, context)


def _argument(event: Event) -> str:
    return str(event["path"]).split("/")[2]


def _answer(body: str, **more: Any) -> Event:
    return {"statusCode": 200, "headers": {"content-type": "text/plain"}, "body": body, **more}


def _event(event: Event, context: Any) -> Event:
    return _answer(json.dumps(event, sort_keys=True))


def _body(event: Event, context: Any) -> Event:
    return _answer(event["body"] or "", isBase64Encoded=True)


def _context(event: Event, context: Any) -> Event:
    facts = {
        "name": context.function_name,
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "version": context.function_version,
        "remaining": context.get_remaining_time_in_millis(),
        "id": context.aws_request_id,
    }
    return _answer(json.dumps(facts))


def _environment(event: Event, context: Any) -> Event:
    return _answer(json.dumps(dict(os.environ)))


def _pid(event: Event, context: Any) -> Event:
    return _answer(str(os.getpid()))


def _sleep(event: Event, context: Any) -> Event:
    time.sleep(float(_argument(event)))
    return _answer("awake")


def _letters(event: Event, context: Any) -> Event:
    return _answer("x" * int(_argument(event)))


def _print(event: Event, context: Any) -> Event:
    sys.stdout.write(f"printed {_argument(event)}\n")
    return _answer("ok")


def _raise(event: Event, context: Any) -> Event:
    raise ValueError("the handler's own reason")


def _system_exit(event: Event, context: Any) -> Event:
    raise SystemExit(3)


def _die(event: Event, context: Any) -> Event:
    os._exit(4)


def _returned(event: Event, context: Any) -> Any:
    """Return the request's body, which is JSON, as the proxy response."""
    return json.loads(base64.b64decode(event["body"]))


def _unserializable(event: Event, context: Any) -> Any:
    return {"statusCode": 200, "body": {1, 2}}


BEHAVIORS: dict[str, Behavior] = {
    "body": _body,
    "context": _context,
    "die": _die,
    "environment": _environment,
    "letters": _letters,
    "pid": _pid,
    "print": _print,
    "raise": _raise,
    "returned": _returned,
    "sleep": _sleep,
    "system-exit": _system_exit,
    "unserializable": _unserializable,
}
