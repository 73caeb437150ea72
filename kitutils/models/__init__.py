"""Models: networks that lessons build once and use again."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "baselines": ["nb_svm", "tfidf_lr"],
        "images": ["both_sides", "fast_cnn", "reference_cnn", "resnet"],
        "presets": ["preset"],
        "pretrained": ["pretrained_text"],
        "pretraining": ["pretraining_model"],
        "recurrent": ["recurrent_classifier"],
        "tabular": ["shop_model"],
        "text": ["attention_maps", "text_classifier", "text_encoder"],
    },
)
