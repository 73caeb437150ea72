"""Train: what happens while a model learns."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "callbacks": ["EtaBar"],
        "errors": ["TrainingStopped", "WrongFolder"],
        "fitting": ["fit"],
        "losses": ["SmoothedCrossentropy"],
        "optimizers": ["ConvMuon"],
        "runs": ["Run", "compare"],
        "schedules": ["OneCycle"],
    },
)
