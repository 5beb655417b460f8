"""Requests to try, one a kind: what the generator offers ready to draft."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """A ready request; `title` is what the menu says, the kind of the request first."""

    title: str
    text: str


EXAMPLES = (
    Request("Read: one bucket", "Allow the app to read objects in the bucket acme-invoices"),
    Request("Write: one table", "Let the importer put and update items in the DynamoDB table orders, nothing else"),
    Request("Casual: a queue", "my lambda just needs to pull messages off the jobs queue and delete them"),
    Request("Formal: read only", "The auditor shall be granted read-only access to IAM users, groups and policies."),
    Request("Condition: MFA", "Allow stopping EC2 instances, but only when signed in with MFA"),
    Request("Condition: network", "Read the bucket hr-records only from the addresses 203.0.113.0/24"),
    Request("Condition: encryption in transit", "Allow uploads to the bucket acme-ingest only over TLS"),
    Request("Condition: tags", "Start and stop only the instances that are tagged team=data"),
    Request("Deny: a guard", "Deny deleting any CloudTrail trail"),
    Request("Deny: read-only except", "Read everything in S3 except the bucket payroll"),
    Request(
        "Several services: a deployment",
        "The deploy role updates the Lambda function checkout, uploads to the bucket builds and reads its logs",
    ),
    Request(
        "Bucket policy: a principal",
        "Bucket policy: let the role ingest of the account 111122223333 put and delete objects in acme-ingest",
    ),
    Request("Report: a managed policy's name", "Provide an IAM policy for Amazon Kinesis Read Only Access"),
)
