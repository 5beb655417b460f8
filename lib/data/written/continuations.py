"""What may follow the opening of an instruction: further wants, denials, exceptions, and where it all is.

Only tables, with the slots of openers.py; {it}, {It} and {needs} speak of the principal again.
"""

AND = (
    "Also allow {ger}.",
    "In addition, allow {ger}.",
    "Besides, {ger} must work.",
    "The policy must cover {ger} as well.",
    "The same goes for {ger}.",
    "Furthermore, permit {ger}.",
    "Add permissions for {ger}, too.",
    "{It} should also be able to {vp}.",
    "{It} also {needs} to {vp}.",
    "On top of that, {it} must be able to {vp}.",
    "Apart from that, {it} {needs} to {vp}.",
    "{It} will also have to {vp}.",
)
BANS = (
    "Never allow {ger} {unless}.",
    "Explicitly deny {ger} {unless}.",
    "Deny {ger} {unless}.",
    "Block {ger} {unless}.",
    "However, {ger} must be denied {unless}.",
    "{Ger} must stay forbidden {unless}.",
    "But deny {ger} {unless}.",
    "Make sure that nobody with this policy can {vp} {unless}.",
    "Put an explicit deny on {ger} {unless}.",
)
BAN_TAILS = (
    ", but explicitly deny {ger} {unless}",
    ", but deny {ger} {unless}",
    ", and deny {ger} {unless}",
    "; deny {ger} {unless}",
    ", with an explicit deny on {ger} {unless}",
)
EXCEPT = (
    " except {ger}",
    ", except for {ger}",
    ", with the exception of {ger}",
    " apart from {ger}",
    ", but deny {ger}",
    ", though {ger} must be denied",
)
EXCEPT_SENTENCES = (
    "The exception: {ger} must be denied.",
    "Only {ger} is off limits and should be denied.",
    "Deny {ger}, though.",
    "But explicitly deny {ger}.",
)
BUT = (", except {ger}", ", except for {ger}", ", everything but {ger}", ", apart from {ger}", ", leaving out {ger}")
PLACES = {
    "both": (
        "Everything is in {region}, account {account}.",
        "The resources live in account {account} in {region}.",
        "Account is {account}, region {region}.",
        "All of that in {region} (account {account}).",
    ),
    "region": ("The region is {region}.", "Everything runs in {region}.", "All of it lives in {region}."),
    "account": (
        "The account is {account}.",
        "Our account number is {account}.",
        "All of it belongs to account {account}.",
    ),
}
