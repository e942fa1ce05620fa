"""Whether what a run would send may leave: by what it is, where it comes from, and on what grounds."""

from zoocut.rights.verdict import Rights, require_rights, require_rights_of_settings

__all__ = ["Rights", "require_rights", "require_rights_of_settings"]
