"""Kernels that read the blocks of an OpenStreetMap .osm.pbf file.

A block is a protocol-buffer message, here an array of bytes. Field numbers are those of
``osmformat.proto`` of the OSM-binary project; a field's key is ``number << 3 | wire type``, wire
type 0 a varint, 2 a length and that many bytes. Signed numbers are zigzag coded, ids, references
and coordinates are differences from the one before. Every read is bounded by the end of its
message, so that damage is found (``ERROR``) and never read past.
"""

from __future__ import annotations

import numpy as np
from numba import njit

ERROR = -1
BLOCK_STRINGS, BLOCK_GROUP, BLOCK_GRANULARITY, BLOCK_LAT, BLOCK_LON = 1, 2, 17, 19, 20
GROUP_NODE, GROUP_DENSE, GROUP_WAY, GROUP_RELATION = 1, 2, 3, 4
NO_COORDINATE = 2**31 - 1


@njit(cache=True, nogil=True)
def _varint(data, at, end):
    """``(value, next position)``; position ERROR where the message ends too soon."""
    value = np.uint64(0)
    shift = np.uint64(0)
    while at < end:
        byte = np.uint64(data[at])
        at += 1
        value |= (byte & np.uint64(127)) << shift
        if byte < np.uint64(128):
            return value, at
        shift += np.uint64(7)
        if shift > np.uint64(63):
            break
    return value, ERROR


@njit(cache=True, nogil=True)
def _signed(value):
    return np.int64(value >> np.uint64(1)) ^ -np.int64(value & np.uint64(1))


@njit(cache=True, nogil=True)
def _field(data, at, end):
    """``(number, wire type, value, start, stop, next position)`` of the field at a position.

    Start and stop bound the content of wire type 2; position ERROR where the message is damaged.
    """
    key, at = _varint(data, at, end)
    number, wire = np.int64(key >> np.uint64(3)), np.int64(key & np.uint64(7))
    value = np.uint64(0)
    start, stop = at, at
    if at == ERROR:
        return number, wire, value, start, stop, at
    if wire == 0:
        value, at = _varint(data, at, end)
    elif wire == 2:
        value, at = _varint(data, at, end)
        if at == ERROR or value > np.uint64(end - at):
            return number, wire, value, start, stop, ERROR
        start = at
        stop = at + np.int64(value)
        at = stop
    elif wire in (1, 5):
        at += 8 if wire == 1 else 4
        if at > end:
            at = ERROR
    else:
        at = ERROR
    return number, wire, value, start, stop, at


@njit(cache=True, nogil=True)
def _count_numbers(data, start, stop):
    """How many varints lie in a stretch of bytes."""
    count = 0
    for i in range(start, stop):
        if data[i] < 128:
            count += 1
    return count


@njit(cache=True, nogil=True)
def read_block(data):
    """What a block holds.

    Returns ``(ok, string start i64[s], string stop, group start i64[g], group stop, scale)`` with
    ``scale`` i64[3]: granularity, offset of latitudes and of longitudes, in nanodegrees.
    """
    n_strings = 0
    n_groups = 0
    scale = np.array([100, 0, 0], np.int64)
    starts, stops = np.empty(0, np.int64), np.empty(0, np.int64)
    group_starts, group_stops = np.empty(0, np.int64), np.empty(0, np.int64)
    for turn in range(2):
        if turn == 1:
            starts, stops = np.empty(n_strings, np.int64), np.empty(n_strings, np.int64)
            group_starts, group_stops = np.empty(n_groups, np.int64), np.empty(n_groups, np.int64)
            n_strings = n_groups = 0
        at = 0
        while at < len(data):
            number, wire, value, start, stop, at = _field(data, at, len(data))
            if at == ERROR:
                return False, starts, stops, group_starts, group_stops, scale
            if number == BLOCK_STRINGS and wire == 2:
                inner = start
                while inner < stop:
                    field, kind, _, text, text_end, inner = _field(data, inner, stop)
                    if inner == ERROR:
                        return False, starts, stops, group_starts, group_stops, scale
                    if field == 1 and kind == 2:
                        if turn == 1:
                            starts[n_strings], stops[n_strings] = text, text_end
                        n_strings += 1
            elif number == BLOCK_GROUP and wire == 2:
                if turn == 1:
                    group_starts[n_groups], group_stops[n_groups] = start, stop
                n_groups += 1
            elif number == BLOCK_GRANULARITY:
                scale[0] = np.int64(value)
            elif number == BLOCK_LAT:
                scale[1] = np.int64(value)
            elif number == BLOCK_LON:
                scale[2] = np.int64(value)
    return True, starts, stops, group_starts, group_stops, scale


