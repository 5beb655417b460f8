"""Verb phrases for actions without an idiom: from the catalogue's description, or from the operation's own name.

An action comes in; a phrase such as "list the tags of a fleet" goes out, or None where the text does not yield one
that can be trusted. The reference has rows copied from a neighbour, so a phrase must agree with the operation.
"""

import re
from collections.abc import Iterable
from functools import cache

from iampolicy.catalogue import Action, load
from lib.data.written.words import article, is_countable, plural, split_name, word_set

_VERBS = word_set(
    "list create delete update get retrieve describe return start view remove add associate modify "
    "disassociate stop cancel enable set tag search send untag invoke put register disable read attach "
    "generate initiate accept deregister change import configure reject use restore export check request "
    "obtain detach detect fetch reset copy apply upload terminate submit test insert revoke activate validate "
    "assign call notify run verify display publish access deactivate download connect perform reboot query "
    "execute make complete purchase specify provision define move share replace resume authorize permanently "
    "write close evaluate replicate link disconnect manage approve mark show post confirm pause release lock "
    "unlock merge split sign encrypt decrypt rotate scan schedule subscribe unsubscribe transfer upgrade "
    "allocate deallocate unassign promote refresh rename resolve respond retry rollback record enroll "
    "unenroll deploy undeploy invite leave join issue analyze translate synthesize convert classify compare "
    "predict forecast index ingest label build clone commit cast abort acknowledge archive unarchive poll "
    "purge receive rebuild reboot recover redrive renew unlink switch tail undo withdraw authenticate decline "
    "deliver discover edit enumerate estimate extend failover find finalize forward grant initialize inspect "
    "install launch lookup opt pull push rebalance redact reactivate reassign reprocess resend rerun review "
    "simulate suspend swap sync track unlock unsubscribe wait"
)
_CUT = re.compile(
    r"\s*(,| that | which | so that | in order to | such as | including | based on | if | when | where | whose "
    r"| by \w+ing\b| using | without | once | after | before | along with | as well as | owned by | and the | and its "
    r"| and their | via | through | to which | for which | in which | from which | as part of | regardless "
    r"| on behalf| within | with (the )?(specified |given )?names?\b| for use |--| - ).*$"
)
_LEAVE = re.compile(
    r" (in|for|of|from|with|to|on|across|under|by)( an?| the| your| my| this| a specified| the specified| the current| "
    r"all your)* ?(AWS )?(accounts?|Region|region|caller|AWS region|AWS Region|request|organization)\b.*$"
    r"| (associated with|belonging to|owned by|available (in|to)) (your|the|an|a) .*$"
    r"| (in|from|for|to|on|of|with) (the )?(Amazon|AWS) [A-Z][\w ]+$"
)
_ODD = re.compile(
    r"[<>{}\[\]/\\|=`\"$%@#*!?:]|\d{3}|\be\.?g\b|\bi\.?e\b|\boperation\b|permission|\bAPI\b|deprecated|\bbatch of 1\b|"
    r"resource-level|internal|enables? |optionally|\byou\b|\bwill\b|\bcan\b|\bshould\b|\bmust\b|request to|ability|"
    r"one's|'s self|and return|[^s]s an? \w+$|"
    r"\badd to\b|\b(and|or) (start|stop|return|create|delete|get|update|add|remove|set)s\b",
    re.IGNORECASE,
)
_DANGLING = re.compile(
    r"(?:\s+(?:a|an|the|of|for|to|in|on|with|and|or|by|from|as|at|its|your|their|one|specified|given|all|is|"
    r"are|required|connected|to be|created|used|owned|associated|defined|registered|available|returned|within|"
    r"detected))+$"
)
_STOP = word_set(
    "a an the of for to in on with and or by from as at its your their one more specified given all is are "
    "aws amazon get list create delete update describe put retrieve return view existing new information "
    "about multiple"
)
_THIRD = {
    "returns": "return",
    "lists": "list",
    "creates": "create",
    "deletes": "delete",
    "gets": "get",
    "updates": "update",
    "describes": "describe",
    "retrieves": "retrieve",
    "retireve": "retrieve",
    "adds": "add",
    "removes": "remove",
    "starts": "start",
    "stops": "stop",
    "sends": "send",
    "enables": "enable",
    "disables": "disable",
    "sets": "set",
    "modifies": "modify",
    "generates": "generate",
    "puts": "put",
    "configures": "configure",
    "restores": "restore",
    "searches": "search",
    "applies": "apply",
    "cancels": "cancel",
    "invokes": "invoke",
    "registers": "register",
    "attaches": "attach",
    "listing": "list",
    "creating": "create",
    "deleting": "delete",
    "tags": "tag",
    "imports": "import",
    "associates": "associate",
    "disassociates": "disassociate",
    "exports": "export",
    "copies": "copy",
}
# Operation verbs whose sentence may not begin with these: the catalogue has rows copied from a neighbour.
_KINDS_OF_VERB = {
    "delete": {"delete", "remove", "permanently"},
    "create": {
        "create",
        "add",
        "make",
        "generate",
        "start",
        "set",
        "register",
        "initiate",
        "provision",
        "request",
        "configure",
        "define",
        "build",
        "launch",
        "submit",
        "issue",
        "upload",
        "run",
    },
    "list": {
        "list",
        "get",
        "retrieve",
        "return",
        "view",
        "enumerate",
        "display",
        "read",
        "fetch",
        "describe",
        "show",
        "search",
    },
    "get": {
        "get",
        "retrieve",
        "return",
        "view",
        "read",
        "fetch",
        "describe",
        "obtain",
        "list",
        "show",
        "check",
        "download",
        "display",
        "access",
        "query",
        "poll",
        "inspect",
    },
    "describe": {"describe", "get", "retrieve", "return", "view", "list", "read", "fetch", "obtain", "show", "display"},
    "update": {"update", "modify", "change", "edit", "set", "replace", "configure", "add", "enable"},
    "stop": {"stop", "cancel", "terminate", "abort"},
    "untag": {"untag", "remove", "delete"},
    "tag": {"tag", "add", "assign", "set", "attach", "create", "put", "apply"},
}


