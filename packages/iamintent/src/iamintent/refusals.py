"""Why a request gets a reason instead of a draft: it asks for no policy, or for nothing that AWS has."""

import math
import re

from iamintent.mentions import evidence
from iamintent.words import TABLES

# How surely a service is named -> the score of the likeliest action from which on a request is taken as one. Low on
# purpose: the model has learnt to refuse, too, and of what people want nothing should be lost here.
SURE = ((0.9, 0.0), (0.3, 8.0), (0.0, 11.0))
_JSON = re.compile(r"\s*(?:\{|\[\s*[\[\]{\"])|.*\"Statement\"", re.DOTALL)  # and not "[Urgent] let Ana read ..."
JSON = "This is JSON, not a request: say in English what the policy is to allow, or give it to iampolicy to check."
EMPTY = "The request is empty: say who may do what, for example 'read objects in the bucket reports'."


def refusal(request: str, surest: float) -> str | None:
    """Why a request gets no draft: what is wrong with it and what to write instead; or None.

    Args:
        surest: the score of the likeliest action; infinite if the request is a known name.

    >>> refusal("allow everything", 30.0)
    'The request asks for everything: name the services and what is to be done with them.'
    """
    if _JSON.match(request):
        return JSON
    if surest == math.inf:
        return None
    if not re.search(r"\w", request):
        return EMPTY
    sure = float(evidence(request).max(initial=0))
    for rule in TABLES.refusals:
        if sure < rule.unless and (said := rule.said.search(request)):
            return rule.why.format(said[0])
    asks = surest >= next(score for least, score in SURE if sure >= least)
    return None if asks else TABLES.refusals[-1].why
