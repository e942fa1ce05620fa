"""What the workers do for a row: one file a step, each with its requests and what their answers mean."""
