"""The checklist of an S3 bucket policy: five controls, each tried on requests rather than read off the text.

A resource policy comes in, five Controls go out. A control passes if the requests that it must keep out are denied
explicitly, whatever other policies allow, and those that it must let in are not; so a Deny that only looks right fails.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from iampolicy import catalogue
from iampolicy.conditions import Network, network_of, tests_of, values_of, within
from iampolicy.document import Policy, PolicyLike, Statement, as_policy
from iampolicy.patterns import has_wildcard
from iampolicy.simulate import EXPLICITLY_DENIED, Request, simulate

SSE = "s3:x-amz-server-side-encryption"
SSE_KEY = "s3:x-amz-server-side-encryption-aws-kms-key-id"
TLS, ADDRESS = "aws:SecureTransport", "aws:SourceIp"
STRANGERS = ("arn:aws:iam::999999999999:role/stranger", "arn:aws:iam::999999999999:root", "*")
OUTSIDE = ("198.51.100.7", "8.8.8.8", "1.1.1.1", "93.184.216.34", "185.10.20.30", "2a00:1450::8", "2606:4700::11")
EVERYTHING = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
DIRECT = {"aws:ViaAWSService": "false", "aws:PrincipalIsAWSService": "false"}  # keys that every request carries
WIDEST = 8  # prefix length: a range with fewer fixed bits is nobody's network
SAMPLE = {  # action -> whether it is asked for on the bucket or on its objects
    "s3:ListBucket": "bucket",
    "s3:ListBucketVersions": "bucket",
    "s3:GetBucketPolicy": "bucket",
    "s3:PutBucketPolicy": "bucket",
    "s3:GetObject": "object",
    "s3:GetObjectVersion": "object",
    "s3:PutObject": "object",
    "s3:PutObjectAcl": "object",
    "s3:DeleteObject": "object",
    "s3:AbortMultipartUpload": "object",
}
OBJECT_KEYS = ("some/key", "7f3a-probe", "logs/2026/01/x.gz")  # a Deny on a prefix protects none but one of them
HARMLESS = {"aws:viaawsservice", "aws:principalisawsservice"}  # a Deny may spare services that act for somebody


@dataclass(frozen=True)
class Control:
    """One line of the checklist. `statement` is the place of the evidence in the policy, None if there is none."""

    name: str  # actions, principal, encryption, tls or network
    title: str
    passed: bool
    reason: str
    statement: int | None = None
    sid: str | None = None


@dataclass(frozen=True)
class _Bucket:
    """A policy with what is expected of it."""

    policy: Policy
    actions: frozenset[str] | None
    role: str | None
    kms_key: str | None
    networks: Sequence[str] | None

    @cached_property
    def allows(self) -> list[tuple[int, Statement]]:
        return [(i, s) for i, s in enumerate(self.policy.statements) if s.effect == "Allow"]

    @cached_property
    def denies(self) -> list[tuple[int, Statement]]:
        return [(i, s) for i, s in enumerate(self.policy.statements) if s.effect == "Deny"]

    @cached_property
    def ranges(self) -> list[Network]:
        """The trusted ranges: those that are given, else those that the policy names."""
        return [n for value in self.networks or self.compared(ADDRESS) if (n := network_of(value))]

    @cached_property
    def keys(self) -> list[str]:
        """The KMS key that is given, else those that the policy names."""
        return [self.kms_key] if self.kms_key else self.compared(SSE_KEY)

    @cached_property
    def own(self) -> list[str]:
        """Who is meant to have access: the role that is given, else the first principal of the policy."""
        kinds = (s.principal for _, s in self.allows if isinstance(s.principal, dict))
        named = [value for by_kind in kinds for value in values_of(by_kind.get("AWS")) if value != "*"]
        return [self.role] if self.role else named[:1]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The ARNs of the buckets in the policy; those with wildcards, filled in, only if there is no other."""
        arns = [arn for s in self.policy.statements for arn in (*(s.resources or ()), *(s.not_resources or ()))]
        named = [match[0] for arn in arns if (match := re.match(r"arn:[\w*-]+:s3:::[^/]+", arn))]
        exact = [arn for arn in named if not has_wildcard(arn)]
        filled = [arn.replace("arn:*:", "arn:aws:").replace("*", "x").replace("?", "x") for arn in named]
        return tuple(dict.fromkeys(exact or filled))

    def compared(self, key: str) -> list[str]:
        """What Deny statements compare a key with, without the values of Null."""
        tests = [test for _, statement in self.denies for test in tests_of(statement.condition)]
        given = [v for op, name, v in tests if name.lower() == key.lower() and op.lower() != "null"]
        return list(dict.fromkeys(value for values in given for value in values_of(values)))

    def operators(self, place: int | None, key: str) -> list[str]:
        """The operators by which a statement tests a key."""
        condition = self.policy.statements[place].condition if place is not None else {}
        return [operator for operator, name, _ in tests_of(condition) if name.lower() == key.lower()]


