"""Drafts into English: openers by style, where the conditions and denials stand, lists and bullets.

A Draft and a style come in; a Saying goes out: the instruction and the id of the sentence shape it has. An opener is
a row of a table with slots for who, what and why; it is chosen among those that fit the draft.
"""

import re
from dataclasses import dataclass
from random import Random

from lib.data.written import vocabulary
from lib.data.written.drafts import Ban, Draft
from lib.data.written.wants import Want
from lib.data.written.words import listed, upper_first

# Slots: {who} {Who} {need} {be} {do} {vp} {ger} {np} {job} {Job} {reason} {bucket} {svc}
OPENERS: dict[str, tuple[str, ...]] = {
    "casual": (
        "hey, {who} {need} to {vp}", "hi! can you let {who} {vp}?", "just need something so {who} can {vp}",
        "pls let {who} {vp}", "quick one: {who} should be able to {vp}", "so basically {who} {need} to {vp}",
        "need a policy so that {who} can {vp}, thanks!", "gimme a policy to {vp}", "{who} {be} stuck, let them {vp}",
        "hey, need to {vp}", "need {np} for {who}", "hey can {who} get {np}?", "yo, what policy do I need to {vp}?",
        "ok so I want to {vp}, nothing else", "can we give {who} {np}?",
    ),
    "plain": (
        "Allow {who} to {vp}.", "Let {who} {vp}.", "{Who} {need} to {vp}.", "{Who} should be able to {vp}.",
        "Give {who} permission to {vp}.", "Create a policy that allows {who} to {vp}.", "Write a policy so that {who} can {vp}.",
        "Grant {who} {np}.", "{Who} {need} {np}.", "A policy that lets {who} {vp}.", "Make it possible for {who} to {vp}.",
        "{Who} must be able to {vp}.", "Create an IAM policy with {np} for {who}.", "Allow {ger}.", "Grant {np}.",
        "Enable {who} to {vp}.",
    ),
    "terse": (
        "{vp}", "allow: {vp}", "{who}: {vp}", "policy: {vp}", "permission to {vp}", "{np}", "{np} for {who}",
        "IAM policy to {vp}", "{who} - {np}", "allow {ger}", "minimal policy to {vp}", "{who} -> {vp}", "policy for {ger}",
    ),
    "formal": (
        "The principal shall be permitted to {vp}.", "{Who} shall be authorized to {vp}.",
        "Please provide an IAM policy that grants {who} the right to {vp}.", "It is requested that {who} be allowed to {vp}.",
        "The policy shall permit {who} to {vp}.", "Kindly draft a policy under which {who} may {vp}.",
        "In accordance with least privilege, {who} may {vp}.", "{Who} {be} to be granted {np}.",
        "The following authorization is required: {who} may {vp}.", "The policy shall grant {np} to {who}.",
        "Authorization to {vp} is to be granted to {who}.", "{Who} may {vp}; no further rights are to be granted.",
    ),
    "first person": (
        "I need to {vp}.", "I want to {vp}.", "I have to {vp} and lack the permissions for it.", "I would like to {vp}.",
        "We need to {vp}.", "I am setting up a role that can {vp}.", "I'm writing a policy that lets {who} {vp}.",
        "We want {who} to {vp}.", "I'd like {who} to be able to {vp}.", "My team needs to {vp}.", "I need {np}.",
        "We are looking for {np}.", "I need {np} for {who}.", "Our job requires us to {vp}.",
    ),
    "question": (
        "Can you write a policy that lets {who} {vp}?", "How do I allow {who} to {vp}?", "What policy lets {who} {vp}?",
        "Could you give {who} permission to {vp}?", "Which permissions {do} {who} need to {vp}?",
        "Is there a policy that allows {who} to {vp}?", "What would an IAM policy look like that lets {who} {vp}?",
        "Could {who} please get {np}?", "How can I grant {np} to {who}?", "Can {who} be allowed to {vp}?",
        "What is the least privilege policy for {ger}?", "Would you draft a policy so that {who} can {vp}?",
    ),
    "user story": (
        "As {job}, I need to {vp} so that {reason}.", "As {job}, I want to {vp}.", "As {job} I have to {vp}, so that {reason}.",
        "I am {job} and need to {vp}.", "As {job}, I would like to {vp}.",
        "As {job}, I need {np} so that {reason}.", "Being {job}, I need to {vp}.", "As {job}, I want {np} so that {reason}.",
    ),
    "imperative": (
        "Write an IAM policy to {vp}.", "Draft a policy that makes it possible to {vp}.", "Generate an IAM policy for {ger}.",
        "Produce a least-privilege policy that allows {who} to {vp}.", "Set up permissions so {who} can {vp}.",
        "Build a policy with {np}.", "Make a policy granting {np} to {who}.", "Provide an IAM policy that allows {ger}.",
        "Compose a policy under which {who} can {vp}.", "Provide a policy for {who} to {vp}.",
        "Prepare a policy document that permits {who} to {vp}.",
    ),
    "ticket": (
        "Access request for {who}: {vp}.", "TICKET: {who} cannot {vp}. Please add the permissions.",
        "Request: {np} for {who}.", "Permission request. Who: {who}. What: {vp}.", "[Access] {Who} {need} to {vp}.",
        "Please update IAM: {who} {need} to {vp}. Reason: {reason}.", "Change request: allow {who} to {vp}.",
        "Subject: permissions for {who}. Required: {vp}.", "Story: {who} should {vp}. Done when the policy is attached.",
        "Requester: {who}. Needs {np}.", "AccessDenied again: {who} must be able to {vp}.",
    ),
    "bullets": (
        "{Who} {need} to:", "Policy for {who}:", "Please allow {who} to do the following:", "I need permissions to:",
        "Write a policy that covers these points for {who}:", "Allow:", "Required permissions:", "{Who} should be able to",
        "The role must be able to do this:", "Here is what {who} {need}:",
    ),
}  # fmt: skip
STYLES = tuple(OPENERS)
_WEIGHTS = dict(zip(STYLES, (12, 20, 9, 9, 12, 10, 8, 10, 6, 7), strict=True))

