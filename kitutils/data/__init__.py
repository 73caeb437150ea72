"""The data stage: every data set of the course, by name.

``load("digits")`` brings a data set from wherever it is: built in, generated, cache, mirror or publisher. It says so
when it had to make do with a stand-in. ``info("digits")`` reads the card without touching the data.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "auditing": ["audit"],
        "changelog": ["undo"],
        "cleaning": ["clean"],
        "datasets": ["Dataset", "info", "load"],
        "locked": ["by_hash", "locked_test"],
        "plans": ["Plan", "Step", "clean_plan"],
        "scoring": ["score_cells", "score_repairs", "score_rows"],
        "splits": ["Fold", "Split", "folds", "three_way"],
    },
)
