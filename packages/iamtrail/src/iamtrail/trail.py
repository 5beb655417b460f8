"""Made-up CloudTrail logs in the real record format, laid out in folders as S3 has them; always the same for a seed.

    python -m iamtrail.trail logs/ --events 2000

Who does what is in trail.yaml. Each kind of call is made into one line of text with places to fill, so that a record
costs a few microseconds.
"""

import argparse
import gzip
import json
import random
import re
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from iamtrail import files, tables
from iamtrail.files import shown, writing
from iamtrail.observed import Reading
from iamtrail.trail_error import TrailError

ORGANISATION = "o-exampleorgid"
START = datetime(2026, 9, 1, tzinfo=UTC)
DAYS = 7
LARGEST = 5_000  # records a file
WITH_ENDPOINT = ("s3", "dynamodb")  # services with gateway endpoints, which the pipeline's network has
TLS = {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256"}


def _id(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128)))


def _path(rng: random.Random) -> str:
    return f"{2024 + rng.getrandbits(1)}/{1 + rng.getrandbits(3):02d}/{1 + rng.getrandbits(4):02d}"


DRAWN: dict[str, Callable[[random.Random], str]] = {  # place in a record -> what is drawn for it
    "<id>": _id,
    "<part>": lambda rng: f"{rng.getrandbits(16):05d}",
    "<path>": _path,
    "<hash>": lambda rng: f"{rng.getrandbits(256):064x}",
    "<octet>": lambda rng: str(1 + rng.getrandbits(6)),
}
_PLACE = re.compile("|".join((*DRAWN, "<time>", "<day>")))  # the last two are those of the event

Template = tuple[str, tuple[str, ...]]  # a record's text with %s at its places, and what each of them is


@dataclass(frozen=True)
class Event:
    """One kind of event: how often an actor makes it, and what stands in the record."""

    source: str  # "s3", for s3.amazonaws.com
    event: str
    weight: float
    region: str
    parameters: Mapping[str, Any] | None = None
    resources: Mapping[str, str] = field(default_factory=dict)  # type -> ARN
    write: bool = False
    data: bool = False  # a data event, not a management event
    via: str | None = None  # the service that makes the call for the actor ("cloudformation.amazonaws.com")
    error: tuple[str, str] | None = None  # (errorCode, errorMessage)
    response: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Actor:
    """A principal and its calls; `identity` is the record's userIdentity."""

    account: str
    identity: Mapping[str, Any]
    agent: str
    share: float  # of all events
    calls: tuple[Event, ...]
    endpoint: str | None = None  # VPC endpoint that its S3 and DynamoDB calls go through


@cache
def actors() -> tuple[Actor, ...]:
    """Who appears in a trail: the rows of trail.yaml."""
    table = tables.structure("trail.yaml")
    found = []
    for row in table["actors"]:
        session = row.pop("session", None)
        identity = row.pop("identity", None) or _of_role(session, row.pop("path", ""))
        rows = [*row.pop("calls", ()), *table["shared"].get(row.pop("shared", None), ())]
        made = [_event(name, about, table["home"], session) for each in rows for name, about in each.items()]
        found.append(Actor(**row, identity=identity, calls=tuple(made)))
    return tuple(found)


def _event(name: str, about: Mapping[str, Any], home: str, session: str) -> Event:
    source, event = name.split()
    fields = {"region": home, **about}
    if "object" in fields:
        bucket, key = fields.pop("object")
        arn = f"arn:aws:s3:::{bucket}"
        fields["parameters"] = {"bucketName": bucket, "Host": f"{bucket}.s3.{home}.amazonaws.com", "key": key}
        fields["resources"] = {"AWS::S3::Object": f"{arn}/{key}", "AWS::S3::Bucket": arn}
        fields["data"] = True
    if "refused" in fields:  # IAM User Guide, "Troubleshoot access denied error messages"
        action, resource = fields.pop("refused")
        fields["error"] = (
            "AccessDenied",
            f"User: {session} is not authorized to perform: {action} on resource: {resource} because no identity-based "
            f"policy allows the {action} action",
        )
    return Event(source, event, **fields)


def _of_role(session: str, path: str) -> dict[str, Any]:
    """The identity of a session, given as its ARN; the role's path does not stand in there."""
    account, (_, name, of) = session.split(":")[4], session.split("/")
    unique = f"AROA{sum(map(ord, name)):04d}EXAMPLE{account[:5]}"
    return {
        "type": "AssumedRole",
        "principalId": f"{unique}:{of}",
        "arn": session,
        "accountId": account,
        "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": unique,
                "arn": f"arn:aws:iam::{account}:role/{path}{name}",
                "accountId": account,
                "userName": name,
            },
            "attributes": {"creationDate": "<day>T05:00:00Z", "mfaAuthenticated": "false"},
        },
    }


