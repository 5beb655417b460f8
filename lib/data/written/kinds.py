"""The table of kinds: what sorts of requests there are, how often each occurs, and who makes its draft.

A Desk comes in; a Draft goes out, or None when the drawn service has nothing that suits the kind (the caller then
draws again).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from lib.data.written import buckets, keys, vocabulary
from lib.data.written.conditions import REQUEST_TAG, RESOURCE_TAG, TAG_KEYS, Limit, draw, draw_some
from lib.data.written.drafts import Ban, Draft
from lib.data.written.pools import (
    actions_of,
    actions_on,
    any_want,
    few,
    named_want,
    service_of,
    speakable,
    target_of,
)
from lib.data.written.resources import draw_target
from lib.data.written.stories import PLURAL, STORIES
from lib.data.written.wants import LEVELS, Clause, Desk, Grant, Want, level, pass_role, scoped, unscoped, verb_wildcard
from lib.data.written.words import split_name
from lib.iam.catalogue import Action


def _of(want: Want | None, desk: Desk, **more) -> Draft | None:
    return Draft((want,), scene=desk.scene, **more) if want else None


def single_action(desk: Desk) -> Draft | None:
    return _of(unscoped(desk, actions_of(desk, service_of(desk), 1)), desk)


def few_actions(desk: Desk) -> Draft | None:
    return _of(unscoped(desk, actions_of(desk, service_of(desk), desk.rng.randint(2, 5))), desk)


def many_actions(desk: Desk) -> Draft | None:
    return _of(unscoped(desk, actions_of(desk, service_of(desk), desk.rng.randint(5, 10))), desk)


def named_single(desk: Desk) -> Draft | None:
    return _of(named_want(desk, 1, 1), desk)


def named_few(desk: Desk) -> Draft | None:
    return _of(named_want(desk, 2, 6), desk)


def several_resources(desk: Desk) -> Draft | None:
    return _of(named_want(desk, 1, 4, count=desk.rng.choice((2, 2, 3))), desk)


def name_pattern(desk: Desk) -> Draft | None:
    return _of(named_want(desk, 1, 4, wild=True), desk)


def service_level(desk: Desk) -> Draft | None:
    return _of(level(desk, service_of(desk, 0.35), desk.rng.choices(LEVELS, (5, 2, 4))[0]), desk)


_OWNED = (
    ("s3", "bucket"),
    ("dynamodb", "table"),
    ("sqs", "queue"),
    ("sns", "topic"),
    ("secretsmanager", "Secret"),
    ("kinesis", "stream"),
    ("ecr", "repository"),
    ("states", "statemachine"),
    ("logs", "log-group"),
)


def resource_level(desk: Desk) -> Draft | None:
    """Full (or, of a bucket, read-only) access to one to three named resources of different services."""
    count = desk.rng.choices((1, 2, 3), (1, 5, 4))[0]
    wants = []
    for service, type_ in desk.rng.sample(_OWNED, count):
        depth = desk.rng.choice(("read", "full")) if service == "s3" else "full"
        target = draw_target(desk.rng, desk.catalogue, service, type_, desk.scene, desk.alias(service))
        wants.append(level(desk, service, depth, target))
    return Draft(tuple(wants), scene=desk.scene)


def operation_verbs(desk: Desk) -> Draft | None:
    service = service_of(desk, 0.45)
    verbs: dict[str, int] = {}
    for action in desk.catalogue.services[service].actions.values():
        verb = split_name(action.operation)[0].title()
        verbs[verb] = verbs.get(verb, 0) + action.operation.startswith(verb)
    common = [verb for verb, count in verbs.items() if count > 1]
    if not common:
        return None
    return _of(verb_wildcard(desk, service, desk.rng.sample(common, min(len(common), desk.rng.randint(1, 3)))), desk)


def _several(desk: Desk, low: int, high: int, maker: Callable[[Desk], Want | None]) -> tuple[Want, ...] | None:
    wants: dict[str, Want] = {}
    goal = desk.rng.randint(low, high)
    for _ in range(4 * goal):
        want = maker(desk)
        if want:
            wants.setdefault(want.actions[0].split(":")[0], want)
        if len(wants) == goal:
            return tuple(wants.values())
    return None


def several_services(desk: Desk) -> Draft | None:
    wants = _several(desk, 2, 3, any_want)
    return Draft(wants, scene=desk.scene) if wants else None


def many_services(desk: Desk) -> Draft | None:
    def small(desk: Desk) -> Want | None:
        if desk.chance(0.5):
            return named_want(desk, 1, 2)
        return unscoped(desk, actions_of(desk, service_of(desk), desk.rng.randint(1, 2)))

    wants = _several(desk, 4, 5, small)
    return Draft(wants, scene=desk.scene) if wants else None


def levels(desk: Desk) -> Draft | None:
    """Levels of access to two to four services, each with its own."""
    count = desk.rng.choices((2, 3, 4), (5, 3, 2))[0]
    wants = _several(desk, count, count, lambda d: level(d, service_of(d, 0.5), d.rng.choices(LEVELS, (5, 1, 3))[0]))
    return Draft(wants, scene=desk.scene) if wants else None


def story(desk: Desk) -> Draft | None:
    """A workload of several services."""
    chosen = desk.rng.choice(STORIES)
    count = min(len(chosen.parts), desk.rng.choices((2, 3, 4, 5), (5, 5, 3, 1))[0])
    parts = sorted(desk.rng.sample(range(len(chosen.parts)), count))
    wants = []
    for part in (chosen.parts[i] for i in parts):
        pool = [desk.catalogue.action(name) for name in part.pool]
        actions = few(desk, pool, 1, len(pool))
        if part.type:
            target = draw_target(
                desk.rng, desk.catalogue, part.service, part.type, desk.scene, desk.alias(part.service)
            )
            wants.append(scoped(desk, target, actions))
        else:
            wants.append(unscoped(desk, actions))
    return Draft(
        tuple(wants),
        who=(chosen.who, chosen.who in PLURAL),
        scene=desk.scene,
        purpose=chosen.purpose,
        limits=tuple(draw_some(desk)) if desk.chance(0.12) else (),
    )


def read_only_except(desk: Desk) -> Draft | None:
    service = service_of(desk, 0.5)
    want = level(desk, service, "read")
    if not want:
        return None
    reach = desk.catalogue.expand_all(want.actions)
    return _except(desk, want, [a for a in speakable(desk.catalogue, service) if a.name in reach])


def full_except(desk: Desk) -> Draft | None:
    service = service_of(desk, 0.5)
    risky = [a for a in speakable(desk.catalogue, service) if a.access_level in ("Write", "Permissions management")]
    strong = [a for a in risky if a.operation.startswith(("Delete", "Terminate", "Create", "Put", "Remove", "Stop"))]
    return _except(desk, level(desk, service, "full"), strong or risky)


def _except(desk: Desk, want: Want | None, pool: list[Action]) -> Draft | None:
    if not want or not pool:
        return None
    exception = unscoped(replace(desk, style="plain"), few(desk, pool, 1, 3), told=True)
    if exception.form == "use":
        return None
    first = any_want(desk) if desk.chance(0.5) else None
    if first and first.actions[0].split(":")[0] != want.actions[0].split(":")[0]:
        return Draft((first, want), exception=exception, scene=desk.scene)
    return Draft((want,), exception=exception, scene=desk.scene)


def everything_but(desk: Desk) -> Draft | None:
    """NotAction on a named resource: everything that can be done to it, apart from a few actions."""
    service, type_ = desk.rng.choice(
        (
            ("s3", "bucket"),
            ("sqs", "queue"),
            ("dynamodb", "table"),
            ("sns", "topic"),
            ("kinesis", "stream"),
            ("ecr", "repository"),
            ("lambda", "function"),
        )
    )
    target = draw_target(desk.rng, desk.catalogue, service, type_, desk.scene, desk.alias(service))
    pool = [
        a for a in actions_on(desk.catalogue, service, type_) if a.access_level in ("Write", "Permissions management")
    ]
    pronoun = replace(target, words="it", form="it")
    exception = scoped(replace(desk, style="plain"), pronoun, few(desk, pool, 1, 4))
    want = level(desk, service, "full", target)
    if not want or exception.form.startswith("literal"):
        return None
    return Draft((want,), exception=exception, complement=True, scene=desk.scene)


def allow_and_deny(desk: Desk) -> Draft | None:
    """Some actions allowed on a resource or service, others of the same service denied."""
    service = service_of(desk)
    found = target_of(desk, service)
    if found and desk.chance(0.6):
        target, pool = found
        chosen = few(desk, pool, 3, 6)
        if len(chosen) < 3:
            return None
        cut = desk.rng.randint(1, len(chosen) - 1)
        again = replace(target, words=target.pronoun, form="it")
        ban = scoped(replace(desk, style="plain"), again, chosen[cut:])
        return Draft((scoped(desk, target, chosen[:cut]),), bans=(Ban(ban),), scene=desk.scene)
    actions = actions_of(desk, service, desk.rng.randint(3, 6))
    if len(actions) < 2:
        return None
    cut = desk.rng.randint(1, len(actions) - 1)
    return Draft(
        (unscoped(desk, actions[:cut]),), bans=(Ban(unscoped(desk, actions[cut:], told=True)),), scene=desk.scene
    )


def conditional(desk: Desk) -> Draft | None:
    """Any small want under one or two conditions."""
    want = any_want(desk)
    said = tuple(n for n, known in (("region", desk.scene.region),) if known)
    limits = draw_some(desk, 2 if desk.chance(0.2) else 1, but=said)
    return _of(want, desk, limits=tuple(limits))


def conditional_services(desk: Desk) -> Draft | None:
    """Two or three services under one condition."""
    wants = _several(desk, 2, 3, any_want)
    said = ("region",) if desk.scene.region else ()
    return Draft(wants, tuple(draw_some(desk, but=said)), scene=desk.scene) if wants else None


def service_key(desk: Desk) -> Draft | None:
    """A condition key of a service."""
    found = keys.curated(desk) if desk.chance(0.45) else keys.literal(desk, service_of(desk))
    if not found:
        return None
    actions, limit = found
    return _of(unscoped(desk, actions), desk, limits=(limit,))


def tagged(desk: Desk) -> Draft | None:
    """Tag-based access: on the resource, on the request, or on the tag keys of the request."""
    row, key = desk.rng.choices(
        (
            (RESOURCE_TAG, "aws:ResourceTag/${TagKey}"),
            (REQUEST_TAG, "aws:RequestTag/${TagKey}"),
            (TAG_KEYS, "aws:TagKeys"),
        ),
        (6, 3, 1),
    )[0]
    service = service_of(desk)
    pool = [a for a in speakable(desk.catalogue, service) if key in a.condition_keys]
    if not pool:
        return None
    limits: tuple[Limit, ...] = (draw(desk, row),)
    return _of(unscoped(desk, few(desk, pool, 1, 5)), desk, limits=limits)


def _ban_want(desk: Desk) -> Want | None:
    roll = desk.rng.random()
    if roll < 0.35:
        return named_want(desk, 1, 4)
    if roll < 0.85:
        service = service_of(desk)
        pool = [a for a in speakable(desk.catalogue, service) if a.access_level not in ("List", "Read")]
        return unscoped(desk, few(desk, pool, 1, 5)) if pool else None
    service = service_of(desk, 0.4)
    alias = desk.alias(service)
    text = desk.rng.choice((f"use {alias}", f"do anything in {alias}", f"use any {alias} action"))
    return Want((Clause((text,)),), (Grant((f"{service}:*",)),), "all")


def deny(desk: Desk) -> Draft | None:
    """A plain explicit deny."""
    want = _ban_want(desk)
    return Draft(bans=(Ban(want),), scene=desk.scene) if want else None


def deny_unless(desk: Desk) -> Draft | None:
    """A deny that holds where a condition is not met: without MFA, outside a range, over plain HTTP."""
    want = _ban_want(desk)
    said = ("region",) if desk.scene.region else ()
    return Draft(bans=(Ban(want, draw_some(desk, deny=True, but=said)[0]),), scene=desk.scene) if want else None


def allow_but_deny_unless(desk: Desk) -> Draft | None:
    """Something allowed outright, and riskier actions of the same service denied unless a condition is met."""
    service = service_of(desk)
    calm = [a for a in speakable(desk.catalogue, service) if a.access_level in ("List", "Read")]
    risky = [
        a for a in speakable(desk.catalogue, service) if a.operation.startswith(("Delete", "Terminate", "Stop", "Put"))
    ]
    if not calm or not risky:
        return None
    wide = (
        level(desk, service, "full")
        if desk.chance(0.4)
        else unscoped(desk, few(desk, calm, 1, 4) + few(desk, risky, 1, 2))
    )
    limit = draw_some(desk, deny=True)[0]
    named = [a for a in risky if a.name in wide.actions] or few(desk, risky, 1, 3)
    return Draft(
        (wide,), bans=(Ban(unscoped(replace(desk, style="plain"), named, told=True), limit),), scene=desk.scene
    )


_PASS = (  # (service, what creates the thing that takes the role, words, service principal)
    (
        "lambda",
        ("CreateFunction", "UpdateFunctionConfiguration", "UpdateFunctionCode"),
        "Lambda",
        "lambda.amazonaws.com",
    ),
    (
        "ecs",
        ("RegisterTaskDefinition", "RunTask", "UpdateService", "CreateService"),
        "ECS tasks",
        "ecs-tasks.amazonaws.com",
    ),
    ("glue", ("CreateJob", "UpdateJob", "StartJobRun", "CreateCrawler"), "Glue", "glue.amazonaws.com"),
    (
        "sagemaker",
        ("CreateTrainingJob", "CreateModel", "CreateNotebookInstance"),
        "SageMaker",
        "sagemaker.amazonaws.com",
    ),
    ("ec2", ("RunInstances", "AssociateIamInstanceProfile"), "EC2", "ec2.amazonaws.com"),
    ("states", ("CreateStateMachine", "UpdateStateMachine"), "Step Functions", "states.amazonaws.com"),
    (
        "cloudformation",
        ("CreateStack", "UpdateStack", "CreateChangeSet"),
        "CloudFormation",
        "cloudformation.amazonaws.com",
    ),
    ("codebuild", ("CreateProject", "UpdateProject"), "CodeBuild", "codebuild.amazonaws.com"),
    ("codepipeline", ("CreatePipeline", "UpdatePipeline"), "CodePipeline", "codepipeline.amazonaws.com"),
    ("events", ("PutRule", "PutTargets"), "EventBridge", "events.amazonaws.com"),
    ("batch", ("RegisterJobDefinition", "CreateComputeEnvironment"), "AWS Batch", "batch.amazonaws.com"),
    ("rds", ("CreateDBInstance", "ModifyDBInstance"), "RDS monitoring", "monitoring.rds.amazonaws.com"),
    ("firehose", ("CreateDeliveryStream", "UpdateDestination"), "Firehose", "firehose.amazonaws.com"),
    ("backup", ("StartBackupJob", "StartRestoreJob", "CreateBackupSelection"), "AWS Backup", "backup.amazonaws.com"),
    (
        "bedrock",
        ("CreateAgent", "CreateKnowledgeBase", "CreateModelCustomizationJob"),
        "Bedrock",
        "bedrock.amazonaws.com",
    ),
    ("scheduler", ("CreateSchedule", "UpdateSchedule"), "EventBridge Scheduler", "scheduler.amazonaws.com"),
    ("ssm", ("StartAutomationExecution", "RegisterTaskWithMaintenanceWindow"), "Systems Manager", "ssm.amazonaws.com"),
    ("eks", ("CreateCluster", "CreateNodegroup"), "EKS", "eks.amazonaws.com"),
)


def pass_a_role(desk: Desk) -> Draft | None:
    """iam:PassRole to a service, mostly together with the action that needs it."""
    service, operations, words, principal = desk.rng.choice(_PASS)
    scene = replace(desk.scene, account=desk.scene.account or desk.rng.choice(vocabulary.ACCOUNTS), told="inline")
    desk = replace(desk, scene=scene)
    role = draw_target(desk.rng, desk.catalogue, "iam", "role", scene, "IAM")
    words = desk.rng.choice((words, f"{words} ({principal})", principal))
    passing = pass_role(desk, role, words, principal)
    if desk.chance(0.1):
        return _of(passing, desk)
    actions = [desk.catalogue.action(f"{service}:{o}") for o in operations]
    more = [] if desk.chance(0.5) else actions_of(desk, service, desk.rng.randint(1, 3))
    chosen = list(dict.fromkeys([*few(desk, [a for a in actions if a], 1, 3), *more]))
    return Draft((unscoped(desk, chosen), passing), scene=scene)


@dataclass(frozen=True)
class Kind:
    """A row of the table. `weight` is its share of the examples, in no particular unit."""

    name: str
    weight: float
    make: Callable[[Desk], Draft | None]


KINDS: tuple[Kind, ...] = (
    Kind("single action", 7, single_action),
    Kind("few actions", 9, few_actions),
    Kind("many actions", 2, many_actions),
    Kind("named resource, one action", 8, named_single),
    Kind("named resource, few actions", 10, named_few),
    Kind("several named resources", 5, several_resources),
    Kind("name pattern", 3, name_pattern),
    Kind("level of access to a service", 5, service_level),
    Kind("level of access to resources", 1.5, resource_level),
    Kind("operation verbs", 3, operation_verbs),
    Kind("several services", 9, several_services),
    Kind("many services", 3, many_services),
    Kind("levels for several services", 3.5, levels),
    Kind("workload", 11, story),
    Kind("read-only except", 3, read_only_except),
    Kind("full access except", 3, full_except),
    Kind("everything but (NotAction)", 1, everything_but),
    Kind("allow and deny", 4, allow_and_deny),
    Kind("condition", 9, conditional),
    Kind("condition, several services", 2, conditional_services),
    Kind("service condition key", 4, service_key),
    Kind("tags", 4, tagged),
    Kind("deny", 3, deny),
    Kind("deny unless", 3.5, deny_unless),
    Kind("allow, but deny unless", 2, allow_but_deny_unless),
    Kind("pass role", 3, pass_a_role),
    Kind("S3 prefix", 1.5, buckets.prefix),
    Kind("bucket policy", 4, buckets.bucket_policy),
    Kind("bucket policy, encryption", 1.5, buckets.encrypted_bucket),
    Kind("bucket policy, TLS and network", 2, buckets.guarded_bucket),
    Kind("bucket policy, CloudFront", 1, buckets.cloudfront_bucket),
)
