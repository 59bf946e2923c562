"""The words that leave the service, and nothing else leaves it.

Every text here may be read by a stranger on a lock screen. There is no name, no place, no age and
no medical word in it; the phone fetches what the person may know after signing in.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Purpose(StrEnum):
    """Why a message is sent."""

    ALERT = "alert"  # asks somebody to go
    UPDATE = "update"  # something changed for somebody who said yes
    STAND_DOWN = "stand_down"  # no longer needed
    KEEP_AWAY = "keep_away"  # turn back: it is not safe there
    TEST = "test"  # does this phone sound?
    CHECK = "check"  # does it still get messages? seen, not heard
    AFTER_CARE = "after_care"  # how are you?
    REMINDER = "reminder"  # training about to lapse, settings to look at


URGENT = frozenset({Purpose.ALERT, Purpose.UPDATE, Purpose.KEEP_AWAY, Purpose.TEST})
"""These may break through silence; the others wait politely."""

PROMPT = URGENT | {Purpose.CHECK}
"""These are handed over at once: providers hold others back while a phone sleeps."""


class Words(Struct, frozen=True):
    """One text for a lock screen."""

    title: str
    body: str


class Message(Struct, frozen=True):
    """One message, the same for every channel.

    ``message_id``: opaque, unguessable, the same on every channel and every repeat, so that a phone
    shows it once. ``collapse_key``: opaque, shared by an alert and its stand-down.
    ``expires_at_s``: UTC epoch seconds after which it must not be sent or shown.
    """

    message_id: str
    purpose: Purpose
    collapse_key: str
    created_at_s: float
    expires_at_s: float
    words: Words

    @property
    def urgent(self) -> bool:
        """Whether it may break through silence."""
        return self.purpose in URGENT

    @property
    def prompt(self) -> bool:
        """Whether a provider is asked not to wait until the phone wakes by itself."""
        return self.purpose in PROMPT


DEFAULT_LANGUAGE = "en"

WORDS: dict[str, dict[Purpose, Words]] = {
    "en": {
        Purpose.ALERT: Words("Urgent call near you", "Open now."),
        Purpose.UPDATE: Words("Update to your call", "Open now."),
        Purpose.STAND_DOWN: Words(
            "Thank you. You can stop now.", "You did the right thing by answering."
        ),
        Purpose.KEEP_AWAY: Words("Stop now and keep away", "Your safety comes first."),
        Purpose.TEST: Words("This is a test", "Open to confirm that your phone made a sound."),
        Purpose.CHECK: Words("Checking your phone", "All is well. There is nothing to do."),
        Purpose.AFTER_CARE: Words("How are you?", "Open when it suits you."),
        Purpose.REMINDER: Words("Something to look at", "Open when it suits you."),
    },
}


NOT_NEEDED: dict[str, Words] = {
    "en": Words("This call is over", "Nothing is needed of you."),
}
"""A stand-down for somebody who did not say yes: there is nothing to thank for."""


def languages() -> tuple[str, ...]:
    """Return the languages that have words, English first."""
    return (DEFAULT_LANGUAGE, *sorted(set(WORDS) - {DEFAULT_LANGUAGE}))


def words_for(purpose: Purpose, language: str, *, said_yes: bool = True) -> Words:
    """Return the words in ``language`` (``"en-GB"`` means ``"en"``), in English if it has none."""
    if purpose is Purpose.STAND_DOWN and not said_yes:
        return (
            NOT_NEEDED.get(language)
            or NOT_NEEDED.get(language.split("-", 1)[0].lower())
            or NOT_NEEDED[DEFAULT_LANGUAGE]
        )
    table = WORDS.get(language) or WORDS.get(language.split("-", 1)[0].lower()) or {}
    return table.get(purpose) or WORDS[DEFAULT_LANGUAGE][purpose]


def link_of(message: Message, app_url: str) -> str:
    """Return the address that opens a message in the app; ids stand behind #, for no log to see."""
    return f"{app_url}#{message.purpose.value}/{message.collapse_key}"


def compose(
    purpose: Purpose,
    *,
    message_id: str,
    collapse_key: str,
    created_at_s: float,
    expires_at_s: float,
    language: str = DEFAULT_LANGUAGE,
    said_yes: bool = True,
) -> Message:
    """Return the message for ``purpose``; times are UTC epoch seconds.

    ``said_yes``: whether the person had said that they go; a stand-down thanks only those.
    """
    words = words_for(purpose, language, said_yes=said_yes)
    return Message(message_id, purpose, collapse_key, created_at_s, expires_at_s, words)