DENIALS: dict[str, tuple[str, ...]] = {
    "casual": ("don't let {who} {vp} {unless}", "make sure {who} can't {vp} {unless}", "nobody should {vp} {unless}, please block it",
               "block {ger} {unless}", "hey, pls stop {who} from {ger} {unless}"),
    "plain": ("Deny {ger} {unless}.", "Prevent {who} from {ger} {unless}.", "{Who} must not {vp} {unless}.",
              "Do not allow {who} to {vp} {unless}.", "Explicitly deny {ger} {unless}.", "Block {ger} {unless}."),
    "terse": ("deny {ger} {unless}", "deny: {vp} {unless}", "no {ger} {unless}", "block {ger} {unless}", "explicit deny: {vp} {unless}"),
    "formal": ("{Who} shall be denied the right to {vp} {unless}.", "Under no circumstances shall {who} {vp} {unless}.",
               "The policy shall explicitly deny {ger} {unless}.", "It shall be prohibited to {vp} {unless}."),
    "first person": ("I want to make sure that {who} cannot {vp} {unless}.", "I need to block {ger} {unless}.",
                     "We want to deny {ger} {unless}.", "We have to stop {who} from {ger} {unless}."),
    "question": ("How do I prevent {who} from {ger} {unless}?", "Can you write a policy that denies {ger} {unless}?",
                 "What policy stops {who} from {ger} {unless}?", "Could you block {ger} {unless}?"),
    "user story": ("As {job}, I want {ger} to be denied {unless}.", "As {job}, I want to keep {who} from {ger} {unless}, so that mistakes cannot happen.",
                   "As {job}, I need a guardrail that denies {ger} {unless}."),
    "imperative": ("Write a policy that denies {ger} {unless}.", "Draft a guardrail that stops {who} from {ger} {unless}.",
                   "Generate a deny policy: nobody may {vp} {unless}.", "Set up an explicit deny for {ger} {unless}."),
    "ticket": ("Guardrail request: deny {ger} {unless}.", "[Security] Block {who} from {ger} {unless}.",
               "Change request: explicit deny for {ger} {unless}.", "Finding: {who} can {vp} {unless}. Please deny it."),
    "bullets": ("Deny the following {unless}:", "{Who} must not {unless}:", "Explicitly forbid {unless}:"),
}  # fmt: skip

