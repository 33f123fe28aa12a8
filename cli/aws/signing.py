"""Who a request to a deployed API is from: a bearer token's holder, or an AWS principal."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from lading.cli.errors import AwsRefused, ServerError

_EXECUTE_API = re.compile(
    r"[a-z0-9]+(?:-vpce-[a-z0-9]+)?\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?"
)


@dataclass(frozen=True, slots=True)
class Caller:
    """How to prove who is calling.

    Args:
        token: a bearer token; None: none.
        sign: sign with AWS credentials, also where the address does not tell to.
        region: the API's; None: what the address or the AWS profile says.
    """

    token: str | None = None
    sign: bool = False
    region: str | None = None

    def headers(
        self, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Mapping[str, str]:
        """What to send besides `headers`; nothing to a server of one's own.

        The call is a POST of `body`, or a GET where there is none.

        Raises:
            ServerError: the token would cross a network in the clear.
            AwsRefused: there is nothing to sign with.
        """
        host = urlsplit(url).hostname or ""
        if self.token is not None:
            if urlsplit(url).scheme != "https" and not is_here(host):
                raise ServerError(url, "would get the token in the clear; use https")
            return {"Authorization": f"Bearer {self.token}"}
        found = _EXECUTE_API.fullmatch(host)
        if not (self.sign or found):
            return {}
        return _sign(url, body, headers, self.region or (found[1] if found else None))


def is_here(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _sign(
    url: str, body: bytes | None, headers: Mapping[str, str], region: str | None
) -> Mapping[str, str]:
    """The headers of AWS's Signature Version 4."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    session = Session()
    try:
        credentials = session.get_credentials()
        region = region or session.get_config_variable("region")
    except BotoCoreError as error:
        raise AwsRefused(url, str(error)) from error
    if credentials is None:
        raise AwsRefused(
            url, "asks for AWS credentials, and there are none; log in, or give --token"
        )
    if region is None:
        raise AwsRefused(url, "asks for a signature, and no region is known; set AWS_REGION")
    method = "GET" if body is None else "POST"
    request = AWSRequest(method, url, headers=dict(headers), data=body)
    SigV4Auth(credentials.get_frozen_credentials(), "execute-api", region).add_auth(request)
    return {name: value for name, value in request.headers.items() if name not in headers}
