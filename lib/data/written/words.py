"""English mechanics: articles, plurals, gerunds, lists, and operation names split into words.

Plain strings come in and go out; nothing here knows IAM beyond the spelling of its acronyms.
"""

import re
from functools import cache


def word_set(text: str) -> frozenset[str]:
    """The words of a text, for tables of single words."""
    return frozenset(text.split())


_MASS = word_set(
    "access data information metadata status content contents capacity health history usage encryption "
    "logging software traffic feedback storage compliance coverage progress membership "
    "authorization throughput text media behavior retention mfa results details settings tags "
    "statistics permissions findings replication monitoring sharing connectivity visibility availability "
    "telemetry inventory guidance audio ownership billing pricing versioning evidence speech synthesis "
    "authentication dnssec quality radius lineage metering sql query-by acceleration sync "
    "to by from with for of in on as at and or v2 all"
)
_COUNTED = word_set(  # nouns in -ing that have a plural
    "thing binding building booking drawing finding listing mapping meeting offering pairing rating recording "
    "setting string training warning briefing"
)
_ACRONYMS = {
    word.lower(): word
    for word in word_set(
        "VPC VPCs DB API APIs ACL ACLs IP IPs IAM URL URI MFA SSL TLS VPN EBS AMI SQL SSH KMS SAML OIDC JSON ID "
        "IDs ARN ML CA CIDR IPAM AWS SMS HTTP HTTPS DNS DNSSEC NAT UI S3 EC2 ECS EKS RDS VPCE SSO LDAP HSM TTL "
        "CORS XSS GPU CSV PDF SES SNS SQS WAF MAC TCP UDP BYOIP CRL CSR QoS EFS FSx EMR SDK CLI OTA FPGA RFC CEV "
        "MQTT BGP LAG AI QA SLO VM VMs DHCP PII SIP ODB"
    )
}
_GERUND = {"be": "being", "see": "seeing", "tie": "tying", "die": "dying", "untag": "untagging", "log": "logging"}
_DOUBLED = word_set("get put set stop run tag untag drop begin ship scan submit reset plan map unsub")
_IRREGULAR = {"index": "indexes", "person": "people", "status": "statuses", "analysis": "analyses", "proxy": "proxies"}


def plural(noun: str) -> str:
    """The plural of a noun phrase, by its last word: "log group" -> "log groups"; mass nouns stay as they are."""
    head, _, last = noun.rpartition(" ")
    low = last.lower()
    if (
        low in _MASS
        or (low.endswith("ing") and low not in _COUNTED)
        or (low.endswith("s") and not low.endswith(("ss", "us", "alias", "analysis")))
        or not last.isalpha()
    ):
        return noun
    if low in _IRREGULAR:
        last = _IRREGULAR[low]
    elif low.endswith("y") and low[-2:-1] not in "aeiou":
        last = last[:-1] + "ies"
    elif low.endswith(("s", "x", "z", "ch", "sh")):
        last += "es"
    else:
        last += "s"
    return f"{head} {last}".strip()


def is_countable(noun: str) -> bool:
    """Whether the noun phrase is a singular that wants an article."""
    return plural(noun) != noun


_SPELLED = re.compile(r"[A-Z0-9-]{2,}s?")  # letter by letter: "an SQS queue"
_SPOKEN = re.compile(r"SAML|SIP|SOA|RAM|MAC|NAT|SAP|LAN|RUM|SOC")  # as a word: "a NAT gateway"
_LIKE_YOU = re.compile(r"uni(?!n)|us(?!h)|eu|one|uuid|uri|url|ubi|ute")  # "a user", "a unit"


def article(noun: str) -> str:
    """The noun phrase with "a" or "an" in front, by sound: "an SQS queue", "a user pool"."""
    word = noun.split()[0].strip("\"'`")
    if _SPELLED.fullmatch(word):
        vowel = word[0] in "AEFHILMNORSX8" and not _SPOKEN.match(word)
    else:
        low = word.lower()
        vowel = low[0] in "aeiou8" and not _LIKE_YOU.match(low)
        vowel = vowel or low.startswith(("hour", "honest", "html", "http", "sns", "sqs", "sms", "ssm", "mfa"))
    return f"{'an' if vowel else 'a'} {noun}"


def gerund(clause: str) -> str:
    """The clause with its first verb as a gerund: "put items" -> "putting items"."""
    verb, space, rest = clause.partition(" ")
    if verb in ("fully", "only", "permanently"):
        return f"{verb} {gerund(rest)}"
    joined = re.match(r"(and|or) (\w.*)", rest)
    if joined:
        return f"{gerund(verb)} {joined[1]} {gerund(joined[2])}"
    low = verb.lower()
    if low in _GERUND:
        form = _GERUND[low]
    elif low in _DOUBLED:
        form = verb + verb[-1] + "ing"
    elif low.endswith("ie"):
        form = verb[:-2] + "ying"
    elif low.endswith("e") and not low.endswith(("ee", "oe", "ye")):
        form = verb[:-1] + "ing"
    else:
        form = verb + "ing"
    return form + space + rest


def listed(items: list[str] | tuple[str, ...], conjunction: str = "and") -> str:
    """The items as an English list: "a", "a and b", "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {conjunction} {items[-1]}"


def upper_first(text: str) -> str:
    """The text with its first letter in upper case, unless it begins with a name such as "us-east-1" or an ARN."""
    first = text.split(" ", 1)[0].rstrip(",.;")
    return text[:1].upper() + text[1:] if first.isalpha() else text


_JOINTS = (
    (re.compile(r"[-_./:\s]+"), " "),
    (re.compile(r"([a-z0-9])([A-Z])"), r"\1 \2"),
    (re.compile(r"([A-Z]+)([A-Z][a-z])"), r"\1 \2"),
)
_BRANDS = word_set(
    "WhatsApp OpenSearch CloudWatch CloudFront CloudTrail CloudFormation GitHub GitLab OAuth QuickSight HyperPod "
    "PrivateLink DynamoDB SageMaker ElastiCache IoT DevOps FSx GraphQL Microsoft Slack Kubernetes Kafka"
)
_NAMES = _ACRONYMS | {brand.lower(): brand for brand in _BRANDS}
_CAPITALS = re.compile(r"[A-Z0-9]{2,}s?")


@cache
def split_name(name: str) -> tuple[str, ...]:
    """The words of a CamelCase or dashed name: "DescribeDBInstances" -> describe, DB, instances."""
    for brand in _BRANDS:
        name = name.replace(brand, brand.title())
    for joint, blank in _JOINTS:
        name = joint.sub(blank, name)
    return tuple(word if _CAPITALS.fullmatch(word) else _NAMES.get(word.lower(), word.lower()) for word in name.split())
