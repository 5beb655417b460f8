"""The names that written examples speak of: people and programs, businesses' names for things, places, services.

Only tables. Everything drawn from them is invented; account ids, address ranges and organisation ids are of the
kinds that AWS and the IETF set aside for documentation, or private.
"""

# prefix -> (weight, names people use for the service)
POPULAR: dict[str, tuple[int, tuple[str, ...]]] = {
    "s3": (10, ("S3", "Amazon S3", "AWS S3")),
    "ec2": (10, ("EC2", "Amazon EC2", "AWS EC2")),
    "lambda": (8, ("Lambda", "AWS Lambda")),
    "dynamodb": (8, ("DynamoDB", "Amazon DynamoDB", "Dynamo")),
    "iam": (7, ("IAM", "AWS IAM", "Identity and Access Management")),
    "kms": (6, ("KMS", "AWS KMS", "Key Management Service")),
    "sqs": (6, ("SQS", "Amazon SQS")),
    "sns": (6, ("SNS", "Amazon SNS")),
    "logs": (6, ("CloudWatch Logs", "CloudWatch logs", "Amazon CloudWatch Logs")),
    "cloudwatch": (6, ("CloudWatch", "Amazon CloudWatch", "CloudWatch metrics and alarms")),
    "rds": (6, ("RDS", "Amazon RDS")),
    "ecs": (6, ("ECS", "Amazon ECS", "Elastic Container Service")),
    "eks": (5, ("EKS", "Amazon EKS")),
    "ecr": (5, ("ECR", "Amazon ECR", "the container registry (ECR)")),
    "secretsmanager": (5, ("Secrets Manager", "AWS Secrets Manager")),
    "ssm": (6, ("SSM", "Systems Manager", "AWS Systems Manager")),
    "states": (5, ("Step Functions", "AWS Step Functions")),
    "glue": (5, ("Glue", "AWS Glue")),
    "athena": (5, ("Athena", "Amazon Athena")),
    "kinesis": (5, ("Kinesis", "Kinesis Data Streams", "Amazon Kinesis")),
    "firehose": (3, ("Firehose", "Kinesis Firehose")),
    "sagemaker": (5, ("SageMaker", "Amazon SageMaker")),
    "bedrock": (5, ("Bedrock", "Amazon Bedrock")),
    "cloudformation": (5, ("CloudFormation", "AWS CloudFormation")),
    "route53": (4, ("Route 53", "Amazon Route 53", "Route53")),
    "events": (4, ("EventBridge", "Amazon EventBridge")),
    "scheduler": (2, ("EventBridge Scheduler",)),
    "cloudtrail": (3, ("CloudTrail", "AWS CloudTrail")),
    "cloudfront": (3, ("CloudFront", "Amazon CloudFront")),
    "elasticloadbalancing": (3, ("Elastic Load Balancing", "ELB", "the load balancers (ELB)")),
    "autoscaling": (3, ("EC2 Auto Scaling", "Auto Scaling")),
    "elasticache": (3, ("ElastiCache", "Amazon ElastiCache")),
    "elasticfilesystem": (3, ("EFS", "Amazon EFS", "Elastic File System")),
    "redshift": (3, ("Redshift", "Amazon Redshift")),
    "codebuild": (3, ("CodeBuild", "AWS CodeBuild")),
    "codepipeline": (3, ("CodePipeline", "AWS CodePipeline")),
    "codedeploy": (3, ("CodeDeploy", "AWS CodeDeploy")),
    "codecommit": (2, ("CodeCommit", "AWS CodeCommit")),
    "cognito-idp": (3, ("Cognito user pools", "Cognito User Pools")),
    "cognito-identity": (2, ("Cognito identity pools", "Cognito Identity")),
    "acm": (2, ("ACM", "Certificate Manager", "AWS Certificate Manager")),
    "backup": (3, ("AWS Backup",)),
    "batch": (2, ("AWS Batch",)),
    "config": (2, ("AWS Config",)),
    "guardduty": (2, ("GuardDuty", "Amazon GuardDuty")),
    "securityhub": (2, ("Security Hub", "AWS Security Hub")),
    "wafv2": (2, ("WAF", "AWS WAF V2", "WAFv2")),
    "elasticmapreduce": (2, ("EMR", "Amazon EMR")),
    "es": (2, ("OpenSearch Service", "Amazon OpenSearch Service")),
    "kafka": (2, ("MSK", "Amazon MSK")),
    "organizations": (2, ("AWS Organizations", "Organizations")),
    "sts": (2, ("STS", "the Security Token Service")),
    "ses": (2, ("SES", "Amazon SES")),
    "transfer": (2, ("Transfer Family", "AWS Transfer Family")),
    "dms": (2, ("DMS", "Database Migration Service")),
    "datasync": (2, ("DataSync", "AWS DataSync")),
    "lakeformation": (2, ("Lake Formation", "AWS Lake Formation")),
    "quicksight": (2, ("QuickSight", "Amazon QuickSight")),
    "xray": (2, ("X-Ray", "AWS X-Ray")),
    "iot": (2, ("IoT Core", "AWS IoT")),
    "rekognition": (2, ("Rekognition", "Amazon Rekognition")),
    "transcribe": (1, ("Transcribe", "Amazon Transcribe")),
    "textract": (1, ("Textract", "Amazon Textract")),
    "appsync": (2, ("AppSync", "AWS AppSync")),
    "elasticbeanstalk": (2, ("Elastic Beanstalk", "Beanstalk")),
    "budgets": (1, ("AWS Budgets",)),
    "ce": (1, ("Cost Explorer", "AWS Cost Explorer")),
    "servicecatalog": (1, ("Service Catalog",)),
    "ram": (1, ("Resource Access Manager", "AWS RAM")),
    "fsx": (1, ("FSx", "Amazon FSx")),
    "mq": (1, ("Amazon MQ",)),
}

