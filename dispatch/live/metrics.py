"""Counts and times for Prometheus; no ids, no places, no people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from dispatch.commands import Command, SendAlert
from dispatch.events import AlertAccepted, Event, IncidentReported
from dispatch.live.runtime import Applied
from notifications.messages import Purpose
from notifications.sender import Parcel

if TYPE_CHECKING:
    from dispatch.live.service import Service

BUCKETS_S = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """The numbers of one service."""

    def __init__(self, service: Service) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Now(service))
        self._incidents = Counter(
            "heartreach_incidents", "Incidents reported", registry=self._registry
        )
        self._alerts = Counter("heartreach_alerts", "People asked", registry=self._registry)
        self._yes = Counter("heartreach_yes", "People who said yes", registry=self._registry)
        self._handed_over = Histogram(
            "heartreach_handed_over_seconds",
            "From the decision to ask to the provider's receipt",
            registry=self._registry,
            buckets=BUCKETS_S,
        )
        self._requests = Histogram(
            "heartreach_request_seconds",
            "Requests by address template and status",
            ["method", "route", "status"],
            registry=self._registry,
            buckets=BUCKETS_S,
        )

    def decided(self, applied: Applied, event: Event, commands: tuple[Command, ...]) -> None:
        """An event was worked off."""
        if applied.before is None:
            self._incidents.inc(isinstance(event, IncidentReported))
        self._alerts.inc(sum(isinstance(command, SendAlert) for command in commands))
        if isinstance(event, AlertAccepted) and not applied.ignored:
            self._yes.inc()

    def handed_over(self, parcel: Parcel, now_s: float) -> None:
        """A provider took a message."""
        if parcel.message.purpose is Purpose.ALERT:
            self._handed_over.observe(max(0.0, now_s - parcel.message.created_at_s))

    def requested(self, method: str, route: str, status: int, took_s: float) -> None:
        """A request was answered."""
        self._requests.labels(method, route, str(status)).observe(took_s)

    def text(self) -> bytes:
        """Return everything in Prometheus' text form."""
        return generate_latest(self._registry)


class _Now:
    """Gauges that are read when they are asked for."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterable[Metric]:
        service = self._service
        yield GaugeMetricFamily(
            "heartreach_alerting",
            "1 while volunteers can be alerted; 0 in TEST mode",
            float(service.alerting),
        )
        channels = GaugeMetricFamily(
            "heartreach_channel_up", "1 while a channel works", labels=["channel"]
        )
        waiting = GaugeMetricFamily(
            "heartreach_channel_waiting", "Messages waiting for a thread", labels=["channel"]
        )
        for state in service.outbox.sender.health():
            channels.add_metric([state.channel], float(state.failing_since_s is None))
            waiting.add_metric([state.channel], float(state.waiting))
        yield channels
        yield waiting
        canary = service.checks.canary
        yield GaugeMetricFamily(
            "heartreach_canary_missed", "Test messages lost in a row", float(canary.misses)
        )
        if canary.after_s is not None:
            yield GaugeMetricFamily(
                "heartreach_canary_seconds", "How long the last one took", canary.after_s
            )
        yield GaugeMetricFamily(
            "heartreach_commits", "Commits since the start", float(service.store.commits)
        )
        yield GaugeMetricFamily(
            "heartreach_positions_taken", "Positions since the start", float(service.pings.taken)
        )
        yield GaugeMetricFamily(
            "heartreach_stream_listeners", "Open streams", float(service.stream.listeners)
        )

    def describe(self) -> Iterable[Metric]:
        return ()
