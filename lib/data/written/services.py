"""What people call AWS services, and how often the popular ones are asked about.

Only tables.
"""

from lib.data.written.words import word_set

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
    "ecr": (5, ("ECR", "Amazon ECR")),
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
    "elasticloadbalancing": (3, ("Elastic Load Balancing", "ELB")),
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
    "sts": (2, ("STS", "Security Token Service")),
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

# Titles of the reference that nobody would say.
TITLES = {
    "private-networks": "AWS Private 5G",
    "odb": "Oracle Database@AWS",
    "sso-oauth": "IAM Identity Center OIDC",
    "sso": "AWS IAM Identity Center",
    "elasticmapreduce": "EMR",
    "bedrock-mantle": "Bedrock Mantle",
    "aidevops": "AWS DevOps Agent",
    "arc-zonal-shift": "ARC zonal shift",
    "rolesanywhere": "IAM Roles Anywhere",
    "mgn": "Application Migration Service (MGN)",
    "pricingplanmanager": "AWS PricingPlanManager",
    "bcm-recommended-actions": "Billing recommended actions",
    "codedeploy-commands-secure": "CodeDeploy secure host commands",
    "uxc": "User Experience Customization",
    "wam": "WorkSpaces Application Manager",
    "apigateway": "API Gateway management",
    "ts": "AWS Diagnostic tools",
    "ecs-mcp": "ECS MCP",
    "account": "AWS Account Management",
}

# Services with one endpoint for all regions: a condition on the region would not mean what it says.
GLOBAL = word_set(
    "account artifact aws-portal billing bcm-data-exports budgets ce chatbot cloudfront consolidatedbilling cur "
    "freetier globalaccelerator health iam invoicing networkmanager organizations payments pricing route53 "
    "route53domains route53-recovery-control-config savingsplans shield support supportplans sustainability tax "
    "trustedadvisor waf"
)
