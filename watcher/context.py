"""Who is asking, with which roles; travels with every request and message."""

from typing import Any

from oslo_context import context


class RequestContext(context.RequestContext):
    """The published context: the library's, plus ``show_deleted`` and token details"""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.auth_token_info = kwargs.pop("auth_token_info", None)
        kwargs.setdefault("overwrite", False)
        super().__init__(*args, **kwargs)

    def to_dict(self) -> dict[str, Any]:
        """Return the context as it goes over the wire"""
        values = super().to_dict()
        values["auth_token_info"] = self.auth_token_info
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any], **kwargs: Any) -> "RequestContext":
        """Read a context; keys that a newer or older sender adds are ignored"""
        return super().from_dict(
            values, auth_token_info=values.get("auth_token_info"), **kwargs
        )

    def without_secrets(self) -> "RequestContext":
        """Return a copy that may travel in casts: no token, no catalog"""
        values = self.to_dict()
        values["auth_token"] = None
        values["auth_token_info"] = None
        return type(self).from_dict(values)


def admin() -> RequestContext:
    """Return the context in which the services do their own work"""
    return RequestContext(is_admin=True, roles=["admin"])
