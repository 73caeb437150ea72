"""Serve: exported models behind HTTP."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "app": ["create_app"],
        "batching": ["Batcher", "Closed", "Overloaded"],
        "client": ["Client"],
        "hosting": ["Host", "Served", "Unknown"],
        "metrics": ["Metrics"],
        "running": ["serve"],
        "settings": ["Settings"],
    },
)