def write(folder: Path | str, events: int = 2_000, seed: int = 0) -> list[Path]:
    """Write a trail of so many events, over seven days from 1 September 2026, and return its files.

    Folders are those of an organisation's trail (CloudTrail User Guide, "Finding your CloudTrail log files"); a file
    holds some hours of one account and Region, its events in the order of time.

    Raises:
        TrailError: for less than one event, or a folder that holds something.
    """
    folder = Path(folder)
    if events < 1:
        raise TrailError(f"a trail of {events} events: ask for one or more")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TrailError(f"{shown(folder)} holds something already: name a new folder")
    places = _places()
    shares = [sum(weights) for _, weights in places.values()]
    bounds = [round(events * sum(shares[:n]) / sum(shares)) for n in range(len(shares) + 1)]
    written = []
    for number, ((account, region), (templates, weights)) in enumerate(places.items()):
        count = bounds[number + 1] - bounds[number]
        parts = max(min(DAYS, count), -(-count // LARGEST))
        for part in range(parts):
            rng = random.Random(f"{seed} {account} {region} {part}")
            start, length = START + part * timedelta(days=DAYS) / parts, timedelta(days=DAYS) / parts
            chosen = rng.choices(templates, weights, k=count * (part + 1) // parts - count * part // parts)
            written.append(folder / _name(account, region, start, rng))
            _write(written[-1], _filled(chosen, start, length, rng))
    return written


def sample(events: int = 2_000, seed: int = 0) -> Reading:
    """A made-up trail, written to a folder that is gone afterwards, and read."""
    with tempfile.TemporaryDirectory() as folder:
        write(folder, events, seed)
        return files.read(folder, progress=False)


def _places() -> dict[tuple[str, str], tuple[list[Template], list[float]]]:
    """The kinds of records of each account and Region, with their weights."""
    found: dict[tuple[str, str], tuple[list[Template], list[float]]] = {}
    for actor in actors():
        whole = sum(call.weight for call in actor.calls)
        for call in actor.calls:
            templates, weights = found.setdefault((actor.account, call.region), ([], []))
            templates.append(_template(record(actor, call)))
            weights.append(actor.share * call.weight / whole)
    return dict(sorted(found.items()))


def record(actor: Actor, call: Event) -> dict[str, Any]:
    """One event as CloudTrail writes it, with places still to be filled.

    Fields and their order are those of the CloudTrail User Guide, "CloudTrail record contents", version 1.11.
    """
    service = f"{call.source}.amazonaws.com"
    console = call.source == "signin"
    invoked = {"invokedBy": call.via} if call.via else {}
    resources = [_resource(kind, arn, actor.account) for kind, arn in call.resources.items()]
    found = {
        "eventVersion": "1.11",
        "userIdentity": dict(actor.identity) | invoked,
        "eventTime": "<time>",
        "eventSource": service,
        "eventName": call.event,
        "awsRegion": call.region,
        "sourceIPAddress": call.via or "198.51.100.<octet>",
        "userAgent": call.via or actor.agent,
        **({"errorCode": call.error[0], "errorMessage": call.error[1]} if call.error else {}),
        "requestParameters": call.parameters,
        "responseElements": None if call.error else call.response,
        **({"additionalEventData": _additional(call)} if call.data or console else {}),
        "requestID": "<id>",
        "eventID": "<id>",
        "readOnly": not call.write,
        **({"resources": resources} if resources else {}),
        "eventType": "AwsConsoleSignIn" if console else "AwsApiCall",
        "managementEvent": not call.data,
        "recipientAccountId": actor.account,
    }
    if actor.endpoint and call.source in WITH_ENDPOINT and not call.via:
        found |= {"vpcEndpointId": actor.endpoint, "vpcEndpointAccountId": actor.account}
    found["eventCategory"] = "Data" if call.data else "Management"
    if not call.via:
        found["tlsDetails"] = TLS | {"clientProvidedHostHeader": f"{call.source}.{call.region}.amazonaws.com"}
    return found


def _additional(call: Event) -> dict[str, Any]:
    if call.source == "signin":
        return {"LoginTo": "https://console.aws.amazon.com/console/home", "MobileVersion": "No", "MFAUsed": "Yes"}
    return {"SignatureVersion": "SigV4", "AuthenticationMethod": "AuthHeader", "bytesTransferredOut": 1024}


def _resource(kind: str, arn: str, account: str) -> dict[str, str]:
    return {"type": kind, "ARN": arn} if kind == "AWS::S3::Object" else {"accountId": account, "type": kind, "ARN": arn}


def _template(event: dict[str, Any]) -> Template:
    text = json.dumps(event, separators=(",", ":")).replace("%", "%%")
    return _PLACE.sub("%s", text), tuple(_PLACE.findall(text))


def _filled(templates: list[Template], start: datetime, length: timedelta, rng: random.Random) -> Iterator[str]:
    """The records' text, at times that rise from `start`; one place of a name has one value in a record but "<id>"."""
    step = length / len(templates)
    for number, (text, places) in enumerate(templates):
        time = (start + number * step).strftime("%Y-%m-%dT%H:%M:%SZ")
        values = {name: DRAWN[name](rng) for name in dict.fromkeys(places) if name in DRAWN}
        values |= {"<time>": time, "<day>": time[:10]}
        yield text % tuple([values[name] if name != "<id>" else _id(rng) for name in places])


def _name(account: str, region: str, start: datetime, rng: random.Random) -> str:
    unique = f"{rng.getrandbits(80):016X}"[:16]
    file = f"{account}_CloudTrail_{region}_{start:%Y%m%dT%H%MZ}_{unique}.json.gz"
    return f"AWSLogs/{ORGANISATION}/{account}/CloudTrail/{region}/{start:%Y/%m/%d}/{file}"


def _write(path: Path, records: Iterator[str]) -> None:
    # No name and time in the header of the compressed file, so that a seed gives the same bytes.
    with writing(path) as aside, aside.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
        file.write(('{"Records":[' + ",".join(records) + "]}").encode())


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0 if the trail was written."""
    parser = argparse.ArgumentParser(prog="python -m iamtrail.trail", description=str(__doc__).split("\n")[0])
    parser.add_argument("folder", type=Path, help="a new folder")
    parser.add_argument("--events", type=int, default=2_000, help="how many (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another trail (default %(default)s)")
    asked = parser.parse_args(arguments)
    try:
        written = write(asked.folder, asked.events, asked.seed)
    except TrailError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{asked.events:,} events in {len(written):,} files under {asked.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
