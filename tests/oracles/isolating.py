"""Isolation the slow way: every choice of valves on small networks, a plain flood on large ones."""

from itertools import product

VALVE = 1


def flood(network, starts, closed) -> set[int]:
    """Nodes reached from `starts` over open links that are not in `closed`, by plain walking."""
    near: dict[int, list[int]] = {}
    for link in range(network.links.size):
        if network.open[link] and link not in closed:
            near.setdefault(int(network.head[link]), []).append(int(network.tail[link]))
            near.setdefault(int(network.tail[link]), []).append(int(network.head[link]))
    reached, to_see = set(), [int(node) for node in starts]
    while to_see:
        node = to_see.pop()
        if node not in reached:
            reached.add(node)
            to_see += near.get(node, [])
    return reached


def best_of_all_choices(network, broken: int, stuck: set[int]) -> tuple[set[int], set[int]]:
    """Valves and lost nodes: fewest sources shut, least emptied, fewest valves closed."""
    valves = [
        link
        for link in range(network.links.size)
        if network.kind[link] == VALVE and network.open[link] and link not in stuck
    ]
    best, answer = None, None
    for choice in product((False, True), repeat=len(valves)):
        closed = {valve for valve, shut in zip(valves, choice, strict=True) if shut}
        at_break = flood(network, [network.head[broken]], closed)
        fed = flood(network, [s for s in network.sources if int(s) not in at_break], closed)
        if at_break & fed:
            continue
        empty = [
            network.length_m[link]
            for link in range(network.links.size)
            if int(network.head[link]) not in fed or int(network.tail[link]) not in fed
        ]
        shut = sum(int(source) in at_break for source in network.sources)
        rank = (shut, round(sum(empty), 6), network.nodes.size - len(fed), len(closed))
        if best is None or rank < best:
            best, answer = rank, (closed, set(range(network.nodes.size)) - fed)
    return answer


def walked(network, broken: int, stuck: set[int]) -> tuple[set[int], set[int]]:
    """The same by walking from the break to the nearest working valves, then from the sources."""
    works = {
        link
        for link in range(network.links.size)
        if network.kind[link] == VALVE and network.open[link] and link not in stuck
    }
    inside = flood(network, [network.head[broken]], works)
    border = {
        link
        for link in works
        if (int(network.head[link]) in inside) != (int(network.tail[link]) in inside)
    }
    fed = flood(network, [s for s in network.sources if int(s) not in inside], border)
    needed = {
        link for link in border if int(network.head[link]) in fed or int(network.tail[link]) in fed
    }
    return needed, set(range(network.nodes.size)) - fed