_ENDING = re.compile(r"(ies|es|s|ing|ed|e|y)$")


@cache
def _stem(word: str) -> str:
    low = word.lower()
    return "" if low in _STOP else _ENDING.sub("", low)[:6]


def stems(words: Iterable[str]) -> set[str]:
    return {_stem(word) for word in words} - {""}


_PREAMBLE = re.compile(
    r"^(controls? permissions?|grants? access|allows? (you|users?|callers?|principals?)|permits?|provides? "
    r"(permissions?|access)|the ability|permission)( to| for)?\s+",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"\.\s|\.$|;")
_ASIDE = re.compile(r"\s*\([^)]*\)")
_VAGUE = re.compile(
    r"\b(?:specified|specific|given|existing|provided|requested|particular|previously provisioned|exportable) "
)
_COLLECTED = re.compile(r"^(?:an array|a list|the list|list|a set|the set|a collection|a paginated list) of (?:all )?")
_YOUR = re.compile(r"( |^)your ")
_OWN = re.compile(r"^(?:the|your) (\w+(?: \w+)?)$")
_ARTICLE = re.compile(r"\b(an?) (\w\w+)")
_MANY = re.compile(  # "an actions scheduled", but "an alias" and "a lens"
    r"\ban? ((?:(?!(?:of|for|from|in|on|to|by|with|and|or)\b)\w+ ){0,2}[a-z]+(?<![suia])(?<!len)(?<!serie)s)"
    r"(?=$| (?:of|for|from|in|on|to|by|with|scheduled|stored)\b)"
)
_BARE = re.compile(
    r"(?!an? |the |or |and |one |all |each |any |more |single )[\w-]+"
    r"(?: (?!(?:of|for|to|in|on|from|with|by|as|at|about|and|or|per|between|against|into|over|a|an|the)\b)[\w-]+){0,3}"
)
_PREPOSITION = re.compile(r"$| (of|for|from|in|on|to|by|with|as|at|into)\b")
_TWICE = re.compile(r"\b(\w+) \1\b|\b(is|are|was|has|have)\b")


