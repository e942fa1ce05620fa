"""Text of servers, manifests and files as it may reach a terminal."""

__all__ = ["printable"]


def printable(text: str) -> str:
    """Write control characters, ends of lines and what turns the direction of writing as their codes."""
    return text if text.isprintable() else "".join(one if one.isprintable() else _code(one) for one in text)


def _code(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number < 1 << 16 else f"\\U{number:08x}"
