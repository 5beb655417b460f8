"""Makers of requests to hand a role to an AWS service: iam:PassRole, and what needs it.

A Desk comes in; a Draft goes out (IAM User Guide, "Grant a user permissions to pass a role to an AWS service").
"""

from dataclasses import replace

from lib.data.written import vocabulary
from lib.data.written.desk import Desk
from lib.data.written.drafts import Draft
from lib.data.written.pools import actions_of, few
from lib.data.written.resources import Target, draw_target
from lib.data.written.wants import Clause, Grant, Want, arns, unscoped

# service | operations that take a role | words | service principal
_TABLE = """
lambda | CreateFunction UpdateFunctionConfiguration | Lambda | lambda.amazonaws.com
ecs | RegisterTaskDefinition RunTask StartTask | ECS tasks | ecs-tasks.amazonaws.com
glue | CreateJob UpdateJob CreateCrawler UpdateCrawler | Glue | glue.amazonaws.com
sagemaker | CreateTrainingJob CreateModel CreateNotebookInstance | SageMaker | sagemaker.amazonaws.com
ec2 | RunInstances AssociateIamInstanceProfile ReplaceIamInstanceProfileAssociation | EC2 | ec2.amazonaws.com
states | CreateStateMachine UpdateStateMachine | Step Functions | states.amazonaws.com
cloudformation | CreateStack UpdateStack CreateChangeSet | CloudFormation | cloudformation.amazonaws.com
codebuild | CreateProject UpdateProject | CodeBuild | codebuild.amazonaws.com
codepipeline | CreatePipeline UpdatePipeline | CodePipeline | codepipeline.amazonaws.com
events | PutRule PutTargets | EventBridge | events.amazonaws.com
batch | CreateComputeEnvironment UpdateComputeEnvironment | AWS Batch | batch.amazonaws.com
rds | CreateDBInstance ModifyDBInstance | RDS monitoring | monitoring.rds.amazonaws.com
firehose | CreateDeliveryStream UpdateDestination | Firehose | firehose.amazonaws.com
backup | StartBackupJob StartRestoreJob CreateBackupSelection | AWS Backup | backup.amazonaws.com
bedrock | CreateAgent CreateKnowledgeBase CreateModelCustomizationJob | Bedrock | bedrock.amazonaws.com
scheduler | CreateSchedule UpdateSchedule | EventBridge Scheduler | scheduler.amazonaws.com
ssm | StartAutomationExecution RegisterTaskWithMaintenanceWindow | Systems Manager | ssm.amazonaws.com
eks | CreateCluster | EKS | eks.amazonaws.com
"""
_TAKERS = tuple(tuple(line.split(" | ")) for line in _TABLE.strip().splitlines())


def pass_role(desk: Desk) -> Draft | None:
    """iam:PassRole to a service, mostly together with the action that needs it."""
    service, operations, words, principal = desk.rng.choice(_TAKERS)
    scene = replace(desk.scene, account=desk.scene.account or desk.rng.choice(vocabulary.ACCOUNTS), told="inline")
    desk = replace(desk, scene=scene)
    role = draw_target(desk.rng, desk.catalogue, "iam", "role", scene, "IAM")
    words = desk.rng.choice((words, f"{words} ({principal})", principal))
    passing = _passing(desk, role, words, principal)
    if desk.chance(0.1):
        return Draft((passing,), scene=scene)
    actions = [desk.catalogue.action(f"{service}:{o}") for o in operations.split()]
    more = [] if desk.chance(0.5) else actions_of(desk, service, desk.rng.randint(1, 3))
    chosen = list(dict.fromkeys([*few(desk, [a for a in actions if a], 1, 3), *more]))
    return Draft((unscoped(desk, chosen), passing), scene=scene)


def _passing(desk: Desk, role: Target, service_words: str, service_name: str) -> Want:
    """iam:PassRole for one role to one AWS service."""
    text = desk.rng.choice(
        (
            f"pass {role.words} to {service_words}",
            f"hand {role.words} to {service_words}",
            f"pass {role.words} to {service_words} only",
            f"use iam:PassRole to give {role.words} to {service_words}",
        )
    )
    condition = (("StringEquals", "iam:PassedToService", service_name),)
    return Want((Clause((text,)),), (Grant(("iam:PassRole",), arns(desk, role, "role"), condition),), "pass")
