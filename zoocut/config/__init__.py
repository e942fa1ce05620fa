"""Settings: TOML in, validated and frozen out.

One file a section; `load` puts defaults, file and command line together and remembers where each value came
from.
"""
