"""How a response ends that does not do what was asked."""


class Refused(Exception):  # noqa: N818 - it is a decision, not an error
    """The response will not be carried out, and that is right. ``reason`` is one of docs/active-response.md."""

    def __init__(self, reason: str, detail: str = "") -> None:
        Exception.__init__(self, reason, detail)
        self.reason = reason
        self.detail = detail


class Failed(Refused):
    """The response should have been carried out, and could not be."""
