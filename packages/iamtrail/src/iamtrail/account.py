"""The reader's AWS account: clients that pace themselves, and AWS's refusals in one sentence.

The name of a service comes in and a boto3 client goes out; what boto3 raises while it is used becomes a TrailError.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from iamtrail.errors import TrailError
from iamtrail.observed import printable

EXPIRED = "your credentials have expired: sign in again"
THROTTLED = "AWS is throttling this account: wait a minute and go on"
# Error code -> what the reader can do about it (API references of CloudTrail, Athena and STS, "Common errors").
ADVICE = {
    "AccessDenied": "your identity needs {needs}",
    "AccessDeniedException": "your identity needs {needs}",
    "ExpiredToken": EXPIRED,
    "ExpiredTokenException": EXPIRED,
    "InvalidClientTokenId": "AWS does not know this access key: check AWS_PROFILE",
    "UnrecognizedClientException": "AWS does not know this access key: check AWS_PROFILE",
    "SignatureDoesNotMatch": "the secret key does not fit the access key: check AWS_PROFILE",
    "Throttling": THROTTLED,
    "ThrottlingException": THROTTLED,
    "TooManyRequestsException": THROTTLED,
}


def client(service: str, region: str | None = None) -> Any:
    """A boto3 client; None is the Region of boto3's configuration. Adaptive retries slow down when AWS throttles.

    Raises:
        TrailError: if there is no Region, or the profile does not exist.
    """
    import boto3  # loads slowly, and reading files does without it
    from botocore.config import Config

    with asking(service, ""):
        return boto3.client(service, region, config=Config(retries={"mode": "adaptive", "max_attempts": 10}))


@contextmanager
def asking(service: str, needs: str) -> Iterator[None]:
    """Turn what boto3 raises in the block into a TrailError; `needs` are the permissions to name if AWS refuses."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        said = error.response.get("Error", {}).get("Message") or "no reason is given"
        advice = ADVICE[code].format(needs=needs) if code in ADVICE else printable(said)
        raise TrailError(f"{service} refused ({code}): {advice}") from error
    except (BotoCoreError, ResponseParserError) as error:
        said = printable(" ".join(str(error).split())).rstrip(".")
        raise TrailError(f"{service} cannot be asked: {said}: check credentials, Region and network") from error
