"""Small networks for tests: random and nasty ones, and an extract written by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from geo.network import INF_DS, RoadNetwork, Segments, network_from_edges
from geo.snap import Positions, positions_on_edges

NASTY_DS = (0, 0, 1, 3, 7, 40, 250, 900, 5_000, INF_DS - 1, INF_DS)


def random_network(rng: np.random.Generator, n_nodes: int, n_edges: int) -> RoadNetwork:
    """Self-loops, parallel edges, one-ways, edges without length or of nearly endless length."""
    forward = rng.choice(NASTY_DS, n_edges)
    backward = np.where(rng.random(n_edges) < 0.6, forward, rng.choice(NASTY_DS, n_edges))
    backward = np.where(rng.random(n_edges) < 0.2, INF_DS, backward)
    return network_from_edges(
        "foot",
        node_lat=50 + rng.random(n_nodes) * 0.01,
        node_lon=8 + rng.random(n_nodes) * 0.01,
        edge_u=rng.integers(0, n_nodes, n_edges),
        edge_v=rng.integers(0, n_nodes, n_edges),
        edge_length_m=np.ones(n_edges),
        edge_forward_ds=forward,
        edge_backward_ds=backward,
    )


def random_positions(rng: np.random.Generator, network: RoadNetwork, n: int) -> Positions:
    """Many on the same few edges, some at the very ends, some nowhere."""
    edge = rng.integers(0, network.n_edges, n)
    edge = np.where(rng.random(n) < 0.4, rng.integers(0, min(3, network.n_edges), n), edge)
    edge = np.where(rng.random(n) < 0.05, -1, edge)
    fraction = rng.choice([0.0, 0.25, 0.5, 1.0, -1.0], n)
    fraction = np.where(fraction < 0, rng.random(n), fraction)
    access_ds = rng.choice([0, 0, 5, 60], n)
    return positions_on_edges(network, edge, fraction, access_ds=access_ds)


def random_segments(rng: np.random.Generator, n_nodes: int, n_segments: int) -> Segments:
    """A map as drawn, with long chains, rings and one-ways."""
    u = rng.integers(0, n_nodes, n_segments).astype(np.int32)
    v = np.where(rng.random(n_segments) < 0.7, (u + 1) % n_nodes, rng.integers(0, n_nodes))
    both = rng.random(n_segments) < 0.75
    return Segments(
        lat=50 + rng.random(n_nodes) * 0.02,
        lon=8 + rng.random(n_nodes) * 0.02,
        u=u,
        v=v.astype(np.int32),
        forward_mps=rng.choice([1.8, 1.8, 1.8, 0.9], n_segments),
        backward_mps=np.where(both, rng.choice([1.8, 1.8, 0.9], n_segments), 0.0),
        road_class=rng.integers(0, 5, n_segments).astype(np.uint8),
        name=rng.integers(-1, 3, n_segments).astype(np.int32),
        names=("High Street", "Mill Lane", "Church Row"),
    )


TINY_TOWN = """<?xml version='1.0' encoding='UTF-8'?>
<osm version="0.6">
 <node id="1" lat="50.000" lon="8.000"/>
 <node id="2" lat="50.001" lon="8.000"/>
 <node id="3" lat="50.002" lon="8.000"/>
 <node id="4" lat="50.002" lon="8.002"/>
 <node id="5" lat="50.000" lon="8.002"/>
 <node id="6" lat="50.001" lon="8.001">
  <tag k="emergency" v="defibrillator"/><tag k="opening_hours" v="Mo-Fr 08:00-18:00"/>
  <tag k="access" v="yes"/><tag k="indoor" v="yes"/><tag k="level" v="0"/>
  <tag k="defibrillator:location" v="beside the door"/>
 </node>
 <node id="7" lat="50.0021" lon="8.0005">
  <tag k="emergency" v="defibrillator"/><tag k="opening_hours" v="weekdays 8 to 6"/>
 </node>
 <node id="11" lat="50.0010" lon="8.0004"/>
 <node id="12" lat="50.0010" lon="8.0006"/>
 <node id="13" lat="50.0012" lon="8.0006"/>
 <node id="14" lat="50.0012" lon="8.0004"/>
 <way id="100"><nd ref="1"/><nd ref="2"/><nd ref="3"/>
  <tag k="highway" v="residential"/><tag k="name" v="Mill Lane"/></way>
 <way id="101"><nd ref="3"/><nd ref="4"/><tag k="highway" v="footway"/></way>
 <way id="102"><nd ref="4"/><nd ref="5"/><nd ref="1"/><tag k="highway" v="steps"/></way>
 <way id="103"><nd ref="2"/><nd ref="5"/><tag k="highway" v="motorway"/></way>
 <way id="104"><nd ref="2"/><nd ref="4"/>
  <tag k="highway" v="service"/><tag k="access" v="private"/></way>
 <way id="200"><nd ref="11"/><nd ref="12"/><nd ref="13"/><nd ref="14"/><nd ref="11"/>
  <tag k="building" v="apartments"/><tag k="building:levels" v="4"/></way>
 <way id="201"><nd ref="11"/><nd ref="12"/><nd ref="13"/><nd ref="14"/><nd ref="11"/>
  <tag k="emergency" v="defibrillator"/><tag k="access" v="private"/></way>
</osm>
"""


def write_tiny_town(folder: Path, text: str = TINY_TOWN, name: str = "tiny.osm") -> Path:
    """A town of four streets, three AEDs and one building."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
