"""What every lesson uses: profiles, predictions, claims, exercises, artifacts. Imports no stage."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "artifacts": ["Artifact", "artifact", "save_artifact"],
        "claims": ["claim"],
        "exercises": ["exercise"],
        "predictions": ["outcome", "predict", "recap"],
        "records": ["record"],
        "session": ["pick", "quiet", "start"],
        "waiting": ["track"],
    },
)