def _without_service(text: str, service: str) -> str:
    """The text without the service's title before a noun: "an Amazon S3 bucket" -> "an bucket", mended later."""
    title = load().services[service].title
    return re.sub(rf"\b(?:{re.escape(title)}|(?:Amazon|AWS) {re.escape(_MAKER.sub('', title))}) (?=[a-z])", "", text)


_MAKER = re.compile(r"^(Amazon|AWS) ")


def _lowered(text: str, operation: tuple[str, ...]) -> str:
    """The text with the capitals gone that the reference gives to the words of an operation: "a Connection token"."""
    own = {form for word in operation for form in (word, plural(word), word.removesuffix("s")) if word.islower()}
    return " ".join(w.lower() if w.istitle() and w.lower() in own else w for w in text.split())


def described(action: Action) -> str | None:
    """The catalogue's description cut down to a short verb phrase; None if it does not yield a trustworthy one."""
    text = _ASIDE.sub("", _SENTENCE_END.split(_PREAMBLE.sub("", action.purpose), maxsplit=1)[0])
    verb = text.partition(" ")[0].lower()
    verb = _THIRD.get(verb, verb)
    if verb not in _VERBS or verb == "permanently" or not text.isascii():
        return None
    operation = split_name(action.operation)
    expected = _KINDS_OF_VERB.get(operation[0])
    if expected and verb not in expected:
        return None
    text = _LEAVE.sub("", _LEAVE.sub("", _CUT.sub("", text)))
    if _ODD.search(text):
        return None
    rest = _VAGUE.sub("", _YOUR.sub(r"\1", text.partition(" ")[2].strip(" ,.")))
    rest = _COLLECTED.sub("", _without_service(_lowered(rest, operation), action.service))
    rest = _OWN.sub(lambda m: article(m[1]) if is_countable(m[1]) else m[1], rest)
    rest = _MANY.sub(r"\1", rest)
    rest = _ARTICLE.sub(lambda m: article(m[2]), rest)
    rest = _DANGLING.sub("", f" {rest}").strip()
    bare = _BARE.match(rest)
    if bare and is_countable(bare[0]) and _PREPOSITION.match(rest, bare.end()):
        rest = article(rest)
    words = rest.split()
    if not 1 <= len(words) <= 9 or _TWICE.search(rest) or words[0] in _VERBS - _NOUNS_TOO:
        return None
    wanted, got = stems(operation[1:]), stems(words)
    if "tag" in wanted - got or not wanted or len(wanted & got) < max(1, (len(wanted) + 1) // 2):
        return None
    return f"{verb} {' '.join(words)}"


_VARIANTS = word_set("EC2 S3 EFS FSx NFS SMB HDFS SAP")  # "CreateLocationS3" does not create S3s
_CONNECTOR = re.compile(r" (for|by|from|to|in|with|of|on|and|as) ")
_NOUNS_TOO = word_set(
    "index request label test build query link record share scan access track view tag import export set "
    "forecast run schedule review release change search"
)


def from_name(action: Action) -> str | None:
    """The operation's name as a verb phrase: "DescribeLogGroups" -> "describe log groups"; None if it is none."""
    verb, *rest = split_name(action.operation)
    if verb not in _VERBS or not 1 <= len(rest) <= 5 or any(len(w) == 1 or not w.isascii() for w in rest):
        return None
    if any(w in _VERBS and w not in _NOUNS_TOO for w in rest) or _VARIANTS & set(rest[1:]) or rest[-1][-1].isdigit():
        return None
    parts = _CONNECTOR.split(" ".join(rest))
    parts[0] = plural(parts[0])
    if len(parts) > 1 and parts[-2] != "by" and not parts[-1].isupper():
        parts[-1] = plural(parts[-1])
    if any(not p for p in parts) or _TWICE.search(" ".join(parts).replace("s ", " ")):
        return None
    return f"{verb} {' '.join(parts)}"
