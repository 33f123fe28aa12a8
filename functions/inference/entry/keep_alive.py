"""How long connections stay open, for servers and for what only configures them.

Apart from the server, so that a function behind the Lambda Web Adapter does not reach the parser of
the container, which Lambda's layer lacks.
"""

from typing import Final

KEEP_ALIVE_SECONDS: Final = 75
"""How long an idle connection stays open.

Load balancers keep theirs for 60 seconds. A server that closes first may lose a request that is
just arriving, and the caller gets a 502.
"""
MOST_KEEP_ALIVE_SECONDS: Final = 3600
