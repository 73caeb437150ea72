"""How much smaller int8 makes a network's file: a byte a weight, and what comes along with each channel and layer."""

import numpy as np
import pytest

from kitutils.models import resnet
from kitutils.ship import Images, export

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "width, weights, most", [(16, 300_000, 0.29), (36, 1_400_000, 0.265)], ids=["ResNet-20", "1.4 million"]
)
def test_int8_is_little_more_than_a_quarter(tmp_path, width, weights, most):
    model = resnet(20, width=width)
    assert 0.9 * weights < model.count_params() < weights
    images = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    kinds = {"formats": ("litert", "litert_int8"), "preprocessing": Images((32, 32, 3)), "agreement": 0.0}
    manifest = export(model, tmp_path / "export", samples=images, **kinds)
    assert 0.25 < manifest.bytes_of("litert_int8") / manifest.bytes_of("litert") < most
    assert manifest.forms["litert"].parity.difference < 1e-5
