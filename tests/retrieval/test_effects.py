"""What is forbidden: the words that forbid, how far they reach, and what only looks like them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.retrieval.clauses import clauses
from lib.retrieval.effects import denied

REQUESTS = {  # -> whether each clause is denied
    "read the table orders and put items into it": [False, False],
    "deny deleting the table and dropping its indexes": [True, True],
    "read the table, but deny deleting it": [False, True],
    "read the table, but not delete it": [False, True],
    "nobody may delete the trail": [True],
    "The app cannot delete the queue orders.": [True],
    "do anything in Lookout except calling StopModel": [False, True],
    "tag the queue. Deleting it must stay forbidden.": [False, True],
    "read the items, though deleting them must be denied": [False, True],
    "create graphs so that the release is not blocked": [False],
    "read objects only when the request is not denied by the proxy": [False],
    "interns cannot view the role etl. Please add the permissions.": [False],
    "bucket policy for the bucket docs: deny everyone reading objects in it": [True],
    "keep the notification service from importing a notebook": [True],
    "get a block from the ledger orders": [False],
    "They must not do the following: - delete queues - purge queues": [True, True, True],
}


@pytest.mark.parametrize("request_", REQUESTS)
def test_clauses_that_are_denied(request_):
    found = clauses(request_)
    odds = denied(found, request_)
    assert [chance > 0.5 for chance in odds] == REQUESTS[request_], [c.text for c in found]


@given(st.text(max_size=200))
def test_every_clause_has_a_probability(text):
    found = clauses(text)
    assert len(denied(found, text)) == len(found) and all(0 < chance < 1 for chance in denied(found, text))
