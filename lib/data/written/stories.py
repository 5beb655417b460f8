"""Workloads that need several services: who they are, and which actions each of their parts draws from.

Only a table. A part is a service, the resource type that it names ("" for none), and a pool of actions of which
some are drawn, so that one story makes many policies.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    service: str
    type: str
    pool: tuple[str, ...]


@dataclass(frozen=True)
class Story:
    who: str
    purpose: str  # "It ..." or "I ..." free: a noun phrase for titles
    parts: tuple[Part, ...]


_TABLE = """
a Lambda function that works off a queue | queue worker
  sqs queue ReceiveMessage DeleteMessage GetQueueAttributes ChangeMessageVisibility
  dynamodb table PutItem UpdateItem GetItem BatchWriteItem Query
  logs log-group CreateLogStream PutLogEvents CreateLogGroup
  sns topic Publish
our CI/CD deploy role | deployment
  cloudformation stack CreateStack UpdateStack DescribeStacks DescribeStackEvents CreateChangeSet GetTemplate
  s3 bucket PutObject GetObject ListBucket GetBucketLocation
  lambda function UpdateFunctionCode UpdateFunctionConfiguration PublishVersion GetFunction
  ecs service UpdateService DescribeServices
  ecr repository PutImage InitiateLayerUpload UploadLayerPart CompleteLayerUpload BatchCheckLayerAvailability
the data pipeline | ETL
  s3 bucket GetObject PutObject ListBucket DeleteObject
  glue job StartJobRun GetJobRun GetJobRuns BatchStopJobRun
  athena workgroup StartQueryExecution GetQueryExecution GetQueryResults
  kms key Decrypt GenerateDataKey
  logs log-group CreateLogStream PutLogEvents
the backup operator | backups
  backup backupVault StartBackupJob DescribeBackupVault ListRecoveryPointsByBackupVault
  dynamodb table CreateBackup DescribeTable
  rds db DescribeDBInstances
  s3 bucket GetObject PutObject ListBucket
  kms key Decrypt GenerateDataKey DescribeKey
the monitoring tool | monitoring
  cloudwatch - GetMetricData ListMetrics GetMetricStatistics
  logs log-group FilterLogEvents GetLogEvents DescribeLogStreams StartQuery
  ec2 - DescribeInstances DescribeInstanceStatus DescribeVolumes
  rds db DescribeDBInstances
  cloudtrail - LookupEvents
the on-call engineer | incident response
  ec2 instance StartInstances StopInstances RebootInstances GetConsoleOutput
  logs log-group FilterLogEvents GetLogEvents DescribeLogStreams
  cloudwatch alarm DescribeAlarms DisableAlarmActions
  ecs service UpdateService DescribeServices
  rds db RebootDBInstance DescribeDBInstances
  lambda function InvokeFunction GetFunctionConfiguration
the container build job | image builds
  ecr - GetAuthorizationToken
  ecr repository BatchGetImage PutImage InitiateLayerUpload UploadLayerPart CompleteLayerUpload ListImages
  codebuild project StartBuild BatchGetBuilds StopBuild
  s3 bucket GetObject PutObject
  logs log-group CreateLogStream PutLogEvents CreateLogGroup
an ECS task that serves the web shop | web shop
  dynamodb table GetItem PutItem Query UpdateItem DeleteItem
  s3 bucket GetObject PutObject ListBucket
  secretsmanager Secret GetSecretValue DescribeSecret
  sqs queue SendMessage GetQueueUrl
  ssm parameter GetParameter GetParameters
the stream processor | stream processing
  kinesis stream GetRecords GetShardIterator DescribeStream DescribeStreamSummary ListShards
  firehose deliverystream PutRecord PutRecordBatch
  dynamodb table PutItem UpdateItem BatchWriteItem
  cloudwatch - PutMetricData
  logs log-group CreateLogStream PutLogEvents
the data scientists | model training
  sagemaker training-job CreateTrainingJob DescribeTrainingJob StopTrainingJob
  s3 bucket GetObject PutObject ListBucket
  sagemaker notebook-instance StartNotebookInstance StopNotebookInstance CreatePresignedNotebookInstanceUrl
  ecr repository BatchGetImage GetDownloadUrlForLayer
  athena workgroup StartQueryExecution GetQueryResults GetQueryExecution
the inference service | inference
  sagemaker endpoint InvokeEndpoint DescribeEndpoint
  bedrock foundation-model InvokeModel InvokeModelWithResponseStream
  s3 bucket GetObject
  secretsmanager Secret GetSecretValue
  cloudwatch - PutMetricData
