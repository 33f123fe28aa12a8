"""What packaging records for explanations, and which features matter to a model as a whole."""
