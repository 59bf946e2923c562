"""Channels that carry an alert to a person: push, Web Push, SMS, and one held in memory.

A channel takes one message for one device and says what became of it (``notifications.channel``).
Which channel comes next when nothing is heard is decided in ``notifications.fallback``; which
*person* comes next is not decided here at all.

A message carries an opaque id and generic words only. Details are read from the service, by the
person who was asked, after signing in.
"""