BUCKET_OPENERS: dict[str, tuple[str, ...]] = {  # {bucket} is there exactly when the clauses call the bucket "it"
    "casual": ("need a bucket policy for {bucket} so {who} can {vp}", "bucket policy for {bucket} pls, {who} should be able to {vp}",
               "hey, in a bucket policy let {who} {vp}"),
    "plain": ("Write a bucket policy for {bucket} that lets {who} {vp}.", "The bucket policy of {bucket} should allow {who} to {vp}.",
              "Bucket policy: allow {who} to {vp}.", "Create a bucket policy that allows {who} to {vp}.",
              "For {bucket}, create a bucket policy that lets {who} {vp}."),
    "terse": ("bucket policy, {bucket}: {who} may {vp}", "bucket policy: {who} may {vp}", "{bucket} bucket policy - {who}: {vp}"),
    "formal": ("The bucket policy of {bucket} shall permit {who} to {vp}.", "Please provide a bucket policy under which {who} may {vp}.",
               "A resource-based policy on {bucket} shall authorize {who} to {vp}."),
    "first person": ("I need a bucket policy on {bucket} that lets {who} {vp}.", "We share {bucket} with others: {who} should be able to {vp}, by bucket policy.",
                     "I want a bucket policy that allows {who} to {vp}."),
    "question": ("Can you write a bucket policy for {bucket} that allows {who} to {vp}?", "What bucket policy lets {who} {vp}?",
                 "How do I let {who} {vp} with a bucket policy?", "How should the bucket policy of {bucket} look if {who} must be able to {vp}?"),
    "user story": ("As {job}, I want a bucket policy on {bucket} so that {who} can {vp}.",
                   "As the bucket owner, I want a bucket policy that lets {who} {vp}."),
    "imperative": ("Attach a policy to {bucket} that lets {who} {vp}.", "Draft a bucket policy which allows {who} to {vp}.",
                   "Generate an S3 bucket policy for {bucket}: {who} may {vp}."),
    "ticket": ("Bucket policy request for {bucket}: {who} must be able to {vp}.", "[S3] Bucket policy: let {who} {vp}."),
    "bullets": ("Bucket policy for {bucket}. {Who} may:", "Bucket policy; {who} should be able to:"),
}  # fmt: skip
BUCKET_DENIALS: dict[str, tuple[str, ...]] = {
    "casual": ("bucket policy for {bucket} pls: nobody may {vp} {unless}", "in the bucket policy, block {ger} {unless}, for everyone"),
    "plain": ("Write a bucket policy for {bucket} that denies everyone {ger} {unless}.",
              "Bucket policy: deny {ger} {unless}, for all principals.", "In the bucket policy of {bucket}, deny {ger} {unless}, whoever asks."),
    "terse": ("bucket policy {bucket}: deny everyone {ger} {unless}", "bucket policy, deny {ger} {unless} (all principals)"),
    "formal": ("The bucket policy of {bucket} shall deny all principals the right to {vp} {unless}.",
               "By bucket policy, {ger} shall be denied to everyone {unless}."),
    "first person": ("I need a bucket policy for {bucket} so that nobody can {vp} {unless}.",
                     "We want a bucket policy that denies everybody {ger} {unless}."),
    "question": ("What bucket policy for {bucket} denies everyone {ger} {unless}?",
                 "Can you write a bucket policy so that nobody can {vp} {unless}?"),
    "user story": ("As {job}, I want the bucket policy of {bucket} to deny everyone {ger} {unless}.",
                   "As the bucket owner, I want a bucket policy that denies everybody {ger} {unless}."),
    "imperative": ("Draft a bucket policy for {bucket} that denies everyone {ger} {unless}.",
                   "Generate a bucket policy which stops everybody from {ger} {unless}."),
    "ticket": ("[S3] Harden the bucket policy of {bucket}: deny everyone {ger} {unless}.",
               "Bucket policy change: nobody may {vp} {unless}."),
    "bullets": ("Bucket policy for {bucket}: deny everyone, {unless}, to", "Bucket policy; deny all principals {unless}:"),
}  # fmt: skip