@njit(cache=True, nogil=True)
def find_string(data, starts, stops, wanted):
    """Number of the string with these bytes, -1 if the block has none."""
    for i in range(len(starts)):
        if stops[i] - starts[i] == len(wanted):
            same = True
            for k in range(len(wanted)):
                if data[starts[i] + k] != wanted[k]:
                    same = False
                    break
            if same:
                return i
    return -1


@njit(cache=True, nogil=True)
def kinds_in(data, start, stop):
    """Counts of plain nodes, dense groups, ways and relations of a group; i64[5], [0] an error."""
    counts = np.zeros(5, np.int64)
    at = start
    while at < stop:
        number, wire, _, _, _, at = _field(data, at, stop)
        if at == ERROR:
            counts[0] = 1
            break
        if wire == 2 and 1 <= number <= 4:
            counts[number] += 1
    return counts


@njit(cache=True, nogil=True)
def _degrees(raw, scale, offset):
    """A coordinate in units of 1e-7 degrees."""
    nano = offset + scale * raw
    rounded = (nano + 50) // 100
    return np.int32(rounded) if -2147483648 < rounded < 2147483647 else np.int32(NO_COORDINATE)


@njit(cache=True, nogil=True)
def read_nodes(data, start, stop, scale, wanted, key_string, value_string):
    """Nodes of a group.

    Args: ``wanted`` i64 ids, ascending, of the nodes to keep; nodes with the tag
    ``key_string`` = ``value_string`` (-1: no such string) are kept in any case.
    Returns ``(read (-1: damaged), ids, y i32, x i32, tagged, tag_first, tag_key, tag_value)``:
    places in units of 1e-7 degrees, ``tagged`` the kept nodes that carry the tag, with all tags.
    """
    room = 0
    tag_room = 0
    at = start
    while at < stop:
        number, wire, _, a, b, at = _field(data, at, stop)
        if at == ERROR:
            break
        if number == GROUP_DENSE and wire == 2:
            inner = a
            while inner < b:
                field, kind, _, c, d, inner = _field(data, inner, b)
                if inner == ERROR:
                    break
                if field == 1 and kind == 2:
                    room += _count_numbers(data, c, d)
                if field == 10 and kind == 2:
                    tag_room += _count_numbers(data, c, d)
        elif number == GROUP_NODE and wire == 2:
            room += 1
            tag_room += b - a
    ids = np.empty(room, np.int64)
    y = np.empty(room, np.int32)
    x = np.empty(room, np.int32)
    tagged = np.empty(room, np.int64)
    tag_first = np.zeros(room + 1, np.int64)
    tag_key = np.empty(tag_room, np.int32)
    tag_value = np.empty(tag_room, np.int32)
    kept, n_tagged, n_tags, read = 0, 0, 0, 0
    spot = 0
    at = start
    damaged = False
    while at < stop and not damaged:
        number, wire, _, a, b, at = _field(data, at, stop)
        if at == ERROR:
            damaged = True
            break
        if wire != 2:
            continue
        if number == GROUP_DENSE:
            id_at = id_end = lat_at = lat_end = lon_at = lon_end = kv_at = kv_end = a
            inner = a
            while inner < b:
                field, kind, _, c, d, inner = _field(data, inner, b)
                if inner == ERROR:
                    damaged = True
                    break
                if kind == 2:
                    if field == 1:
                        id_at, id_end = c, d
                    elif field == 8:
                        lat_at, lat_end = c, d
                    elif field == 9:
                        lon_at, lon_end = c, d
                    elif field == 10:
                        kv_at, kv_end = c, d
            node, lat, lon = np.int64(0), np.int64(0), np.int64(0)
            with_tags = kv_end > kv_at
            while id_at < id_end and not damaged:
                step, id_at = _varint(data, id_at, id_end)
                up, lat_at = _varint(data, lat_at, lat_end)
                right, lon_at = _varint(data, lon_at, lon_end)
                if min(id_at, lat_at, lon_at) < 0:
                    damaged = True
                    break
                node += _signed(step)
                lat += _signed(up)
                lon += _signed(right)
                read += 1
                first_tag = n_tags
                matches = False
                while with_tags and kv_at < kv_end:
                    key, kv_at = _varint(data, kv_at, kv_end)
                    if kv_at == ERROR:
                        damaged = True
                        break
                    if key == np.uint64(0):
                        break
                    value, kv_at = _varint(data, kv_at, kv_end)
                    if kv_at == ERROR:
                        damaged = True
                        break
                    tag_key[n_tags], tag_value[n_tags] = np.int32(key), np.int32(value)
                    n_tags += 1
                    if np.int64(key) == key_string and np.int64(value) == value_string:
                        matches = True
                if not matches:
                    n_tags = first_tag
                keep, spot = _is_wanted(wanted, node, spot)
                if keep or matches:
                    ids[kept] = node
                    y[kept] = _degrees(lat, scale[0], scale[1])
                    x[kept] = _degrees(lon, scale[0], scale[2])
                    if matches:
                        tagged[n_tagged] = kept
                        n_tagged += 1
                        tag_first[n_tagged] = n_tags
                    kept += 1
        elif number == GROUP_NODE:
            node, lat, lon = np.int64(0), np.int64(0), np.int64(0)
            key_at = key_end = value_at = value_end = a
            inner = a
            while inner < b:
                field, kind, value, c, d, inner = _field(data, inner, b)
                if inner == ERROR:
                    damaged = True
                    break
                if field == 1 and kind == 0:
                    node = _signed(value)
                elif field == 8 and kind == 0:
                    lat = _signed(value)
                elif field == 9 and kind == 0:
                    lon = _signed(value)
                elif field == 2 and kind == 2:
                    key_at, key_end = c, d
                elif field == 3 and kind == 2:
                    value_at, value_end = c, d
            read += 1
            first_tag = n_tags
            matches = False
            while key_at < key_end and not damaged:
                key, key_at = _varint(data, key_at, key_end)
                value, value_at = _varint(data, value_at, value_end)
                if min(key_at, value_at) < 0:
                    damaged = True
                    break
                tag_key[n_tags], tag_value[n_tags] = np.int32(key), np.int32(value)
                n_tags += 1
                if np.int64(key) == key_string and np.int64(value) == value_string:
                    matches = True
            if not matches:
                n_tags = first_tag
            keep, spot = _is_wanted(wanted, node, spot)
            if keep or matches:
                ids[kept] = node
                y[kept] = _degrees(lat, scale[0], scale[1])
                x[kept] = _degrees(lon, scale[0], scale[2])
                if matches:
                    tagged[n_tagged] = kept
                    n_tagged += 1
                    tag_first[n_tagged] = n_tags
                kept += 1
    return (
        ERROR if damaged else read,
        ids[:kept].copy(),
        y[:kept].copy(),
        x[:kept].copy(),
        tagged[:n_tagged].copy(),
        tag_first[: n_tagged + 1].copy(),
        tag_key[:n_tags].copy(),
        tag_value[:n_tags].copy(),
    )


