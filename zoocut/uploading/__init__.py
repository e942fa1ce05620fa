"""Upload a run: the manifest's rows become subjects of a set, each exactly once, whatever happens on the way."""
