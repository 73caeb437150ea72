"""The commands of ``kit``, one module per subject; ``kitutils.cli`` joins them."""
