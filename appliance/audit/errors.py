"""What the trail's services may raise."""

from appliance.foundation.errors import NotFound


class EntryNotFound(NotFound):
    code = "audit_entry_not_found"
