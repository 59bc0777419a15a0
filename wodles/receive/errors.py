"""What ends the receiver before it begins."""


class RefusedError(Exception):
    """A configuration, secret, folder or address that cannot be used: one word, and where and what in a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        """Keep both."""
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
