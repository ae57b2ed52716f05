"""How long ago something was, for an operator."""

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


def ago(seconds: float) -> str:
    """`just now`, `4 min ago`, `3 h ago`, `2 d ago`."""
    for name, size_seconds in _UNITS:
        if seconds >= size_seconds:
            return f"{int(seconds // size_seconds)} {name} ago"
    return "just now"
