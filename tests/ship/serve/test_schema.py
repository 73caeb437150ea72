"""The service keeps to its own description, whatever schemathesis makes of it."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from kitutils.ship.serve.background import in_background

# The description does not say what each single model takes: much that fits it is refused all the same, and some that
# does not fit it, such as what else a JSON object holds, does no harm.
LEFT_OUT = [negative_data_rejection, positive_data_acceptance]


@pytest.fixture(scope="module", params=[None, "open-sesame"])
def described(request, exports):
    """The description of a running service of the three kinds of model, and its token."""
    command = ["python", "-m", "kitutils", "serve", exports, "--port", "{port}"]
    with in_background(command, more={"KIT_SERVE_TOKEN": request.param} if request.param else None) as (url, _):
        headers = {"Authorization": f"Bearer {request.param}"} if request.param else {}
        yield schemathesis.openapi.from_url(f"{url}/openapi.json", headers=headers), request.param


@pytest.mark.parametrize("mode", GenerationMode)
def test_every_answer_is_one_that_the_description_names(described, mode):
    schema, token = described
    seen = set()
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(derandomize=True, max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy(generation_mode=mode))
        def conforms(case):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            answer = case.call_and_validate(excluded_checks=LEFT_OUT, headers=headers)
            seen.add((case.operation.label, answer.status_code))

        try:
            conforms()
        except Unsatisfiable:  # what takes no input has none that is wrong
            assert mode is GenerationMode.NEGATIVE
    codes = {code for _, code in seen}
    assert codes >= ({200, 400} if mode is GenerationMode.POSITIVE else {400}), codes
    assert max(codes) < 500
    assert {label for label, _ in seen} >= {"POST /predict", "POST /v1/models/{name}:predict"}