@njit(cache=True, nogil=True)
def _is_wanted(wanted, node, spot):
    """Whether an id is among the wanted ones, and where to go on looking."""
    if spot < len(wanted) and wanted[spot] < node:
        step = 1
        while spot + step < len(wanted) and wanted[spot + step] < node:
            spot += step
            step *= 2
        low, high = spot, min(spot + step, len(wanted))
        while low < high:
            middle = (low + high) >> 1
            if wanted[middle] < node:
                low = middle + 1
            else:
                high = middle
        spot = low
    elif spot > 0 and wanted[spot - 1] >= node:
        spot = _place(wanted, node)
    return spot < len(wanted) and wanted[spot] == node, spot


@njit(cache=True, nogil=True)
def _place(wanted, node):
    low, high = 0, len(wanted)
    while low < high:
        middle = (low + high) >> 1
        if wanted[middle] < node:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def read_ways(data, start, stop, of_use, rings, refs, tag_key, tag_value):
    """Ways of a group that have a key of use, or whose id is among ``rings`` (ascending).

    Args: ``of_use`` bool[strings]; ``refs`` i64, ``tag_key`` and ``tag_value`` i32 scratch of at
    least as many entries as the group has bytes. Returns ``(read (-1: damaged), ids, ref_first,
    refs, tag_first, tag_key, tag_value)``; ways that are only rings have no tags.
    """
    n_ways = 0
    at = start
    while at < stop:
        number, wire, _, _, _, at = _field(data, at, stop)
        if at == ERROR:
            break
        n_ways += 1
    ids = np.empty(n_ways, np.int64)
    ref_first = np.zeros(n_ways + 1, np.int64)
    tag_first = np.zeros(n_ways + 1, np.int64)
    kept, n_refs, n_tags, read = 0, 0, 0, 0
    at = start
    damaged = False
    while at < stop and not damaged:
        number, wire, _, a, b, at = _field(data, at, stop)
        if at == ERROR:
            damaged = True
            break
        if number != GROUP_WAY or wire != 2:
            continue
        read += 1
        way = np.int64(0)
        key_at = key_end = value_at = value_end = ref_at = ref_end = a
        inner = a
        while inner < b:
            field, kind, value, c, d, inner = _field(data, inner, b)
            if inner == ERROR:
                damaged = True
                break
            if field == 1 and kind == 0:
                way = np.int64(value)
            elif kind == 2:
                if field == 2:
                    key_at, key_end = c, d
                elif field == 3:
                    value_at, value_end = c, d
                elif field == 8:
                    ref_at, ref_end = c, d
        first_tag = n_tags
        useful = False
        while key_at < key_end and not damaged:
            key, key_at = _varint(data, key_at, key_end)
            value, value_at = _varint(data, value_at, value_end)
            if min(key_at, value_at) < 0 or key >= np.uint64(len(of_use)):
                damaged = True
                break
            tag_key[n_tags], tag_value[n_tags] = np.int32(key), np.int32(value)
            n_tags += 1
            useful = useful or of_use[np.int64(key)]
        if not useful:
            n_tags = first_tag
            if len(rings) == 0:
                continue
            spot = _place(rings, way)
            if spot == len(rings) or rings[spot] != way:
                continue
        node = np.int64(0)
        while ref_at < ref_end and not damaged:
            step, ref_at = _varint(data, ref_at, ref_end)
            if ref_at == ERROR:
                damaged = True
                break
            node += _signed(step)
            refs[n_refs] = node
            n_refs += 1
        ids[kept] = way
        kept += 1
        ref_first[kept] = n_refs
        tag_first[kept] = n_tags
    return (
        ERROR if damaged else read,
        ids[:kept].copy(),
        ref_first[: kept + 1].copy(),
        refs[:n_refs].copy(),
        tag_first[: kept + 1].copy(),
        tag_key[:n_tags].copy(),
        tag_value[:n_tags].copy(),
    )