def audit_bucket(
    policy: PolicyLike,
    actions: Iterable[str] | None = None,
    role: str | None = None,
    kms_key: str | None = None,
    networks: Sequence[str] | None = None,
) -> list[Control]:
    """Check a bucket policy against the five controls of the S3 checklist.

    Args:
        actions: the wanted actions, wildcards allowed; None: any, if each is named without a wildcard.
        role: the ARN of the one role that may have access; None: any one role.
        kms_key: the ARN of the key that must encrypt; None: any one key.
        networks: the trusted ranges in CIDR notation; None: those that the policy names.

    Raises:
        PolicySyntaxError: if the policy is text that is not one.
        ValueError: if a network is no range of addresses.
    """
    read = as_policy(policy)
    for network in networks or ():
        ipaddress.ip_network(network, strict=False)
    wanted = None if actions is None else catalogue.load().expand_all(actions)
    bucket = _Bucket(read, wanted, role, kms_key, networks)
    return [_controlled(name, title, check, bucket) for name, (title, check) in CONTROLS.items()]


Verdict = tuple[bool, str, int | None]  # passed, why, place of the statement that is the evidence


def _controlled(name: str, title: str, check: Callable[[_Bucket], Verdict], bucket: _Bucket) -> Control:
    passed, reason, place = check(bucket)
    sid = bucket.policy.statements[place].sid if place is not None else None
    return Control(name, title, passed, reason, place, sid)


def _only_wanted_actions(bucket: _Bucket) -> Verdict:
    if not bucket.allows:
        return False, "no statement allows anything", None
    for place, statement in bucket.allows:
        if statement.actions is None:
            return False, "NotAction allows whatever it does not name", place
        if statement.resources is None:
            return False, "NotResource allows it on whatever it does not name", place
        for pattern in statement.actions:
            if bucket.actions is None and has_wildcard(pattern):
                return False, f"{pattern} allows more than anyone listed", place
            surplus = catalogue.load().expand(pattern) - (bucket.actions or catalogue.load().names)
            if surplus:
                return False, f"{pattern} allows {', '.join(sorted(surplus)[:3])}, which nobody wanted", place
            if not catalogue.load().expand(pattern):
                return False, f"{pattern} does not exist", place
    return True, "every allowed action is wanted", bucket.allows[0][0]


def _one_role(bucket: _Bucket) -> Verdict:
    named: set[str] = set()
    for place, statement in bucket.allows:
        kinds = statement.principal
        if statement.not_principal is not None:
            return False, "NotPrincipal allows everybody whom it does not name", place
        values = values_of(kinds.get("AWS")) if isinstance(kinds, dict) else values_of(kinds)
        others = [kind for kind in kinds if kind != "AWS"] if isinstance(kinds, dict) else []
        for value in values:
            if value == "*":
                return False, 'Principal "*" is everybody, and a condition is no principal', place
            if not re.fullmatch(r"arn:[\w-]+:iam::\d{12}:role/[^*?]+", value):
                return False, f"{value} is not a role", place
        named.update(values)
        if others or not values or len(named) > 1 or (bucket.role is not None and named != {bucket.role}):
            found = ", ".join(sorted(named) + others) or "nobody"
            return False, f"access is for {found}, not for {bucket.role or 'one role'}", place
    if not named:
        return False, "no statement allows anything", None
    return True, f"only {next(iter(named))} has access", bucket.allows[0][0]


def _encrypted(bucket: _Bucket) -> Verdict:
    if len(set(bucket.keys)) != 1:
        return False, f"no Deny names one KMS key in {SSE_KEY}", None
    key = bucket.keys[0]
    right = {SSE: "aws:kms", SSE_KEY: key}
    other = re.sub(r"[^/:]+$", "00000000-0000-0000-0000-000000000000", key)
    faults = {  # context of an upload that must be denied -> in words
        "without a header": {},
        "with AES256": {SSE: "AES256"},
        "with the key of S3": {SSE: "aws:kms"},
        "with another key": {SSE: "aws:kms", SSE_KEY: other},
    }
    uploads = {words: ("s3:PutObject", context) for words, context in faults.items()}
    passed, reason, place = _tried(
        bucket, uploads, {"with the key": ("s3:PutObject", right)}, ("object",), {SSE, SSE_KEY}
    )
    if passed and not _says_absent(bucket):
        # Negated operators hold for a missing header (IAM User Guide, "Condition operators"), which a reader, and a
        # later IfExists, easily miss: the checklist wants the missing header denied in so many words.
        return False, f"nothing but a negated operator denies an upload without {SSE}: add Null true", place
    return passed, reason or f"uploads need {key}", place


