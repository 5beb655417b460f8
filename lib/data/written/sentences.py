"""Drafts into English: openers by style, where the conditions and denials stand, lists and bullets.

A Draft and a style come in; a Saying goes out: the instruction and the id of the sentence shape it has. An opener is
a row of a table with slots for who, what and why; it is chosen among those that fit the draft.
"""

import re
from dataclasses import dataclass
from random import Random

from lib.data.written import vocabulary
from lib.data.written.bucket_openers import BUCKET_DENIALS, BUCKET_OPENERS
from lib.data.written.continuations import AND, BAN_TAILS, BANS, BUT, EXCEPT, EXCEPT_SENTENCES, PLACES
from lib.data.written.drafts import Ban, Draft
from lib.data.written.limits import KEY
from lib.data.written.openers import DENIALS, OPENERS, STYLES, WEIGHTS
from lib.data.written.wants import Want
from lib.data.written.words import listed, upper_first


@dataclass(frozen=True)
class Saying:
    """An instruction and the id of its shape."""

    text: str
    shape: str


def draw_style(rng: Random) -> str:
    return rng.choices(STYLES, [WEIGHTS[s] for s in STYLES])[0]


def say(rng: Random, draft: Draft, style: str, policy_text: str) -> Saying | None:
    """Put the draft into words; None if no opener of the style fits it. `policy_text` tells which places to mention."""
    return _Speaker(rng, draft, style, policy_text).say()


class _Speaker:
    def __init__(self, rng: Random, draft: Draft, style: str, policy_text: str) -> None:
        self.rng, self.draft, self.style, self.policy_text = rng, draft, style, policy_text
        self.who, self.plural = self._who()
        self.they = self.plural or self.who in vocabulary.PEOPLE
        self.used: set[str] = set()
        self.marks: list[str] = [style]  # what the shape id is made of

    def _who(self) -> tuple[str, bool]:
        if self.draft.party:
            return self.draft.party.words, self.draft.party.plural
        if self.draft.who:
            return self.draft.who, self.draft.who.endswith("s")
        limits = (*self.draft.limits, *(b.limit for b in self.draft.bans if b.limit))
        signs_in = any(limit.name.startswith("mfa") for limit in limits)  # programs have no second factor
        who = self.rng.choice(vocabulary.PEOPLE if signs_in or self.rng.random() < 0.5 else vocabulary.PROGRAMS)
        return who, who.endswith("s")

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
            sentences += [self._filled(self._pick(BANS, "ban"), b.want, b) for b in self.later_bans]
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
        if self.draft.party and self.draft.called_it != ("{bucket}" in opener):
            return False
        if len(wants) > 1 and "{vp} is to be" in opener:
            return False
        if re.search(r"(cannot|permissions to) \{vp\}", opener) and any(w.noun for w in wants):
            return False  # nobody says "cannot have full access"
        nameless = bool(self.draft.purpose) and "{who}" not in opener.lower()
        return not (nameless and self.rng.random() < 0.7)

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
            late = "{who}" in opener.partition("{np}")[2]
            text = self._slots(opener, {"np": listed([w.noun for w in wants]) + ("" if late else tail)})
            return (_appended(text, tail) if late else text), after
        mode = self._mode(wants, opener, tail)
        if mode == "sentences":
            body = {"vp": wants[0].base(), "ger": wants[0].gerund()}
            first = self._slots(opener, body, ban)
            named = "{who}" in opener.lower()
            more = [self._more(w, named) for w in wants[1:]]
            if tail:
                more[-1] = _appended(more[-1], tail)
            return first, [*more, *after]
        body = {
            "vp": _joined([w.base() for w in wants], mode) + tail,
            "ger": _joined([w.gerund() for w in wants], mode) + tail,
        }
        return self._slots(opener, body, ban), after

    def _more(self, want: Want, named: bool) -> str:
        """A sentence for a further want; it speaks of "it" only when the opener named the principal."""
        spoken = named and not want.noun  # "it needs to have full access" is better said as "allow full access"
        table = AND if spoken else tuple(t for t in AND if "{it}" not in t.lower())
        return self._slots(self._pick(table, "and"), {"vp": want.base(), "ger": want.gerund()})

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
                tail += self._pick(BUT, "but").replace("{ger}", draft.exception.gerund())
            elif self.rng.random() < 0.7:
                tail += self._pick(EXCEPT, "except").replace("{ger}", draft.exception.gerund())
            else:
                after.append(self._slots(self._pick(EXCEPT_SENTENCES, "except."), {"ger": draft.exception.gerund()}))
        for number, limit in enumerate(draft.limits):
            as_clause = self.rng.random() < (0.55 if not number else 0.3) and len(draft.wants) == 1
            if as_clause or limit.name == KEY:
                tail += (", " if number or self.rng.random() < 0.5 else " ") + limit.clause
                self.marks.append("if")
            elif self.style in ("terse", "ticket", "casual") and self.rng.random() < 0.6:
                after.append(upper_first(limit.tag) + "." if self.style == "ticket" else limit.tag)
                self.marks.append("tag")
            else:
                after.append(limit.sentence + ".")
                self.marks.append("if.")
        if draft.bans and len(draft.wants) == 1 and not after and self.rng.random() < 0.35:
            ban = self.later_bans.pop(0)
            text = self._pick(BAN_TAILS, "bantail")
            tail += self._filled(text, ban.want, ban)
        return tail, after

    def _bulleted(self, opener: str, wants: tuple[Want, ...], ban: Ban | None) -> tuple[str, list[str]]:
        lines = [line for want in wants for line in want.lines()]
        if any(re.search(r"\b(it|its|them|their)\b", line) for line in lines[1:]) or self.rng.random() < 0.3:
            lines = [want.base() for want in wants]
        mark = self.rng.choice(("- ", "- ", "* ", "1"))
        self.marks += [mark.strip(), "single" if len(lines) == 1 else ""]
        shown = [f"{i}. {line}" if mark == "1" else mark + line for i, line in enumerate(lines, 1)]
        head = self._slots(opener, {}, ban)
        if self.draft.exception:
            after = [self._slots(self._pick(EXCEPT_SENTENCES, "except."), {"ger": self.draft.exception.gerund()})]
        else:
            after = []
        after += [limit.sentence + "." for limit in self.draft.limits]
        self.marks += ["if."] * len(self.draft.limits)
        return head + "\n" + "\n".join(shown), after

    # ------------------------------------------------------------------------------------------------------- details

    def _slots(self, template: str, body: dict[str, str], ban: Ban | None = None) -> str:
        unless = ban.limit.unless if ban and ban.limit else ""
        job = self.rng.choice(vocabulary.JOBS)
        values = {
            "who": self.who,
            "Who": upper_first(self.who),
            "need": "need" if self.plural else "needs",
            "them": "them" if self.they else "it",
            "it": "they" if self.they else "it",
            "It": "They" if self.they else "It",
            "needs": "need" if self.they else "needs",
            "be": "are" if self.plural else "is",
            "do": "do" if self.plural else "does",
            "unless": unless,
            "job": ("an " if job[0] in "aeiouAEIOU" else "a ") + job,
            "reason": self.rng.choice(vocabulary.REASONS),
            "bucket": self._bucket() if self.draft.bucket else "",
            "Ger": upper_first(body.get("ger", "")),
            **body,
        }
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
        return self._pick(PLACES[which], which).format(region=region, account=account)


def _appended(sentence: str, tail: str) -> str:
    """The sentence with the tail before its closing mark."""
    end = sentence[-1] if sentence[-1] in ".?!" else ""
    return sentence[: len(sentence) - len(end)] + tail + end


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
