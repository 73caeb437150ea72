"""The service keeps to its own description, whatever schemathesis makes of it."""

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from kitutils.ship.serve.background import in_background


@pytest.fixture(scope="module")
def described(exports):
    """The description of a running service of the three kinds of model."""
    with in_background(["python", "-m", "kitutils", "serve", exports, "--port", "{port}"]) as (url, _):
        yield schemathesis.openapi.from_url(f"{url}/openapi.json")


schema = schemathesis.pytest.from_fixture("described")
seen = set()


@schema.parametrize()
@settings(
    derandomize=True,
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
def test_every_answer_is_one_that_the_description_names(case):
    # The description does not say what each single model takes: much that fits it is refused all the same, and some
    # that does not fit it, such as what else a JSON object holds, does no harm.
    answer = case.call_and_validate(excluded_checks=[positive_data_acceptance, negative_data_rejection])
    seen.add((case.operation.label, answer.status_code))


def test_the_cases_reached_the_models():
    assert {code for _, code in seen} >= {200, 400, 405, 415}
    assert ("POST /v1/models/{name}:predict", 200) in seen or ("POST /predict", 200) in seen
    assert all(code < 500 for _, code in seen)
