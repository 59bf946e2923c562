"""What a volunteer reads about an alert, in plain words. Never an outcome, never a name or place.

The codes behind these words are those of ``dispatch.explain``, whose words are for control.
"""

from __future__ import annotations

from dispatch import explain
from dispatch.model import ASKING_STATUSES, OPEN_STATUSES, AlertStatus, Role

UNSAFE = "hold:unsafe_scene"
CARE = "Go only if it is safe for you and anyone in your care."
KEEP_AWAY = "Stop now and keep away. Your safety comes first."
THANKS = "Thank you. You can stop now. You did the right thing by answering."
THANKS_FOR_ANSWERING = "Thank you for answering. Nothing more is needed of you."
OVER = "This call is over. Nothing is needed of you."

_GOING: dict[AlertStatus, str] = {
    AlertStatus.HAS_AED: "You have the defibrillator (AED): bring it to the patient.",
    AlertStatus.ARRIVED: "You are at the place. Go to the patient if it is safe.",
    AlertStatus.WITH_PATIENT: "You are with the patient. Do as you were trained, and as whoever"
    " answers the emergency call says.",
}
_STOPPED = "control has stopped this call to volunteers"
_END: dict[str, str] = {
    "enough_coming": "enough people are going",
    "places_taken": "enough people are going: thank you, you are not needed this time",
    "said_no": "you said not this time",
    "cannot_continue": "you said that you cannot continue",
    "undelivered": "this alert could not reach your phone in time",
    "no_answer": "no answer came in time",
    "no_sign_of_setting_off": "there was no sign of setting off, so somebody else was asked",
    "claimed": "you were asked for another emergency",
    "engaged": "you were asked for another emergency",
    "crew_on_scene": "the ambulance is there",
    "cancelled": "control took the call back",
    "closed": "this emergency is over",
    "expired": "this emergency is over",
    "ended": "this emergency is over",
    "alert_ended": "this alert is over",
    "already_answered": "you have answered this alert already",
    "suspended": "you are not being asked at present: your organisation can say why",
    "left": "you have left",
    UNSAFE: "it is not safe there: keep away",
    "hold:do_not_alert": _STOPPED,
    "hold:alerting_stopped": _STOPPED,
    "hold:no_alert_area": _STOPPED,
}


def of_alert(
    status: AlertStatus, role: Role, walk_min: int, *, said_yes: bool, end_reason: str
) -> str:
    """The sentence that stands above an alert; ``walk_min``: the whole way, min."""
    if status in ASKING_STATUSES:
        way = ", fetching a defibrillator (AED) on the way" if role is Role.AED else ""
        return f"Someone may need CPR, about {walk_min} min walk{way}. {CARE}"
    if status in OPEN_STATUSES:
        return _GOING.get(status) or _on_the_way(role, walk_min)
    if end_reason == UNSAFE:
        return KEEP_AWAY
    if said_yes:
        return THANKS
    return THANKS_FOR_ANSWERING if status is AlertStatus.DECLINED else OVER


def _on_the_way(role: Role, walk_min: int) -> str:
    if role is Role.AED:
        way = "Fetch the defibrillator (AED) first, then go to the patient"
    else:
        way = "Go straight to the patient"
    return f"{way}, about {walk_min} min walk. {CARE}"


def of_end(reason: str) -> str:
    """Why an alert is over, or why a yes holds no place."""
    return _END.get(reason) or explain.words(reason)
