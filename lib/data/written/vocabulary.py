"""The names that written examples speak of: people and programs, businesses' names for things, places.

Only tables. Everything drawn from them is invented; account ids, address ranges and organisation ids are of the
kinds that AWS and the IETF set aside for documentation, or private.
"""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split(", "))


# Who asks or acts: in the plural exactly when the last letter is an "s".
PEOPLE = _listed(
    "the data team, our data engineers, developers, the dev team, the finance team, the security team, auditors, "
    "an external auditor, the on-call engineer, on-call engineers, our analysts, the support team, "
    "the platform team, the QA team, contractors, the marketing team, a junior developer, the release manager, "
    "network administrators, the database administrators, data scientists, the compliance officer, "
    "the operations team, interns, the mobile team, site reliability engineers, the billing team, the help desk, "
    "our ML engineers, the web team"
)
PROGRAMS = _listed(
    "the app, our application, the backend, the billing service, the reporting job, the nightly batch job, "
    "the CI pipeline, the checkout service, the order processor, our web servers, the import script, "
    "the worker nodes, the monitoring agent, the ingestion service, the cleanup script, this role, "
    "the application role, the microservice, the containers, the automation account, the sync job, "
    "the image resizer, the recommendation engine, the notification service, the migration tool, "
    "the partner integration, the inventory service"
)
JOBS = _listed(
    "data analyst, data engineer, backend developer, DevOps engineer, site reliability engineer, "
    "security engineer, cloud administrator, machine learning engineer, QA tester, support agent, "
    "database administrator, release manager, finance analyst, mobile developer, system administrator, "
    "compliance auditor, network engineer, platform engineer, product owner, frontend developer"
)
REASONS = (
    "I can do my daily work",
    "I can finish the migration",
    "we can close the audit finding",
    "I can investigate incidents",
    "the nightly reports stay up to date",
    "the release is not blocked",
    "I can help our customers",
    "we can automate the routine tasks",
    "the dashboards keep working",
    "I do not have to ask an administrator every time",
    "we can test the new feature",
    "the team can move faster",
)

TOPICS = _words(
    "orders invoices billing payments customers users sessions inventory reports analytics images uploads backups "
    "audit events clickstream telemetry catalog checkout shipping search media video metrics notifications email jobs "
    "tickets documents contracts payroll leads marketing fraud loyalty returns pricing sensors fleet weather training "
    "models features exports imports archive thumbnails receipts claims bookings"
)
COMPANIES = _words(
    "acme globex initech umbra northwind contoso hooli lumen octan vandelay bluebird redwood tidal summit zephyr corp "
    "mycompany kestrel"
)
STAGES = _words("prod dev staging test qa sandbox production eu us main v2 shared internal")
REGIONS = _words(
    "us-east-1 us-east-2 us-west-1 us-west-2 eu-west-1 eu-west-2 eu-west-3 eu-central-1 eu-north-1 ap-southeast-1 "
    "ap-southeast-2 ap-northeast-1 ap-south-1 ca-central-1 sa-east-1 eu-south-1 af-south-1 me-south-1"
)
ACCOUNTS = _words(
    "111122223333 123456789012 444455556666 210987654321 777788889999 555566667777 999988887777 112233445566 "
    "333344445555 222233334444 888899990000 666677778888"
)
ROLES = _words(
    "deploy ci-deployer app-server lambda-exec ecs-task glue-service etl-runner data-reader backup-operator "
    "sagemaker-exec batch-worker web-app ingest reporting support-readonly OrderProcessorRole AnalyticsRole "
    "DeployRole AppInstanceRole PipelineRole AuditRole IngestionRole ReportingRole DataLakeRole TransferRole"
)
CIDRS = _words(
    "203.0.113.0/24 198.51.100.0/24 192.0.2.0/24 10.0.0.0/8 10.20.0.0/16 172.16.0.0/12 192.168.0.0/16 "
    "203.0.113.128/25 198.51.100.17/32 192.0.2.44/32 10.1.2.0/24 203.0.113.5/32 172.31.0.0/16 192.168.10.0/24 "
    "198.51.100.64/26 10.42.0.0/16 2001:db8:1234::/48"
)
TAGS = (
    ("Environment", ("production", "staging", "dev", "test")),
    ("Project", ("apollo", "phoenix", "atlas", "mercury")),
    ("Team", ("data", "platform", "payments", "web")),
    ("Department", ("finance", "engineering", "marketing")),
    ("CostCenter", ("1234", "4711", "9000")),
    ("Owner", ("alice", "data-team", "platform-team")),
    ("Application", ("checkout", "billing", "portal")),
    ("Classification", ("public", "internal", "confidential")),
    ("Stage", ("prod", "beta", "gamma")),
    ("Backup", ("daily", "weekly")),
)
