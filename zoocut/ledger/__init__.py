"""What happened at Zooniverse, in SQLite; the only room beside the sandbox that speaks SQL."""
