"""Errors that are the reader's to mend: one line that says what is wrong, where, and what to do."""

from typing import Any

from iampolicy import live


class TrailError(RuntimeError):
    """The base of all errors that this package raises on purpose; its message is one whole line."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in place of a traceback: the line alone, as the code is not what went wrong."""
        return [f"{type(self).__name__}: {self}"]


def client(service: str, region: str | None = None) -> Any:
    """A boto3 client; None is the Region of boto3's configuration. Adaptive retries slow down when AWS throttles.

    Raises:
        TrailError: if there is no Region, or the profile does not exist.
    """
    import boto3  # loads slowly, and reading files does without it
    from botocore.config import Config

    with live.asking(service, "", TrailError):
        return boto3.client(service, region, config=Config(retries={"mode": "adaptive", "max_attempts": 10}))
