"""Condition keys: the global ones with their types, and what is known of those of services.

Source: IAM User Guide, "AWS global condition context keys"; services' keys come from the catalogue.
"""

from dataclasses import dataclass
from functools import lru_cache

from iampolicy import catalogue
from iampolicy.catalogue import spellings
from iampolicy.checks.actions import newer

GLOBAL = {  # type -> single-valued global keys; a key that ends in "/" takes a tag key
    "String": """AssumedRoot CalledViaFirst CalledViaLast FederatedProvider Ec2InstanceSourceVpc PrincipalAccount
        PrincipalOrgID PrincipalOrgMasterAccountId PrincipalServiceName PrincipalTag/ PrincipalType Referer
        RequestedRegion RequestTag/ ResourceAccount ResourceOrgID ResourceTag/ SourceAccount
        SourceIdentity SourceOrgID SourceOwner SourceVpc SourceVpce UserAgent userid username VpceAccount VpceOrgID""",
    "ARN": "ChatbotSourceArn PrincipalArn SignInSessionArn SourceArn SourceVpcArn SourceVpceArn",
    "Bool": """MultiFactorAuthPresent PrincipalIsAWSService SecureTransport ViaAWSService ViaAWSMCPService
        IsMcpServiceAction""",
    "Date": "CurrentTime EpochTime TokenIssueTime MultiFactorAuthTime",
    "Numeric": "MultiFactorAuthAge",
    "IPAddress": "SourceIp VpcSourceIp Ec2InstanceSourcePrivateIPv4",
}
GLOBAL_LISTS = """CalledVia CalledViaAWSMCP PrincipalOrgPaths PrincipalServiceNamesList ResourceOrgPaths
    SourceOrgPaths TagKeys VpceOrgPaths"""
GLOBAL_TYPES = {f"aws:{name.lower()}": kind for kind, names in GLOBAL.items() for name in names.split()} | {
    f"aws:{name.lower()}": "ArrayOfString" for name in GLOBAL_LISTS.split()
}
FAMILIES_OF = {  # type of a key -> operator families that compare it ("Type mismatch"); Null fits all
    "String": ("String",),
    "ARN": ("Arn", "String"),
    "Bool": ("Bool",),
    "Date": ("Date", "Numeric"),
    "Numeric": ("Numeric",),
    "IPAddress": ("IpAddress",),
    "Binary": ("Binary",),
}
TAGGED = {key for key in GLOBAL_TYPES if key.endswith("/")}
OPEN_PREFIXES = ("kms:encryptioncontext:",)  # any name may follow (AWS KMS condition keys)


@dataclass(frozen=True)
class Key:
    """A condition key that exists."""

    type: str  # the reference's word, without "ArrayOf"
    multivalued: bool


@lru_cache(maxsize=16_384)
def look_up(name: str) -> Key | None:
    """A key by its name as written, in any case; None if nobody documents it."""
    kind = next((GLOBAL_TYPES[spelling] for spelling in spellings(name) if spelling in GLOBAL_TYPES), None)
    if kind is None and (documented := catalogue.load().condition_key(name)):
        kind = documented.type
    return Key(kind.removeprefix("ArrayOf"), kind.startswith("ArrayOf")) if kind else None


@lru_cache(maxsize=16_384)
def may_exist(name: str) -> bool:
    """Whether a service's key is documented, takes any name, or is one that AWS uses without a word on it."""
    lower = name.lower()
    return is_documented(lower) or lower in newer().get(f"key:{lower.partition(':')[0]}", ())


def is_documented(name: str) -> bool:
    """Whether a key stands in a reference, or takes any name."""
    return look_up(name) is not None or name.lower().startswith(OPEN_PREFIXES)


def is_federated(name: str) -> bool:
    """Whether a key belongs to an identity provider: "accounts.google.com:aud", "oidc.eks.../id/X:sub", "saml:sub"."""
    prefix = name.rpartition(":")[0].lower()
    return "." in prefix or prefix.startswith("saml")
