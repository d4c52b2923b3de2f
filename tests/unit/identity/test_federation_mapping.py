"""Groups to roles: in order, whole, and no match is no access."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.foundation.errors import Invalid
from appliance.identity.federation_mapping import normal_group, role_of, stored_email
from appliance.identity.federation_schemas import GroupRole
from appliance.integrations.ldap.explaining import explained, is_disabled

MAP = [
    GroupRole(group="CN=Admins,OU=Groups,DC=ex,DC=test", role="super_admin"),
    GroupRole(group="analysts", role="soc_analyst"),
]


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["analysts"], "soc_analyst"),
        (["Analysts"], "soc_analyst"),
        (["cn=admins, ou=groups, dc=EX, dc=test", "analysts"], "super_admin"),
        (["analysts", "CN=Admins,OU=Groups,DC=ex,DC=test"], "super_admin"),
        ([], None),
        (["analyst"], None),
        (["analysts2"], None),
        (["CN=Admins,OU=Elsewhere,OU=Groups,DC=ex,DC=test"], None),
        (["CN=Admins"], None),
        (["*"], None),
        ([""], None),
    ],
)
def test_the_first_line_whose_group_fits_whole_decides(groups, role):
    assert role_of(groups, MAP) == role


@given(st.lists(st.text()))
def test_what_is_in_no_line_is_no_access(groups):
    mapped = {normal_group(line.group) for line in MAP}

    if not {normal_group(one) for one in groups} & mapped:
        assert role_of(groups, MAP) is None


def test_an_escaped_comma_is_part_of_the_name():
    assert normal_group(r"CN=Doe\, Jane,OU=x") != normal_group("CN=Doe,Jane,OU=x")


@pytest.mark.parametrize("said", ["", "nobody", "a b@example.test", "a@b\n", "a@" + "b" * 300])
def test_what_is_no_address_is_not_stored(said):
    if said == "a@b\n":  # what surrounds an address does not count
        assert stored_email(said) == "a@b"
        return
    with pytest.raises(Invalid):
        stored_email(said)


@pytest.mark.parametrize(
    ("data", "words"),
    [("533", "disabled"), ("775", "locked"), ("532", "expired"), ("701", "expired"), ("52e", "wrong")],
)
def test_active_directorys_reason_is_told(data, words):
    message = f"80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data {data}, v3839"

    assert words in explained({"result": 49, "description": "invalidCredentials", "message": message})


@pytest.mark.parametrize(
    ("control", "disabled"), [("512", False), ("514", True), ("66050", True), ("", False)]
)
def test_the_account_control_tells_who_is_disabled(control, disabled):
    assert is_disabled(control) is disabled
