"""How people say the most common actions, and the nouns of the things those actions work on.

An idiom ends in "~" and a preposition where the resource belongs ("upload files ~to"), in a bare "~" where the
resource is the object itself ("invoke ~"), or in neither where the action takes no resource ("list all buckets").
"""

# (service, resource type) -> (noun beside a name, noun that tells the service)
NOUNS: dict[tuple[str, str], tuple[str, str]] = {
    ("s3", "bucket"): ("bucket", "S3 bucket"),
    ("s3", "object"): ("bucket", "S3 bucket"),
    ("dynamodb", "table"): ("table", "DynamoDB table"),
    ("sqs", "queue"): ("queue", "SQS queue"),
    ("sns", "topic"): ("topic", "SNS topic"),
    ("lambda", "function"): ("function", "Lambda function"),
    ("logs", "log-group"): ("log group", "CloudWatch log group"),
    ("logs", "log-stream"): ("log group", "CloudWatch log group"),
    ("secretsmanager", "Secret"): ("secret", "Secrets Manager secret"),
    ("ssm", "parameter"): ("parameter", "SSM parameter"),
    ("kms", "key"): ("KMS key", "KMS key"),
    ("ecr", "repository"): ("repository", "ECR repository"),
    ("ecs", "cluster"): ("cluster", "ECS cluster"),
    ("ecs", "service"): ("ECS service", "ECS service"),
    ("ecs", "task-definition"): ("task definition", "ECS task definition"),
    ("ec2", "instance"): ("instance", "EC2 instance"),
    ("ec2", "volume"): ("volume", "EBS volume"),
    ("ec2", "snapshot"): ("snapshot", "EBS snapshot"),
    ("ec2", "security-group"): ("security group", "EC2 security group"),
    ("rds", "db"): ("database instance", "RDS database instance"),
    ("rds", "cluster"): ("database cluster", "RDS database cluster"),
    ("rds", "snapshot"): ("DB snapshot", "RDS snapshot"),
    ("states", "statemachine"): ("state machine", "Step Functions state machine"),
    ("states", "execution"): ("state machine", "Step Functions state machine"),
    ("kinesis", "stream"): ("stream", "Kinesis stream"),
    ("firehose", "deliverystream"): ("delivery stream", "Firehose delivery stream"),
    ("events", "event-bus"): ("event bus", "EventBridge event bus"),
    ("events", "rule-on-default-event-bus"): ("rule", "EventBridge rule"),
    ("athena", "workgroup"): ("workgroup", "Athena workgroup"),
    ("glue", "job"): ("job", "Glue job"),
    ("glue", "crawler"): ("crawler", "Glue crawler"),
    ("iam", "role"): ("role", "IAM role"),
    ("iam", "user"): ("user", "IAM user"),
    ("iam", "group"): ("group", "IAM group"),
    ("iam", "policy"): ("policy", "IAM policy"),
    ("sts", "role"): ("role", "IAM role"),
    ("cloudformation", "stack"): ("stack", "CloudFormation stack"),
    ("cloudwatch", "alarm"): ("alarm", "CloudWatch alarm"),
    ("cloudwatch", "dashboard"): ("dashboard", "CloudWatch dashboard"),
    ("eks", "cluster"): ("EKS cluster", "EKS cluster"),
    ("bedrock", "foundation-model"): ("model", "Bedrock foundation model"),
    ("sagemaker", "endpoint"): ("endpoint", "SageMaker endpoint"),
    ("sagemaker", "training-job"): ("training job", "SageMaker training job"),
    ("sagemaker", "notebook-instance"): ("notebook instance", "SageMaker notebook instance"),
    ("codebuild", "project"): ("build project", "CodeBuild project"),
    ("codepipeline", "pipeline"): ("pipeline", "CodePipeline pipeline"),
    ("codecommit", "repository"): ("repository", "CodeCommit repository"),
    ("route53", "hostedzone"): ("hosted zone", "Route 53 hosted zone"),
    ("backup", "backupVault"): ("backup vault", "backup vault"),
    ("cloudfront", "distribution"): ("distribution", "CloudFront distribution"),
    ("elasticfilesystem", "file-system"): ("file system", "EFS file system"),
    ("cognito-idp", "userpool"): ("user pool", "Cognito user pool"),
    ("scheduler", "schedule-group"): ("schedule group", "EventBridge schedule group"),
    ("autoscaling", "autoScalingGroup"): ("Auto Scaling group", "Auto Scaling group"),
    ("cloudtrail", "trail"): ("trail", "CloudTrail trail"),
    ("acm", "certificate"): ("certificate", "ACM certificate"),
}

