"""Who lives along a network: people of the smallest areas shared among the nodes in them."""

import numpy as np
import shapely

from lifeline_kit.methods.hydraulics.assets import AssetNetwork
from lifeline_kit.model.city import City


def residents(city: City, built: AssetNetwork) -> np.ndarray:
    """Share the people of the smallest areas among the nodes that lie in them, (node,)."""
    network = built.network
    xy = np.full((network.nodes.size, 2), np.nan)
    line = city.assets.geometry.reindex(network.links)
    for end, which in ((network.head, 0), (network.tail, -1)):
        solid = np.flatnonzero(shapely.get_type_id(line.to_numpy()) == 1)
        point = shapely.get_point(line.to_numpy()[solid], which)
        xy[end[solid]] = np.c_[shapely.get_x(point), shapely.get_y(point)]
    areas = city.areas
    if not len(areas) or "population" not in areas:
        return np.ones(network.nodes.size)
    finest = areas[areas["level"] == ("cell" if (areas["level"] == "cell").any() else "district")]
    known = np.flatnonzero(~np.isnan(xy[:, 0]))
    tree = shapely.STRtree(finest.geometry.to_numpy())
    node, cell = tree.query(shapely.points(xy[known]), predicate="intersects")
    first = np.unique(node, return_index=True)[1]
    node, cell = known[node[first]], cell[first]
    crowd = finest["population"].to_numpy(float)[cell]
    people = np.zeros(network.nodes.size)
    people[node] = crowd / np.bincount(cell, minlength=len(finest))[cell]
    return people
