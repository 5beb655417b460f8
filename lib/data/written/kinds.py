"""The table of kinds: what sorts of requests there are, how often each occurs, and who makes its draft.

A Desk comes in; a Draft goes out, or None when the drawn service has nothing that suits the kind (the caller then
draws again).
"""

from collections.abc import Callable
from dataclasses import dataclass

from lib.data.written import allowances, buckets, denials, restrictions, roles
from lib.data.written.desk import Desk
from lib.data.written.drafts import Draft


@dataclass(frozen=True)
class Kind:
    """A row of the table. `weight` is its share of the examples, in no particular unit."""

    name: str
    weight: float
    make: Callable[[Desk], Draft | None]


KINDS: tuple[Kind, ...] = (
    Kind("single action", 7, allowances.single_action),
    Kind("few actions", 9, allowances.few_actions),
    Kind("many actions", 2, allowances.many_actions),
    Kind("named resource, one action", 8, allowances.named_single),
    Kind("named resource, few actions", 10, allowances.named_few),
    Kind("several named resources", 5, allowances.several_resources),
    Kind("name pattern", 3, allowances.name_pattern),
    Kind("level of access to a service", 5, allowances.service_level),
    Kind("level of access to resources", 1.5, allowances.resource_level),
    Kind("operation verbs", 3, allowances.operation_verbs),
    Kind("several services", 9, allowances.several_services),
    Kind("many services", 3, allowances.many_services),
    Kind("levels for several services", 3.5, allowances.levels),
    Kind("workload", 11, allowances.story),
    Kind("read-only except", 3, denials.read_only_except),
    Kind("full access except", 3, denials.full_except),
    Kind("everything but (NotAction)", 1, denials.everything_but),
    Kind("allow and deny", 4, denials.allow_and_deny),
    Kind("condition", 9, restrictions.conditional),
    Kind("condition, several services", 2, restrictions.conditional_services),
    Kind("service condition key", 4, restrictions.service_key),
    Kind("tags", 4, restrictions.tagged),
    Kind("deny", 3, denials.deny),
    Kind("deny unless", 3.5, denials.deny_unless),
    Kind("allow, but deny unless", 2, denials.allow_but_deny_unless),
    Kind("pass role", 3, roles.pass_role),
    Kind("S3 prefix", 1.5, buckets.prefix),
    Kind("bucket policy", 4, buckets.bucket_policy),
    Kind("bucket policy, encryption", 1.5, buckets.encrypted_bucket),
    Kind("bucket policy, TLS and network", 2, buckets.guarded_bucket),
    Kind("bucket policy, CloudFront", 1, buckets.cloudfront_bucket),
)
