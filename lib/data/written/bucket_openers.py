"""How an instruction for a bucket policy begins, by style: requests and denials.

Only tables, with the slots of openers.py. {bucket} is there exactly when the clauses call the bucket "it".
"""

BUCKET_OPENERS: dict[str, tuple[str, ...]] = {
    "casual": (
        "need a bucket policy for {bucket} so {who} can {vp}",
        "bucket policy for {bucket} pls, {who} should be able to {vp}",
        "hey, in a bucket policy let {who} {vp}",
    ),
    "plain": (
        "Write a bucket policy for {bucket} that lets {who} {vp}.",
        "The bucket policy of {bucket} should allow {who} to {vp}.",
        "Bucket policy: allow {who} to {vp}.",
        "Create a bucket policy that allows {who} to {vp}.",
        "For {bucket}, create a bucket policy that lets {who} {vp}.",
    ),
    "terse": (
        "bucket policy for {bucket}: {who} may {vp}",
        "bucket policy: {who} may {vp}",
        "policy on {bucket} - {who}: {vp}",
    ),
    "formal": (
        "The bucket policy of {bucket} shall permit {who} to {vp}.",
        "Please provide a bucket policy under which {who} may {vp}.",
        "A resource-based policy on {bucket} shall authorize {who} to {vp}.",
    ),
    "first person": (
        "I need a bucket policy on {bucket} that lets {who} {vp}.",
        "We share {bucket} with others: {who} should be able to {vp}, by bucket policy.",
        "I want a bucket policy that allows {who} to {vp}.",
    ),
    "question": (
        "Can you write a bucket policy for {bucket} that allows {who} to {vp}?",
        "What bucket policy lets {who} {vp}?",
        "How do I let {who} {vp} with a bucket policy?",
        "How should the bucket policy of {bucket} look if {who} must be able to {vp}?",
    ),
    "user story": (
        "As {job}, I want a bucket policy on {bucket} so that {who} can {vp}.",
        "As the bucket owner, I want a bucket policy that lets {who} {vp}.",
    ),
    "imperative": (
        "Attach a policy to {bucket} that lets {who} {vp}.",
        "Draft a bucket policy which allows {who} to {vp}.",
        "Generate an S3 bucket policy for {bucket}: {who} may {vp}.",
    ),
    "ticket": (
        "Bucket policy request for {bucket}: {who} must be able to {vp}.",
        "[S3] Bucket policy: let {who} {vp}.",
    ),
    "bullets": ("Bucket policy for {bucket}. {Who} may:", "Bucket policy; {who} should be able to:"),
}
BUCKET_DENIALS: dict[str, tuple[str, ...]] = {
    "casual": (
        "bucket policy for {bucket} pls: nobody may {vp} {unless}",
        "in the bucket policy, block {ger} {unless}, for everyone",
    ),
    "plain": (
        "Write a bucket policy for {bucket} that denies everyone {ger} {unless}.",
        "Bucket policy: deny {ger} {unless}, for all principals.",
        "In the bucket policy of {bucket}, deny {ger} {unless}, whoever asks.",
    ),
    "terse": (
        "bucket policy for {bucket}: deny everyone {ger} {unless}",
        "bucket policy, deny {ger} {unless} (all principals)",
    ),
    "formal": (
        "The bucket policy of {bucket} shall deny all principals the right to {vp} {unless}.",
        "By bucket policy, {ger} shall be denied to everyone {unless}.",
    ),
    "first person": (
        "I need a bucket policy for {bucket} so that nobody can {vp} {unless}.",
        "We want a bucket policy that denies everybody {ger} {unless}.",
    ),
    "question": (
        "What bucket policy for {bucket} denies everyone {ger} {unless}?",
        "Can you write a bucket policy so that nobody can {vp} {unless}?",
    ),
    "user story": (
        "As {job}, I want the bucket policy of {bucket} to deny everyone {ger} {unless}.",
        "As the bucket owner, I want a bucket policy that denies everybody {ger} {unless}.",
    ),
    "imperative": (
        "Draft a bucket policy for {bucket} that denies everyone {ger} {unless}.",
        "Generate a bucket policy which stops everybody from {ger} {unless}.",
    ),
    "ticket": (
        "[S3] Harden the bucket policy of {bucket}: deny everyone {ger} {unless}.",
        "Bucket policy change: nobody may {vp} {unless}.",
    ),
    "bullets": (
        "Bucket policy for {bucket}: deny everyone, {unless}, to",
        "Bucket policy; deny all principals {unless}:",
    ),
}