# Actions of these are HTTP verbs, or the service does nothing that an operation name tells.
UNSPOKEN = frozenset({"apigateway", "codedeploy-commands-secure", "account", "awsconnector", "iq", "iq-permission"})

PEOPLE: tuple[tuple[str, bool], ...] = (  # (who, plural)
    ("the data team", False), ("our data engineers", True), ("developers", True), ("the dev team", False),
    ("the finance team", False), ("the security team", False), ("auditors", True), ("an external auditor", False),
    ("the on-call engineer", False), ("on-call engineers", True), ("our analysts", True), ("the support team", False),
    ("the platform team", False), ("the QA team", False), ("contractors", True), ("the marketing team", False),
    ("a junior developer", False), ("the release manager", False), ("network administrators", True),
    ("the database administrators", True), ("data scientists", True), ("the compliance officer", False),
    ("the operations team", False), ("interns", True), ("the mobile team", False), ("site reliability engineers", True),
    ("the billing team", False), ("the help desk", False), ("our ML engineers", True), ("the web team", False),
)  # fmt: skip
PROGRAMS: tuple[tuple[str, bool], ...] = (
    ("the app", False), ("our application", False), ("the backend", False), ("the billing service", False),
    ("the reporting job", False), ("the nightly batch job", False), ("the CI pipeline", False),
    ("the checkout service", False), ("the order processor", False), ("our web servers", True),
    ("the import script", False), ("the worker nodes", True), ("the monitoring agent", False),
    ("the ingestion service", False), ("the cleanup script", False), ("this role", False), ("the application role", False),
    ("the microservice", False), ("the containers", True), ("the automation account", False), ("the sync job", False),
    ("the image resizer", False), ("the recommendation engine", False), ("the notification service", False),
    ("the migration tool", False), ("the partner integration", False), ("the inventory service", False),
)  # fmt: skip
JOBS = (
    "data analyst", "data engineer", "backend developer", "DevOps engineer", "site reliability engineer",
    "security engineer", "cloud administrator", "machine learning engineer", "QA tester", "support agent",
    "database administrator", "release manager", "finance analyst", "mobile developer", "system administrator",
    "compliance auditor", "network engineer", "platform engineer", "product owner", "frontend developer",
)  # fmt: skip
REASONS = (
    "I can do my daily work", "I can finish the migration", "we can close the audit finding",
    "I can investigate incidents", "the nightly reports stay up to date", "the release is not blocked",
    "I can help our customers", "we can automate the routine tasks", "the dashboards keep working",
    "I do not have to ask an administrator every time", "we can test the new feature", "the team can move faster",
)  # fmt: skip

TOPICS = (
    "orders", "invoices", "billing", "payments", "customers", "users", "sessions", "inventory", "reports", "analytics",
    "images", "uploads", "backups", "audit", "events", "clickstream", "telemetry", "catalog", "checkout", "shipping",
    "search", "media", "video", "metrics", "notifications", "email", "jobs", "tickets", "documents", "contracts",
    "payroll", "leads", "marketing", "fraud", "loyalty", "returns", "pricing", "sensors", "fleet", "weather",
    "training", "models", "features", "exports", "imports", "archive", "thumbnails", "receipts", "claims", "bookings",
)  # fmt: skip
COMPANIES = ("acme", "globex", "initech", "umbra", "northwind", "contoso", "hooli", "lumen", "octan", "vandelay",
             "bluebird", "redwood", "tidal", "summit", "zephyr", "corp", "mycompany", "kestrel")  # fmt: skip
STAGES = ("prod", "dev", "staging", "test", "qa", "sandbox", "production", "eu", "us", "main", "v2", "shared", "internal")
REGIONS = ("us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1",
           "eu-north-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "ap-south-1", "ca-central-1",
           "sa-east-1", "eu-south-1", "af-south-1", "me-south-1")  # fmt: skip
ACCOUNTS = ("111122223333", "123456789012", "444455556666", "210987654321", "777788889999", "555566667777",
            "999988887777", "112233445566", "333344445555", "222233334444", "888899990000", "666677778888")  # fmt: skip
ROLES = ("deploy", "ci-deployer", "app-server", "lambda-exec", "ecs-task", "glue-service", "etl-runner", "data-reader",
         "backup-operator", "sagemaker-exec", "batch-worker", "web-app", "ingest", "reporting", "support-readonly",
         "OrderProcessorRole", "AnalyticsRole", "DeployRole", "AppInstanceRole", "PipelineRole", "AuditRole",
         "IngestionRole", "ReportingRole", "DataLakeRole", "TransferRole")  # fmt: skip
CIDRS = ("203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24", "10.0.0.0/8", "10.20.0.0/16", "172.16.0.0/12",
         "192.168.0.0/16", "203.0.113.128/25", "198.51.100.17/32", "192.0.2.44/32", "10.1.2.0/24", "203.0.113.5/32",
         "172.31.0.0/16", "192.168.10.0/24", "198.51.100.64/26", "10.42.0.0/16", "2001:db8:1234::/48")  # fmt: skip
TAGS = (
    ("Environment", ("production", "staging", "dev", "test")), ("Project", ("apollo", "phoenix", "atlas", "mercury")),
    ("Team", ("data", "platform", "payments", "web")), ("Department", ("finance", "engineering", "marketing")),
    ("CostCenter", ("1234", "4711", "9000")), ("Owner", ("alice", "data-team", "platform-team")),
    ("Application", ("checkout", "billing", "portal")), ("Classification", ("public", "internal", "confidential")),
    ("Stage", ("prod", "beta", "gamma")), ("Backup", ("daily", "weekly")),
)  # fmt: skip