_AND = ("Also allow {ger}.", "In addition, allow {ger}.", "Besides, {ger} has to work.", "The policy must cover {ger} as well.",
        "The same goes for {ger}.", "Furthermore, permit {ger}.", "Add permissions for {ger}, too.",
        "{It} should also be able to {vp}.", "{It} also {needs} to {vp}.", "On top of that, {it} must be able to {vp}.",
        "Apart from that, {it} {needs} to {vp}.", "{It} will also have to {vp}.")  # fmt: skip
_BANS = ("Never allow {ger} {unless}.", "Explicitly deny {ger} {unless}.", "Deny {ger} {unless}.", "Block {ger} {unless}.",
         "However, {ger} must be denied {unless}.", "{Ger} must stay forbidden {unless}.", "But deny {ger} {unless}.",
         "Make sure that nobody with this policy can {vp} {unless}.", "Put an explicit deny on {ger} {unless}.")  # fmt: skip
_BAN_TAILS = (", but explicitly deny {ger} {unless}", ", but never to {vp} {unless}", " while {ger} stays denied {unless}",
              "; deny {ger} {unless}", ", with an explicit deny on {ger} {unless}")  # fmt: skip
_EXCEPT = (" except {ger}", ", except for {ger}", ", with the exception of {ger}", " apart from {ger}",
           ", but deny {ger}", ", though {ger} must be denied")  # fmt: skip
_EXCEPT_SENTENCES = ("The exception: {ger} must be denied.", "Only {ger} is off limits and should be denied.",
                     "Deny {ger}, though.", "But explicitly deny {ger}.")  # fmt: skip
_BUT = (", except {ger}", ", except for {ger}", ", everything but {ger}", ", apart from {ger}", ", leaving out {ger}")
_PLACES = {
    "both": ("Everything is in {region}, account {account}.", "The resources live in account {account} in {region}.",
             "Account is {account}, region {region}.", "All of that in {region} (account {account})."),
    "region": ("The region is {region}.", "Everything runs in {region}.", "All of it lives in {region}."),
    "account": ("The account is {account}.", "Our account number is {account}.", "All of it belongs to account {account}."),
}  # fmt: skip


@dataclass(frozen=True)
class Saying:
    """An instruction and the id of its shape."""

    text: str
    shape: str


def draw_style(rng: Random) -> str:
    return rng.choices(STYLES, [_WEIGHTS[s] for s in STYLES])[0]


def say(rng: Random, draft: Draft, style: str, policy_text: str) -> Saying | None:
    """Put the draft into words; None if no opener of the style fits it. `policy_text` tells which places to mention."""
    return _Speaker(rng, draft, style, policy_text).say()


