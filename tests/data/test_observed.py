"""Examples from evidence: each is a handful of calls and a policy that passes the gate, the same for the same seed."""

from iampolicy.checks import validate
from iamtrail.observed import Reading
from lib.data import observed


def test_calls_become_examples_with_a_certain_label(reading):
    for seed in range(3):  # some of what is drawn needs no permission
        observed.examples(reading, 200, seed)
    found = observed.examples(reading, 40, seed=1)
    assert len(found) == 40 and len({example.policy for example in found}) == 40
    assert found == observed.examples(reading, 40, seed=1) != observed.examples(reading, 40, seed=2)
    for example in found:
        assert not [f for f in validate(example.policy) if f.severity == "ERROR"]
        assert example.source == "cloudtrail" and " call" in example.instruction
        assert "FILL-IN" not in example.policy and "Sid" not in example.policy
        assert ":root" not in example.instruction
    assert {"simple", "medium"} <= {example.complexity for example in found}


def test_nothing_is_made_of_nothing():
    assert observed.examples(Reading([], 0), 5) == []
