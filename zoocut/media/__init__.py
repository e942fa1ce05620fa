"""What a subject shows: one file for each kind of medium, in the order of its locations."""