the order workflow | order workflow
  states statemachine StartExecution DescribeStateMachine ListExecutions
  lambda function InvokeFunction
  sns topic Publish
  sqs queue SendMessage
  events event-bus PutEvents
the chat assistant | chat assistant
  bedrock foundation-model InvokeModel InvokeModelWithResponseStream
  dynamodb table GetItem PutItem Query
  s3 bucket GetObject ListBucket
  kms key Decrypt
  logs log-group CreateLogStream PutLogEvents
the release manager | releases
  codepipeline pipeline StartPipelineExecution GetPipelineState GetPipeline
  codebuild project StartBuild BatchGetBuilds
  codecommit repository GitPull GitPush CreatePullRequest
  cloudfront distribution CreateInvalidation GetDistribution
  s3 bucket PutObject ListBucket DeleteObject
the DNS automation | DNS and certificates
  route53 hostedzone ChangeResourceRecordSets ListResourceRecordSets GetHostedZone
  acm - ListCertificates
  route53 - ListHostedZones
  lambda function InvokeFunction
the security auditors | audit
  iam - ListUsers ListRoles GetAccountSummary
  cloudtrail - LookupEvents
  s3 bucket GetBucketPolicy GetEncryptionConfiguration GetBucketVersioning GetLifecycleConfiguration
  kms - ListKeys ListAliases
  ec2 - DescribeSecurityGroups DescribeVpcs
the analytics dashboard | dashboards
  athena workgroup StartQueryExecution GetQueryExecution GetQueryResults StopQueryExecution
  s3 bucket GetObject ListBucket PutObject
  dynamodb table Query Scan GetItem
  cloudwatch - GetMetricData ListMetrics
the user administration tool | user administration
  cognito-idp userpool AdminCreateUser AdminGetUser AdminDisableUser ListUsers
  dynamodb table GetItem PutItem DeleteItem
  sns topic Publish
  logs log-group CreateLogStream PutLogEvents
the file import job | file imports
  s3 bucket GetObject DeleteObject ListBucket GetObjectTagging
  sqs queue SendMessage ReceiveMessage DeleteMessage
  rds db DescribeDBInstances
  secretsmanager Secret GetSecretValue
  kms key Decrypt
the autoscaler | scaling
  autoscaling autoScalingGroup SetDesiredCapacity UpdateAutoScalingGroup
  autoscaling - DescribeAutoScalingGroups
  cloudwatch - GetMetricData GetMetricStatistics
  ec2 - DescribeInstances DescribeInstanceStatus
the key custodian | key management
  kms key DescribeKey EnableKeyRotation GetKeyPolicy PutKeyPolicy DisableKey ScheduleKeyDeletion
  kms - ListKeys ListAliases
  secretsmanager Secret DescribeSecret RotateSecret
  cloudtrail - LookupEvents
the Kubernetes admins | cluster operation
  eks cluster DescribeCluster UpdateClusterConfig UpdateClusterVersion ListNodegroups
  ecr repository BatchGetImage ListImages DescribeImages
  ec2 - DescribeSubnets DescribeVpcs DescribeSecurityGroups
  iam role GetRole ListAttachedRolePolicies
the shared storage mounter | file storage
  elasticfilesystem file-system ClientMount ClientWrite DescribeMountTargets
  ec2 - DescribeSubnets
  kms key Decrypt DescribeKey
the scheduler service | scheduling
  events rule-on-default-event-bus EnableRule DisableRule DescribeRule PutTargets
  states statemachine StartExecution ListExecutions
  lambda function InvokeFunction
  logs log-group DescribeLogStreams GetLogEvents
the cross-account reader | cross-account reading
  sts role AssumeRole
  s3 bucket GetObject ListBucket
  kms key Decrypt
  dynamodb table GetItem Query
"""


def _stories() -> tuple[Story, ...]:
    stories: list[Story] = []
    for line in _TABLE.strip().splitlines():
        if line.startswith("  "):
            service, type_, *pool = line.split()
            part = Part(service, "" if type_ == "-" else type_, tuple(f"{service}:{name}" for name in pool))
            last = stories[-1]
            stories[-1] = Story(last.who, last.purpose, (*last.parts, part))
        else:
            who, _, purpose = line.partition(" | ")
            stories.append(Story(who, purpose, ()))
    return tuple(stories)


STORIES = _stories()