def _says_absent(bucket: _Bucket) -> bool:
    """Whether some Deny asks by Null for an absent header of encryption."""
    return any(
        op.lower() == "null" and key.lower() in (SSE, SSE_KEY) and "true" in (v.lower() for v in values_of(value))
        for _, statement in bucket.denies
        for op, key, value in tests_of(statement.condition)
    )


def _over_tls(bucket: _Bucket) -> Verdict:
    refused = {f"{a} without TLS": (a, {TLS: "false"}) for a in SAMPLE}
    allowed = {f"{a} over TLS": (a, {TLS: "true"}) for a in SAMPLE}
    passed, reason, place = _tried(bucket, refused, allowed, ("bucket", "object"), {TLS})
    if passed and not any(op.lower().startswith("bool") for op in bucket.operators(place, TLS)):
        return False, f"{TLS} is compared with an operator for another type: use Bool", place
    return passed, reason or "every request without TLS is denied", place


def _from_trusted_networks(bucket: _Bucket) -> Verdict:
    ranges = bucket.ranges
    if not ranges:
        return False, f"no Deny names a range in {ADDRESS}", None
    denying = next((place for place, _ in bucket.denies if bucket.operators(place, ADDRESS)), None)
    for value in bucket.compared(ADDRESS):
        network = network_of(value)
        if network is None or network.prefixlen < WIDEST:
            return False, f"{value} is no trusted range", denying
        if bucket.networks and not any(within(str(n), value) for n in ranges):
            return False, f"{value} is not among the trusted ranges", denying
    outside = [a for a in OUTSIDE if not any(ipaddress.ip_address(a) in n for n in ranges)]
    refused = {f"{a} from {ip}": (a, {ADDRESS: ip}) for a in SAMPLE for ip in outside}
    inside = {f"{a} from {n[0]}": (a, {ADDRESS: str(n[0])}) for a in SAMPLE for n in ranges}
    passed, reason, place = _tried(bucket, refused, inside, ("bucket", "object"), {ADDRESS})
    return passed and bool(outside), reason or f"only {', '.join(map(str, ranges))} has access", place


CONTROLS: dict[str, tuple[str, Callable[[_Bucket], Verdict]]] = {
    "actions": ("Only the wanted actions", _only_wanted_actions),
    "principal": ("One role as principal", _one_role),
    "encryption": ("Encrypted with the KMS key", _encrypted),
    "tls": ("TLS only", _over_tls),
    "network": ("Trusted networks only", _from_trusted_networks),
}
Tries = dict[str, tuple[str, dict[str, Any]]]  # in words -> action, context


def _tried(bucket: _Bucket, refused: Tries, allowed: Tries, places: tuple[str, ...], keys: set[str]) -> Verdict:
    """Whether Deny statements about `keys` keep out every request of `refused`, whoever asks, and none of `allowed`.

    Only statements count that test nothing else: a further test exempts those who pass it. Other denials of the
    policy are the business of other controls.
    """
    if not bucket.names:
        return False, "the policy names no bucket", None
    lower = {key.lower() for key in keys}
    tested = {place: {key.lower() for _, key, _ in tests_of(s.condition)} for place, s in bucket.denies}
    about = {place for place, keys_of in tested.items() if keys_of & lower}
    strict = {place for place in about if tested[place] <= lower | HARMLESS}
    address = str(bucket.ranges[0][0]) if bucket.ranges else ""
    right = DIRECT | {TLS: "true", ADDRESS: address, SSE: "aws:kms", SSE_KEY: next(iter(bucket.keys), "")}
    evidence: int | None = None
    for arn_start in bucket.names:
        arns = {"bucket": [arn_start], "object": [f"{arn_start}/{key}" for key in OBJECT_KEYS]}
        for tries, wanted, callers, counted in (
            (refused, True, [*STRANGERS, *bucket.own], strict),
            (allowed, False, bucket.own or [STRANGERS[0]], about),
        ):
            for words, (action, context) in tries.items():
                if SAMPLE[action] not in places:
                    continue
                # What the other controls ask for is given, so that only the one in question decides.
                filled = {k: v for k, v in right.items() if v and (k not in context) and not _about(context, k)}
                for arn in arns[SAMPLE[action]]:
                    for who in callers:
                        request = Request(action, arn, who, filled | context)
                        decision = simulate(request, identity=EVERYTHING, resource=bucket.policy)
                        denied = decision.result == EXPLICITLY_DENIED
                        by = [m.statement for m in decision.statements if denied and m.statement in counted]
                        if bool(by) != wanted:
                            said = "denied" if by else "not denied, or only for some"
                            return False, f"{words} on {arn} is {said} for {who}", by[0] if by else None
                        if wanted and evidence is None:
                            evidence = by[0]
    return True, "", evidence


def _about(context: dict[str, Any], key: str) -> bool:
    """Whether a context that speaks of encryption, or says nothing, leaves out such a key on purpose."""
    return key in (SSE, SSE_KEY) and not {TLS, ADDRESS} & set(context)
