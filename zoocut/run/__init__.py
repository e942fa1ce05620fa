"""All that lies in a run folder."""
