import pytest

from appliance.foundation.actors import Permission
from appliance.incidents.errors import ReasonMissing, TransitionNotAllowed
from appliance.incidents.lifecycle import (
    CloseReason,
    Status,
    close_reason,
    ensure_may_become,
    needs_reason,
    permission_for,
    reopening_reason,
    steps_from,
)

ALLOWED = {
    (Status.NEW, Status.ACKNOWLEDGED),
    (Status.NEW, Status.CLOSED),
    (Status.ACKNOWLEDGED, Status.IN_PROGRESS),
    (Status.ACKNOWLEDGED, Status.CLOSED),
    (Status.IN_PROGRESS, Status.CONTAINED),
    (Status.IN_PROGRESS, Status.CLOSED),
    (Status.CONTAINED, Status.IN_PROGRESS),
    (Status.CONTAINED, Status.CLOSED),
    (Status.CLOSED, Status.IN_PROGRESS),
}


@pytest.mark.parametrize("current", Status)
@pytest.mark.parametrize("wanted", Status)
def test_exactly_the_steps_of_the_life_cycle_are_allowed(current, wanted):
    if (current, wanted) in ALLOWED:
        ensure_may_become(current, wanted)
    else:
        with pytest.raises(TransitionNotAllowed, match="it may become"):
            ensure_may_become(current, wanted)


def test_every_state_can_be_left():
    assert all(steps_from(state) for state in Status)


def test_only_closing_and_reopening_need_a_reason():
    needing = {step for step in ALLOWED if needs_reason(*step)}

    assert needing == {step for step in ALLOWED if Status.CLOSED in step}


def test_calling_an_attack_real_takes_another_permission_than_dismissing_it():
    permissions = {reason: permission_for(Status.CLOSED, reason) for reason in CloseReason}

    assert permissions.pop(CloseReason.TRUE_POSITIVE) is Permission.INCIDENTS_CLOSE
    assert set(permissions.values()) == {Permission.INCIDENTS_DISMISS}


@pytest.mark.parametrize("reason", [None, "", "fixed", "TRUE_POSITIVE"])
def test_closing_with_a_reason_that_does_not_exist_is_refused(reason):
    with pytest.raises(ReasonMissing, match="true_positive"):
        close_reason(reason)


@pytest.mark.parametrize("reason", [None, "", "   "])
def test_reopening_without_a_sentence_is_refused(reason):
    with pytest.raises(ReasonMissing):
        reopening_reason(reason)
