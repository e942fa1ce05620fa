"""What can be made to go wrong, when, and what it does to a call."""