@njit(cache=True, nogil=True)
def read_relations(data, start, stop, key_string):
    """Relations of a group with a certain key, and their members that are ways.

    Returns ``(read (-1: damaged), tag_first, tag_key, tag_value, member_first, member i64,
    role i32)``.
    """
    n_relations = 0
    at = start
    while at < stop:
        number, wire, _, _, _, at = _field(data, at, stop)
        if at == ERROR:
            break
        n_relations += 1
    tag_first = np.zeros(n_relations + 1, np.int64)
    tag_key = np.empty(stop - start, np.int32)
    tag_value = np.empty(stop - start, np.int32)
    member_first = np.zeros(n_relations + 1, np.int64)
    members = np.empty(stop - start, np.int64)
    roles = np.empty(stop - start, np.int32)
    kept, n_tags, n_members, read = 0, 0, 0, 0
    at = start
    damaged = False
    while at < stop and not damaged:
        number, wire, _, a, b, at = _field(data, at, stop)
        if at == ERROR:
            damaged = True
            break
        if number != GROUP_RELATION or wire != 2:
            continue
        read += 1
        key_at = key_end = value_at = value_end = a
        role_at = role_end = id_at = id_end = kind_at = kind_end = a
        inner = a
        while inner < b:
            field, kind, value, c, d, inner = _field(data, inner, b)
            if inner == ERROR:
                damaged = True
                break
            if kind == 2:
                if field == 2:
                    key_at, key_end = c, d
                elif field == 3:
                    value_at, value_end = c, d
                elif field == 8:
                    role_at, role_end = c, d
                elif field == 9:
                    id_at, id_end = c, d
                elif field == 10:
                    kind_at, kind_end = c, d
        first_tag = n_tags
        useful = False
        while key_at < key_end and not damaged:
            key, key_at = _varint(data, key_at, key_end)
            value, value_at = _varint(data, value_at, value_end)
            if min(key_at, value_at) < 0:
                damaged = True
                break
            tag_key[n_tags], tag_value[n_tags] = np.int32(key), np.int32(value)
            n_tags += 1
            useful = useful or np.int64(key) == key_string
        if not useful:
            n_tags = first_tag
            continue
        member = np.int64(0)
        while id_at < id_end and not damaged:
            step, id_at = _varint(data, id_at, id_end)
            role, role_at = _varint(data, role_at, role_end)
            what, kind_at = _varint(data, kind_at, kind_end)
            if min(id_at, role_at, kind_at) < 0:
                damaged = True
                break
            member += _signed(step)
            if what == np.uint64(1):
                members[n_members], roles[n_members] = member, np.int32(role)
                n_members += 1
        kept += 1
        tag_first[kept] = n_tags
        member_first[kept] = n_members
    return (
        ERROR if damaged else read,
        tag_first[: kept + 1].copy(),
        tag_key[:n_tags].copy(),
        tag_value[:n_tags].copy(),
        member_first[: kept + 1].copy(),
        members[:n_members].copy(),
        roles[:n_members].copy(),
    )


@njit(cache=True, nogil=True)
def places_of(ids, wanted):
    """Index of each wanted id among ``ids`` (ascending), -1 where it is missing; i32."""
    at = np.empty(len(wanted), np.int32)
    spot = 0
    for i in range(len(wanted)):
        there, spot = _is_wanted(ids, wanted[i], spot)
        at[i] = spot if there else -1
    return at
