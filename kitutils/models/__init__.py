"""Models: networks that lessons build once and use again."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "baselines": ["nb_svm", "tfidf_lr"],
        "images": ["both_sides", "fast_cnn", "reference_cnn", "resnet"],
        "tabular": ["shop_model"],
    },
)
