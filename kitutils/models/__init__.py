"""Models: networks that lessons build once and use again."""
