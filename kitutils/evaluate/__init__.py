"""Evaluate: how good a model is, and how sure one can be of it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "comparison": ["Verdict", "judge", "mcnemar", "over_splits", "wilson"],
        "reports": ["Calibration", "bootstrap", "calibration", "over_seeds", "per_class"],
        "speed": ["latency"],
    },
)
