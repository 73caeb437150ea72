"""Ship: from a trained model to one that runs elsewhere."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "benchmarking": ["bench"],
        "card": ["model_card", "write_card"],
        "card_parts": ["Card", "read_card"],
        "clustering": ["ShareWeights", "cluster"],
        "distil": ["Distiller", "distillation_loss"],
        "embedding": ["embedded"],
        "estimators": ["export_estimator"],
        "exporting": ["export"],
        "faults": ["BadExport", "BadInput", "CannotHold", "ParityFailed", "ShipError"],
        "image_inputs": ["Images"],
        "inputs": ["Plain", "Rows", "Strings", "Texts"],
        "manifest": ["Manifest", "Parity"],
        "obstacles": ["obstacles"],
        "packing": ["BadPack", "entropy_coded", "pack", "unpack"],
        "predictor": ["Prediction", "Predictor", "load"],
        "pruning": ["MagnitudePruning", "prune", "sparsity_of"],
        "qat": ["quantisation_aware"],
        "quantise": ["dequantise", "quantise", "scale_and_zero", "weight_scales"],
        "structured": ["prune_filters"],
        "verifying": ["verify"],
    },
)
