"""Ship: from a trained model to one that runs elsewhere."""