# action -> (resource type it is scoped to or None, idioms)
_TABLE = """
s3:GetObject object read objects ~from|download files ~from|read files ~in|fetch objects ~from|get objects ~from
s3:GetObjectVersion object read older versions of objects ~in|fetch previous object versions ~from
s3:PutObject object upload files ~to|upload objects ~to|write objects ~to|put files ~into|save files ~in
s3:DeleteObject object delete objects ~from|remove files ~from|delete files ~in
s3:DeleteObjectVersion object delete object versions ~in|permanently remove old object versions ~from
s3:GetObjectTagging object read object tags ~in|read the tags of objects ~in
s3:PutObjectTagging object tag objects ~in|set tags on objects ~in
s3:PutObjectAcl object change object ACLs ~in|set the ACL of objects ~in
s3:GetObjectAcl object read object ACLs ~in|see the ACLs of objects ~in
s3:RestoreObject object restore archived objects ~in|restore objects from Glacier ~in
s3:AbortMultipartUpload object abort multipart uploads ~to|cancel unfinished multipart uploads ~in
s3:ListMultipartUploadParts object list the parts of multipart uploads ~in
s3:GetObjectAttributes object read object attributes ~in
s3:ListBucket bucket list ~|list objects ~in|see the files ~in|list the contents ~of|browse ~
s3:ListBucketVersions bucket list object versions ~in
s3:ListBucketMultipartUploads bucket list multipart uploads in progress ~in
s3:GetBucketAcl bucket read the ACL ~of|check the bucket ACL ~of
s3:GetBucketLocation bucket look up the region ~of|get the location ~of
s3:GetBucketPolicy bucket read the bucket policy ~of|view the policy ~of
s3:PutBucketPolicy bucket change the bucket policy ~of|set the bucket policy ~on
s3:DeleteBucketPolicy bucket delete the bucket policy ~of
s3:GetBucketVersioning bucket check whether versioning is on ~for|read the versioning state ~of
s3:PutBucketVersioning bucket turn versioning on or off ~for|configure versioning ~on
s3:GetEncryptionConfiguration bucket read the default encryption settings ~of
s3:PutEncryptionConfiguration bucket change the default encryption ~of|set default encryption ~on
s3:GetLifecycleConfiguration bucket read the lifecycle rules ~of
s3:PutLifecycleConfiguration bucket manage the lifecycle rules ~of|set lifecycle rules ~on
s3:PutBucketPublicAccessBlock bucket change the public access block ~of
s3:GetBucketTagging bucket read the bucket tags ~of
s3:PutBucketNotification bucket configure event notifications ~on
s3:PutBucketCORS bucket edit the CORS rules ~of
s3:GetBucketLogging bucket see the access logging settings ~of
s3:CreateBucket bucket create ~|make ~
s3:DeleteBucket bucket delete ~|remove ~
s3:ListAllMyBuckets - list all buckets|see the list of all our buckets|list every bucket in the account
dynamodb:GetItem table read items ~from|get single items ~from|look up items ~in
dynamodb:PutItem table put items ~into|write items ~to|insert items ~into|save records ~in
dynamodb:UpdateItem table update items ~in|modify items ~in
dynamodb:DeleteItem table delete items ~from|remove items ~from
dynamodb:Query table query ~|run queries ~against
dynamodb:Scan table scan ~
dynamodb:BatchGetItem table read items in batches ~from|batch-get items ~from
dynamodb:BatchWriteItem table write items in batches ~to|batch-write items ~to
dynamodb:ConditionCheckItem table run condition checks on items ~in
dynamodb:DescribeTable table describe ~|look at the schema and settings ~of
dynamodb:CreateTable table create ~
dynamodb:DeleteTable table delete ~|drop ~
dynamodb:UpdateTable table change the settings ~of|change the capacity ~of
dynamodb:UpdateTimeToLive table configure the TTL ~of
dynamodb:CreateBackup table take on-demand backups ~of|back up ~
dynamodb:ExportTableToPointInTime table export the data ~of
dynamodb:ListTables - list all DynamoDB tables|see which DynamoDB tables exist
sqs:SendMessage queue send messages ~to|post messages ~to|put messages ~on
sqs:ReceiveMessage queue receive messages ~from|read messages ~from|poll ~
sqs:DeleteMessage queue delete messages ~from|remove processed messages ~from
sqs:GetQueueAttributes queue read the attributes ~of|check the attributes ~of
sqs:SetQueueAttributes queue change the attributes ~of
sqs:ChangeMessageVisibility queue change the visibility timeout of messages ~in|extend the visibility of messages ~on
sqs:PurgeQueue queue purge ~|empty ~
sqs:GetQueueUrl queue look up the URL ~of|get the URL ~of
sqs:CreateQueue queue create ~
sqs:DeleteQueue queue delete ~
sqs:StartMessageMoveTask queue redrive messages ~from
sqs:ListQueues - list all SQS queues
sns:Publish topic publish ~to|publish messages ~to|send notifications ~to
sns:Subscribe topic subscribe ~to|add subscriptions ~to
sns:CreateTopic topic create ~
sns:DeleteTopic topic delete ~
sns:GetTopicAttributes topic read the attributes ~of
sns:SetTopicAttributes topic change the attributes ~of
sns:ListSubscriptionsByTopic topic list the subscriptions ~of|see who is subscribed ~to
sns:ListTopics - list all SNS topics
lambda:InvokeFunction function invoke ~|call ~|run ~|trigger ~
lambda:GetFunction function get the code and configuration ~of|download the code ~of
lambda:GetFunctionConfiguration function read the configuration ~of
lambda:UpdateFunctionCode function update the code ~of|deploy new code ~to
lambda:UpdateFunctionConfiguration function change the configuration ~of
lambda:PublishVersion function publish versions ~of
lambda:CreateFunction function create ~
lambda:DeleteFunction function delete ~
lambda:AddPermission function add resource-policy permissions ~to
lambda:PutFunctionConcurrency function set the reserved concurrency ~of
lambda:ListVersionsByFunction function list the versions ~of
lambda:ListFunctions - list all Lambda functions|see which Lambda functions exist
logs:CreateLogGroup log-group create ~
logs:DeleteLogGroup log-group delete ~
logs:CreateLogStream log-stream create log streams ~in
logs:PutLogEvents log-stream write log events ~to|write logs ~to|push log events ~to
logs:GetLogEvents log-stream read log events ~from|read the logs ~in
logs:FilterLogEvents log-group search log events ~in|filter log events ~in
logs:DescribeLogStreams log-group list the log streams ~in|see the log streams ~of
logs:PutRetentionPolicy log-group set the retention ~of|change how long logs are kept ~in
logs:PutSubscriptionFilter log-group set up subscription filters ~on
logs:StartQuery log-group run Logs Insights queries ~on
logs:GetQueryResults - get the results of Logs Insights queries
logs:DescribeLogGroups - list the CloudWatch log groups|see which log groups exist in CloudWatch
secretsmanager:GetSecretValue Secret read the value ~of|retrieve the value ~of|fetch the value ~of
secretsmanager:DescribeSecret Secret see the metadata ~of|describe ~
secretsmanager:PutSecretValue Secret store new values ~in|write a new value ~to
secretsmanager:UpdateSecret Secret update ~
secretsmanager:CreateSecret Secret create ~
secretsmanager:DeleteSecret Secret delete ~
secretsmanager:RotateSecret Secret rotate ~|trigger rotation ~of
secretsmanager:ListSecrets - list all secrets in Secrets Manager
ssm:GetParameter parameter read ~|get the value ~of
ssm:GetParameters parameter read values in bulk ~from
ssm:GetParametersByPath parameter read the values under the path ~of
ssm:PutParameter parameter write values ~to|set the value ~of
ssm:DeleteParameter parameter delete ~
ssm:DescribeParameters - list the parameters in Parameter Store
ssm:ListCommandInvocations - see the status of Run Command invocations
kms:Decrypt key decrypt data ~with|decrypt ~with
kms:Encrypt key encrypt data ~with|encrypt ~with
kms:GenerateDataKey key generate data keys ~with|create data keys ~with
kms:ReEncryptFrom key re-encrypt data away ~from
kms:DescribeKey key look up the metadata ~of|describe ~
kms:EnableKeyRotation key turn on automatic rotation ~for
kms:ScheduleKeyDeletion key schedule the deletion ~of
kms:DisableKey key disable ~
kms:Sign key sign ~with|create signatures ~with
kms:Verify key verify signatures ~with
kms:CreateGrant key create grants ~for|add grants ~to
kms:GetKeyPolicy key read the key policy ~of
kms:PutKeyPolicy key change the key policy ~of
kms:ListAliases - list the KMS aliases
kms:ListKeys - list all KMS keys
ecr:GetAuthorizationToken - log in to ECR|get an ECR login token|authenticate Docker against ECR
ecr:BatchGetImage repository pull image manifests ~from|get images ~from
ecr:GetDownloadUrlForLayer repository download image layers ~from
ecr:BatchCheckLayerAvailability repository check the availability of image layers ~in
ecr:PutImage repository push image manifests ~to|put images ~into
ecr:InitiateLayerUpload repository start layer uploads ~to
ecr:UploadLayerPart repository upload layer parts ~to
ecr:CompleteLayerUpload repository complete layer uploads ~to
ecr:DescribeImages repository describe the images ~in|see image details ~in
ecr:ListImages repository list the images ~in
ecr:BatchDeleteImage repository delete images ~from
ecr:CreateRepository repository create ~
ecr:DescribeImageScanFindings repository see the image scan findings ~of
ecs:UpdateService service update ~|redeploy ~
ecs:DescribeServices service describe ~|check the state ~of
ecs:DeleteService service delete ~
ecs:RunTask task-definition run tasks ~from
ecs:DescribeClusters cluster describe ~
ecs:DeleteCluster cluster delete ~
ecs:RegisterTaskDefinition - register ECS task definitions|register new task definitions in ECS
ecs:ListClusters - list the ECS clusters
ecs:DescribeTaskDefinition - describe ECS task definitions
ec2:StartInstances instance start ~|power ~on
ec2:StopInstances instance stop ~|shut down ~
ec2:RebootInstances instance reboot ~|restart ~
ec2:TerminateInstances instance terminate ~
ec2:MonitorInstances instance turn on detailed monitoring ~for
ec2:GetConsoleOutput instance read the console output ~of
ec2:DeleteVolume volume delete ~
ec2:DeleteSnapshot snapshot delete ~
ec2:AuthorizeSecurityGroupIngress security-group add inbound rules ~to|open inbound ports ~in
ec2:RevokeSecurityGroupIngress security-group remove inbound rules ~from
ec2:AuthorizeSecurityGroupEgress security-group add outbound rules ~to
ec2:DeleteSecurityGroup security-group delete ~
ec2:DescribeInstances - list EC2 instances|describe EC2 instances|see our EC2 instances
ec2:DescribeInstanceStatus - check the status of EC2 instances
ec2:DescribeVolumes - list EBS volumes|describe EBS volumes
ec2:DescribeSnapshots - list EBS snapshots
ec2:DescribeImages - list AMIs|see the available AMIs
ec2:DescribeSecurityGroups - list security groups|describe EC2 security groups
ec2:DescribeVpcs - list VPCs|describe the VPCs
ec2:DescribeSubnets - list subnets|describe the subnets
ec2:DescribeKeyPairs - list EC2 key pairs
ec2:DescribeRegions - list the AWS regions
rds:StartDBInstance db start ~
rds:StopDBInstance db stop ~
rds:RebootDBInstance db reboot ~|restart ~
rds:ModifyDBInstance db modify ~|change the settings ~of
rds:DeleteDBInstance db delete ~
rds:DescribeDBInstances db describe ~|see the details ~of
rds:DownloadDBLogFilePortion db download log files ~of
rds:StartDBCluster cluster start ~
rds:StopDBCluster cluster stop ~
rds:FailoverDBCluster cluster fail over ~
rds:ModifyDBCluster cluster modify ~
rds:DeleteDBSnapshot snapshot delete ~
rds:CopyDBSnapshot snapshot copy ~
states:StartExecution statemachine start executions ~of|run ~|kick off ~
states:StartSyncExecution statemachine run synchronous executions ~of
states:DescribeStateMachine statemachine describe ~|view the definition ~of
states:UpdateStateMachine statemachine update ~|change the definition ~of
states:DeleteStateMachine statemachine delete ~
states:ListExecutions statemachine list the executions ~of
states:StopExecution execution stop executions ~of
states:DescribeExecution execution see the status of executions ~of|describe executions ~of
states:GetExecutionHistory execution read the execution history ~of
states:ListStateMachines - list the Step Functions state machines
kinesis:PutRecord stream put single records ~on|write a record ~to
kinesis:PutRecords stream write records ~to|put records ~into
kinesis:GetRecords stream read records ~from|consume records ~from
kinesis:GetShardIterator stream get shard iterators ~for
kinesis:DescribeStream stream describe ~
kinesis:DescribeStreamSummary stream see a summary ~of
kinesis:ListShards stream list the shards ~of
kinesis:DeleteStream stream delete ~
kinesis:ListStreams - list the Kinesis streams
firehose:PutRecord deliverystream send single records ~to
firehose:PutRecordBatch deliverystream send batches of records ~to|write record batches ~to
firehose:DescribeDeliveryStream deliverystream describe ~
firehose:DeleteDeliveryStream deliverystream delete ~
events:PutEvents event-bus put events ~on|send events ~to
events:EnableRule rule-on-default-event-bus enable ~|switch ~on
events:DisableRule rule-on-default-event-bus disable ~|switch off ~
events:PutTargets rule-on-default-event-bus set the targets ~of|add targets ~to
events:DescribeRule rule-on-default-event-bus describe ~
events:DeleteRule rule-on-default-event-bus delete ~
athena:StartQueryExecution workgroup run queries ~in|start queries ~in
athena:GetQueryExecution workgroup check the status of queries ~in
athena:GetQueryResults workgroup get query results ~from|read query results ~from
athena:StopQueryExecution workgroup cancel queries ~in|stop queries ~in
athena:GetWorkGroup workgroup see the settings ~of
athena:ListQueryExecutions workgroup list the queries run ~in
glue:StartJobRun job start ~|run ~|kick off runs ~of
glue:GetJobRun job check a run ~of
glue:GetJobRuns job see the runs ~of|list the runs ~of
glue:BatchStopJobRun job stop runs ~of
glue:GetJob job read the definition ~of
glue:UpdateJob job update ~
glue:DeleteJob job delete ~
glue:StartCrawler crawler start ~|run ~
glue:StopCrawler crawler stop ~
glue:GetCrawler crawler check the state ~of
glue:UpdateCrawler crawler change ~
iam:PassRole role pass ~
iam:GetRole role view ~|look up ~
iam:CreateRole role create ~
iam:DeleteRole role delete ~
iam:UpdateAssumeRolePolicy role change the trust policy ~of|edit the trust policy ~of
iam:AttachRolePolicy role attach managed policies ~to
iam:DetachRolePolicy role detach managed policies ~from
iam:PutRolePolicy role add inline policies ~to
iam:ListAttachedRolePolicies role list the policies attached ~to
iam:CreateUser user create ~
iam:DeleteUser user delete ~
iam:GetUser user view ~|look up ~
iam:CreateAccessKey user create access keys ~for
iam:DeleteAccessKey user delete access keys ~of
iam:ListAccessKeys user list the access keys ~of
iam:ChangePassword user change the password ~of
iam:CreateLoginProfile user set up console passwords ~for
iam:AddUserToGroup group add users ~to
iam:RemoveUserFromGroup group remove users ~from
iam:GetGroup group list the members ~of
iam:CreatePolicyVersion policy create new versions ~of
iam:GetPolicy policy view ~
iam:GetPolicyVersion policy read the versions ~of
iam:DeletePolicy policy delete ~
iam:ListUsers - list all IAM users|list the users in IAM
iam:ListRoles - list all IAM roles
iam:GetAccountSummary - see the IAM account summary
sts:AssumeRole role assume ~|switch ~to
cloudformation:CreateStack stack create ~|launch ~
cloudformation:UpdateStack stack update ~
cloudformation:DeleteStack stack delete ~|tear down ~
cloudformation:DescribeStacks stack describe ~|check the status ~of
cloudformation:DescribeStackEvents stack see the events ~of
cloudformation:GetTemplate stack get the template ~of
cloudformation:CreateChangeSet stack create change sets ~for
cloudformation:ExecuteChangeSet stack execute change sets ~on
cloudformation:ValidateTemplate - validate CloudFormation templates
cloudformation:ListStacks - list the CloudFormation stacks
cloudwatch:PutMetricData - publish metrics to CloudWatch|push custom CloudWatch metrics
cloudwatch:GetMetricData - get CloudWatch metric data|read CloudWatch metrics
cloudwatch:GetMetricStatistics - get CloudWatch metric statistics
cloudwatch:ListMetrics - list the CloudWatch metrics
cloudwatch:PutMetricAlarm alarm create or change ~|define ~
cloudwatch:DescribeAlarms alarm describe ~|check the state ~of
cloudwatch:DeleteAlarms alarm delete ~
cloudwatch:DisableAlarmActions alarm silence ~|disable the actions ~of
cloudwatch:GetDashboard dashboard view ~
cloudwatch:PutDashboard dashboard edit ~
eks:DescribeCluster cluster describe ~|get the connection details ~of
eks:UpdateClusterConfig cluster change the configuration ~of
eks:UpdateClusterVersion cluster upgrade the Kubernetes version ~of
eks:ListNodegroups cluster list the node groups ~of
eks:AccessKubernetesApi cluster view Kubernetes objects in the console ~for
eks:ListClusters - list the EKS clusters
bedrock:InvokeModel foundation-model invoke ~|call ~
bedrock:InvokeModelWithResponseStream foundation-model stream responses ~from|get streamed responses ~from
bedrock:ListFoundationModels - list the Bedrock foundation models|see which foundation models Bedrock offers
sagemaker:InvokeEndpoint endpoint invoke ~|get predictions ~from
sagemaker:DescribeEndpoint endpoint describe ~
sagemaker:DeleteEndpoint endpoint delete ~
sagemaker:UpdateEndpoint endpoint update ~
sagemaker:CreateTrainingJob training-job create ~
sagemaker:DescribeTrainingJob training-job check the progress ~of|describe ~
sagemaker:StopTrainingJob training-job stop ~
sagemaker:StartNotebookInstance notebook-instance start ~
sagemaker:StopNotebookInstance notebook-instance stop ~
sagemaker:CreatePresignedNotebookInstanceUrl notebook-instance open ~
codebuild:StartBuild project start builds ~of|trigger builds ~of
codebuild:StopBuild project stop builds ~of
codebuild:BatchGetBuilds project get build details ~of|see the builds ~of
codebuild:UpdateProject project change ~
codepipeline:StartPipelineExecution pipeline start ~|trigger ~
codepipeline:GetPipelineState pipeline see the state ~of
codepipeline:GetPipeline pipeline view the definition ~of
codepipeline:UpdatePipeline pipeline update ~
codecommit:GitPull repository pull code ~from|clone ~
codecommit:GitPush repository push code ~to
codecommit:CreatePullRequest repository open pull requests ~in
route53:ChangeResourceRecordSets hostedzone change DNS records ~in|edit the records ~of
route53:ListResourceRecordSets hostedzone list the DNS records ~of|see the records ~in
route53:GetHostedZone hostedzone look up ~
route53:DeleteHostedZone hostedzone delete ~
route53:ListHostedZones - list the Route 53 hosted zones
backup:StartBackupJob backupVault start backup jobs ~into
backup:DescribeBackupVault backupVault describe ~
backup:ListRecoveryPointsByBackupVault backupVault list the recovery points ~in
backup:DeleteBackupVault backupVault delete ~
cloudfront:CreateInvalidation distribution invalidate the cache ~of|create invalidations ~for
cloudfront:GetDistribution distribution view ~|look up ~
cloudfront:UpdateDistribution distribution update ~
elasticfilesystem:ClientMount file-system mount ~
elasticfilesystem:ClientWrite file-system write files ~to
elasticfilesystem:DescribeMountTargets file-system list the mount targets ~of
cognito-idp:AdminCreateUser userpool create users ~in
cognito-idp:AdminGetUser userpool look up users ~in
cognito-idp:AdminDisableUser userpool disable users ~in
cognito-idp:ListUsers userpool list the users ~in
autoscaling:SetDesiredCapacity autoScalingGroup set the desired capacity ~of|scale ~
autoscaling:UpdateAutoScalingGroup autoScalingGroup update ~
autoscaling:DescribeAutoScalingGroups - describe the Auto Scaling groups
cloudtrail:LookupEvents - look up CloudTrail events|search CloudTrail events
cloudtrail:StopLogging trail stop logging ~on
cloudtrail:StartLogging trail start logging ~on
cloudtrail:DeleteTrail trail delete ~
cloudtrail:GetTrailStatus trail check the status ~of
acm:DescribeCertificate certificate describe ~
acm:ListCertificates - list the ACM certificates
batch:DescribeJobs - describe Batch jobs
xray:PutTraceSegments - send trace segments to X-Ray
tag:GetResources - find tagged resources with the tagging API
sts:GetCallerIdentity - get the caller identity from STS
organizations:DescribeOrganization - see the details of our organization
ce:GetCostAndUsage - query cost and usage in Cost Explorer
"""


def _rows() -> dict[str, tuple[str | None, tuple[str, ...]]]:
    rows = {}
    for line in _TABLE.strip().splitlines():
        name, target, idioms = line.split(" ", 2)
        rows[name] = (None if target == "-" else target, tuple(idioms.split("|")))
    return rows


IDIOMS = _rows()