class _Speaker:
    def __init__(self, rng: Random, draft: Draft, style: str, policy_text: str) -> None:
        self.rng, self.draft, self.style, self.policy_text = rng, draft, style, policy_text
        self.who, self.plural = self._who()
        self.they = self.plural or (self.who, False) in vocabulary.PEOPLE
        self.used: set[str] = set()
        self.marks: list[str] = [style]  # what the shape id is made of

    def _who(self) -> tuple[str, bool]:
        if self.draft.party:
            return self.draft.party.words, self.draft.party.plural
        if self.draft.who:
            return self.draft.who
        return self.rng.choice(vocabulary.PEOPLE if self.rng.random() < 0.5 else vocabulary.PROGRAMS)

    def say(self) -> Saying | None:
        draft = self.draft
        deny_only = not draft.wants
        table = (
            (BUCKET_DENIALS if deny_only else BUCKET_OPENERS) if draft.party else (DENIALS if deny_only else OPENERS)
        )
        wants = tuple(b.want for b in draft.bans) if deny_only else draft.wants
        openers = [(i, o) for i, o in enumerate(table[self.style]) if self._fits(o, wants)]
        if not openers:
            return None
        index, opener = self.rng.choice(openers)
        self.marks.append(f"{'d' if deny_only else 'b' if draft.party else 'o'}{index}")
        first, rest = self._opening(opener, wants, deny_only)
        sentences = [first, *rest]
        if not deny_only:
            sentences += [self._filled(self._pick(_BANS, "ban"), b.want, b) for b in self.later_bans]
            sentences += [f"{text}." for text, _ in draft.extra if text]
            self.marks += ["x"] * bool(draft.extra)
        place = self._place()
        if place:
            sentences.append(place)
        text = _tidy(sentences, self.style)
        return Saying(text, "|".join(self.marks))

    def _fits(self, opener: str, wants: tuple[Want, ...]) -> bool:
        if "{np}" in opener and not all(w.noun for w in wants):
            return False
        if self.draft.party:
            called_it = any(
                c.tail.endswith(" it") or c.tail == "it" or " it " in f"{c.base()} " for w in wants for c in w.clauses
            )
            if called_it != ("{bucket}" in opener):
                return False
        if self.draft.purpose and "{who}" not in opener.lower() and self.rng.random() < 0.7:
            return False
        return not ("{np}" in opener and self.draft.complement and False)

    # ------------------------------------------------------------------------------------------------ the first part

    def _opening(self, opener: str, wants: tuple[Want, ...], deny_only: bool) -> tuple[str, list[str]]:
        draft = self.draft
        self.later_bans = list(draft.bans)
        ban = draft.bans[0] if deny_only else None
        if self.style == "bullets":
            return self._bulleted(opener, wants, ban)
        tail, after = "", []
        if not deny_only:
            tail, after = self._tail()
        if "{np}" in opener:
            self.marks.append("np")
            body = {"np": listed([w.noun for w in wants]) + tail}
            return self._slots(opener, body), after
        mode = self._mode(wants, opener, tail)
        if mode == "sentences":
            body = {"vp": wants[0].base(), "ger": wants[0].gerund()}
            first = self._slots(opener, body, ban)
            named = "{who}" in opener.lower()
            table = _AND if named else tuple(t for t in _AND if "{it}" not in t.lower())
            more = [self._slots(self._pick(table, "and"), {"vp": w.base(), "ger": w.gerund()}) for w in wants[1:]]
            if tail:
                more[-1] = more[-1][:-1] + tail + "." if more[-1].endswith(".") else more[-1] + tail
            return first, [*more, *after]
        body = {
            "vp": _joined([w.base() for w in wants], mode) + tail,
            "ger": _joined([w.gerund() for w in wants], mode) + tail,
        }
        return self._slots(opener, body, ban), after

    def _mode(self, wants: tuple[Want, ...], opener: str, tail: str) -> str:
        if len(wants) == 1:
            return "one"
        simple = all(len(w.clauses) == 1 and len(w.clauses[0].heads) == 1 for w in wants)
        modes = ["list", "list", "sentences"] if simple else ["semicolon", "plus", "sentences"]
        if "{vp}." not in opener and "{ger}." not in opener:
            modes.remove("sentences")
        if self.style == "terse":
            modes = ["list"] if simple else ["semicolon", "plus"]
        mode = self.rng.choice(modes)
        self.marks.append(mode)
        return mode

    def _tail(self) -> tuple[str, list[str]]:
        """What follows the verb phrase: exceptions, conditions and denials, or sentences for them."""
        draft, tail, after = self.draft, "", []
        if draft.exception:
            if draft.complement:
                tail += self._pick(_BUT, "but").replace("{ger}", draft.exception.gerund())
            elif self.rng.random() < 0.7:
                tail += self._pick(_EXCEPT, "except").replace("{ger}", draft.exception.gerund())
            else:
                after.append(self._slots(self._pick(_EXCEPT_SENTENCES, "except."), {"ger": draft.exception.gerund()}))
        for number, limit in enumerate(draft.limits):
            as_clause = self.rng.random() < (0.55 if not number else 0.3) and len(draft.wants) == 1
            if limit.name == "key" or ":" in limit.name:
                as_clause = True
            if as_clause:
                tail += (
                    ", " if number or " only" not in limit.clause[:6] and self.rng.random() < 0.5 else " "
                ) + limit.clause
                self.marks.append("if")
            elif self.style in ("terse", "ticket", "casual") and self.rng.random() < 0.6:
                after.append(upper_first(limit.tag) + "." if self.style == "ticket" else limit.tag)
                self.marks.append("tag")
            else:
                after.append(limit.sentence + ".")
                self.marks.append("if.")
        if draft.bans and len(draft.wants) == 1 and not after and self.rng.random() < 0.35:
            ban = self.later_bans.pop(0)
            text = self._pick(_BAN_TAILS, "bantail")
            tail += self._filled(text, ban.want, ban)
        return tail, after

    def _bulleted(self, opener: str, wants: tuple[Want, ...], ban: Ban | None) -> tuple[str, list[str]]:
        lines = [clause.base() for want in wants for clause in want.clauses]
        if any(re.search(r"\b(it|them)\b", line) for line in lines[1:]) or self.rng.random() < 0.3:
            lines = [want.base() for want in wants]
        mark = self.rng.choice(("- ", "- ", "* ", "1"))
        self.marks += [mark.strip(), "single" if len(lines) == 1 else ""]
        shown = [f"{i}. {line}" if mark == "1" else mark + line for i, line in enumerate(lines, 1)]
        head = self._slots(opener, {}, ban)
        if self.draft.exception:
            after = [self._slots(self._pick(_EXCEPT_SENTENCES, "except."), {"ger": self.draft.exception.gerund()})]
        else:
            after = []
        after += [limit.sentence + "." if ":" not in limit.name and limit.name != "key" else upper_first(limit.clause) + "."
                  for limit in self.draft.limits]  # fmt: skip
        self.marks += ["if."] * len(self.draft.limits)
        return head + "\n" + "\n".join(shown), after

    # ------------------------------------------------------------------------------------------------------- details

    def _slots(self, template: str, body: dict[str, str], ban: Ban | None = None) -> str:
        unless = ban.limit.unless if ban and ban.limit else ""
        job = self.rng.choice(vocabulary.JOBS)
        values = {
            "who": self.who, "Who": upper_first(self.who), "need": "need" if self.plural else "needs",
            "it": "they" if self.they else "it", "It": "They" if self.they else "It", "needs": "need" if self.they else "needs",
            "be": "are" if self.plural else "is", "do": "do" if self.plural else "does", "unless": unless,
            "job": ("an " if job[0] in "aeiouAEIOU" else "a ") + job, "reason": self.rng.choice(vocabulary.REASONS),
            "bucket": self._bucket() if self.draft.bucket else "", "Ger": upper_first(body.get("ger", "")), **body,
        }  # fmt: skip
        return re.sub(r"\{(\w+)\}", lambda m: values[m[1]], template)

    def _bucket(self) -> str:
        return self.draft.bucket.words

    def _filled(self, template: str, want: Want, ban: Ban) -> str:
        return self._slots(template, {"vp": want.base(), "ger": want.gerund()}, ban)

    def _pick(self, table: tuple[str, ...], mark: str) -> str:
        unused = [t for t in table if t not in self.used] or table
        text = self.rng.choice(unused)
        self.used.add(text)
        self.marks.append(f"{mark}{table.index(text)}")
        return text

    def _place(self) -> str:
        scene = self.draft.scene
        if scene.told != "sentence":
            return ""
        region = scene.region if scene.region and f":{scene.region}:" in self.policy_text else None
        account = scene.account if scene.account and f":{scene.account}:" in self.policy_text else None
        which = "both" if region and account else "region" if region else "account" if account else ""
        if not which:
            return ""
        return self._pick(_PLACES[which], which).format(region=region, account=account)


def _joined(texts: list[str], mode: str) -> str:
    if mode == "semicolon":
        return "; ".join(texts)
    if mode == "plus":
        return ", plus ".join(texts)
    return listed(texts)


def _tidy(sentences: list[str], style: str) -> str:
    """The sentences as one text: no blanks before full stops, capitals as the style has them."""
    text = ""
    for sentence in sentences:
        text += ("" if not text else "\n" if "\n" in text else " ") + sentence.strip()
    if style in ("casual", "terse"):
        text = sentences[0]
        for sentence in sentences[1:]:
            text += (" " if text.endswith((".", "?", "!")) else ". ") + sentence
        if style == "terse":
            text = text.rstrip(".")
    text = re.sub(r" +([.,;:?])", r"\1", text)
    text = re.sub(r"[ \t]{2,}", " ", text)
    text = re.sub(r" *\n *", "\n", text)
    text = re.sub(r"([.?!])\.", r"\1", text)
    text = re.sub(r",,+", ",", text)
    text = re.sub(r"([a-z0-9]),\.", r"\1.", text)
    return text.strip()
