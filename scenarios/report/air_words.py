"""Stages and reasons of the drones' funnel in plain words."""

from __future__ import annotations

STAGES = {
    "suspected": "arrest suspected",
    "eligible": "a drone may be sent",
    "in_reach": "free drone in reach",
    "flyable": "fit to fly in",
    "open_air": "a way through the air",
    "energy": "battery for both ways",
    "wanted": "worth sending",
    "allowed": "air traffic control agrees",
    "launched": "takes off",
    "overhead": "over the place",
    "delivered": "AED on the ground",
    "taken": "somebody takes it",
    "attached_first": "first AED on the patient",
    "shock": "first shock",
}
REASONS = {
    "not_recognised": "control did not recognise an arrest",
    "child": "a child",
    "trauma": "an injury",
    "no_delivery_place": "no place to put it down",
    "lone_rescuer": "somebody alone with the patient",
    "nobody_at_scene": "nobody with the patient",
    "unsafe_scene": "scene not safe",
    "held": "alerting stopped",
    "too_far": "no base near enough",
    "busy": "drone busy",
    "no_drone": "no drone",
    "gust": "gusts",
    "rain": "rain",
    "fog": "fog or low cloud",
    "cold": "too cold",
    "heat": "too hot",
    "ice": "icing",
    "dark": "dark",
    "wind": "wind as fast as the drone",
    "no_fly_zone": "patient inside a no-fly volume",
    "enclosed": "no way around the volumes",
    "base_in_volume": "base inside a volume",
    "energy": "no battery for the way home",
    "no_gain": "help comes as soon without it",
    "permission_unlikely": "permission unlikely",
    "not_used": "not asked for",
    "permission_refused": "permission refused",
    "permission_late": "no answer in time",
    "start_failed": "did not start",
    "recalled_on_ground": "called off before take-off",
    "recalled_in_flight": "called off in flight",
    "delivery_failed": "delivery failed",
    "nobody_to_take": "nobody could fetch it",
    "crew_first": "crew was first",
    "other_aed_first": "another AED was first",
    "no_arrest": "no arrest after all",
    "not_shockable": "no shock advised",
}
BRIEFLY = {
    "not_recognised": "not recognised",
    "no_delivery_place": "no place for it",
    "lone_rescuer": "somebody alone",
    "nobody_at_scene": "nobody there",
    "no_fly_zone": "inside a no-fly volume",
    "enclosed": "no way around",
    "no_gain": "help as soon without it",
    "recalled_on_ground": "called off",
    "recalled_in_flight": "called off",
    "gust": "gusts",
    "energy": "battery",
    "wind": "wind",
    "other_aed_first": "another AED first",
}
RULES = {"forbid": "forbidden", "permission": "needs permission", "free": "free"}


def stage(name: str) -> str:
    """A stage in words; one that is not known yet by its own name."""
    return STAGES.get(name, name.replace("_", " "))


def reason(name: str, *, brief: bool = False) -> str:
    """Why something was lost, in words."""
    if brief and name in BRIEFLY:
        return BRIEFLY[name]
    return REASONS.get(name, name.replace("_", " "))
