"""docs/permissions.md says what the product does."""

from appliance.foundation.actors import Permission
from appliance.identity.roles import roles
from tests.permissions_page import PAGE, page


def test_the_page_is_what_the_permission_file_says():
    written = PAGE.read_text()

    assert written == page(), "run `python -m tests.permissions_page`"


def test_every_permission_is_held_by_somebody_and_the_super_administrator_holds_all():
    held = {permission for role in roles().values() for permission in role.permissions}

    assert held == set(Permission)
    assert roles()["super_admin"].permissions == frozenset(Permission)
