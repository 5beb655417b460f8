"""Small networks, fitted with torch by a maintainer and run with numpy here, and the features that they take."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Network:
    """A network of one hidden layer: features in, logits out; all arrays are float32."""

    mean: np.ndarray  # (features,)
    deviation: np.ndarray  # (features,)
    inner: np.ndarray  # (hidden, features)
    inner_bias: np.ndarray  # (hidden,)
    outer: np.ndarray  # (outputs, hidden)
    outer_bias: np.ndarray  # (outputs,)

    @classmethod
    def load(cls, path: Path) -> "Network":
        """Read an .npz of these arrays."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(*(stored[field.name] for field in fields(cls)))

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Shape (..., features) in, shape (..., outputs) out."""
        hidden = (features - self.mean) / self.deviation @ self.inner.T + self.inner_bias
        with np.errstate(over="ignore"):  # 1 / infinity is the 0 that is meant
            hidden = hidden / (1 + np.exp(-1.702 * hidden))  # GELU, near enough
        return np.asarray(hidden @ self.outer.T + self.outer_bias)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits."""
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-logits)))


def stacked(columns: Mapping[str, ArrayLike], rows: int) -> np.ndarray:
    """Columns by name as one float32 of shape (rows, columns); a single number stands in every row."""
    return np.stack([np.broadcast_to(column, rows) for column in columns.values()], axis=1).astype(np.float32)
