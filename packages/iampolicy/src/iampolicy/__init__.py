"""The IAM policy language, in pure Python: knows no model, no notebook and no AWS account."""
