"""AWS as this package asks it: the clients of boto3."""

from typing import Any

from iampolicy import live
from iamtrail.trail_error import TrailError


def client(service: str, region: str | None = None) -> Any:
    """A boto3 client; None is the Region of boto3's configuration. Adaptive retries slow down when AWS throttles.

    Raises:
        TrailError: if there is no Region, or the profile does not exist.
    """
    import boto3  # loads slowly, and reading files does without it
    from botocore.config import Config

    with live.asking(service, "", TrailError):
        return boto3.client(service, region, config=Config(retries={"mode": "adaptive", "max_attempts": 10}))
