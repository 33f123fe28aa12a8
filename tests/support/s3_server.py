"""S3 as a server of moto's on a free loopback port: `python -m tests.support.s3_server` prints the
port.

moto honours If-None-Match on writes and on completed uploads, versioning and version ids, but looks
and writes in two steps. S3 does it in one, so requests are answered one at a time here. (MiniStack
does all of it, too, but pins another botocore than the one that Lading is locked to.)
"""

import logging
from collections.abc import Iterable
from threading import Lock
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

_answer = DomainDispatcherApplication(create_backend_app)
_alone = Lock()


def one_at_a_time(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
    with _alone:
        return list(_answer(environ, start))


def main() -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, one_at_a_time, threaded=True)
    print(server.server_port, flush=True)  # noqa: T201 for whoever started it
    server.serve_forever()


if __name__ == "__main__":
    main()
