"""A linearised pipe network: small changes of flow, and the pressure they cost.

Near the working point the head loss of a pipe is proportional to its flow, so the drop of
pressure at the nodes solves a graph Laplacian. It is factorised once; every demand pattern,
leak or lost pump is then one back-substitution.
"""

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu


class LinearNetwork:
    """Pressure drops of a network with fixed-pressure sources.

    Parameters
    ----------
    head, tail : int arrays, (link,)
    conductance : array, (link,) [flow per pressure]
    sources : int array
        Nodes of fixed pressure; every connected part needs one.
    n_nodes : int
    """

    def __init__(
        self,
        head: np.ndarray,
        tail: np.ndarray,
        conductance: np.ndarray,
        *,
        sources: np.ndarray,
        n_nodes: int,
    ) -> None:
        self.head, self.tail, self.conductance, self.sources = head, tail, conductance, sources
        rows = np.r_[head, tail, head, tail]
        columns = np.r_[head, tail, tail, head]
        values = np.r_[conductance, conductance, -conductance, -conductance]
        stiff = 1e6 * conductance.max()
        matrix = sparse.coo_array((values, (rows, columns)), shape=(n_nodes, n_nodes)).tocsc()
        ground = np.zeros(n_nodes)
        ground[sources] = stiff
        self._factor = splu(sparse.csc_matrix(matrix + sparse.diags_array(ground)))

    def drop(self, demand: np.ndarray) -> np.ndarray:
        """Return the pressure drop at every node.

        Parameters
        ----------
        demand : array, (node,) or (node, pattern) [flow taken out]
        """
        return self._factor.solve(np.ascontiguousarray(demand, dtype=float))

    def flow(self, drop: np.ndarray) -> np.ndarray:
        """Return the flow in every link from `head` to `tail`."""
        return self.conductance * (drop[self.tail] - drop[self.head])
