"""The small networks of retrieval: one hidden layer, run with numpy. `tools.fit_retrieval` fits them."""

from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from lib.files import writing


@dataclass(frozen=True)
class Network:
    """Features in, logits out; all arrays are float32."""

    mean: np.ndarray  # (features,)
    deviation: np.ndarray  # (features,)
    inner: np.ndarray  # (hidden, features)
    inner_bias: np.ndarray  # (hidden,)
    outer: np.ndarray  # (outputs, hidden)
    outer_bias: np.ndarray  # (outputs,)

    @classmethod
    def load(cls, path: Path) -> "Network":
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: if there is no such file.
        """
        with np.load(path, allow_pickle=False) as stored:
            return cls(*(stored[field.name] for field in fields(cls)))

    def save(self, path: Path) -> None:
        """Write the arrays as .npz."""
        arrays = dict(zip((field.name for field in fields(self)), astuple(self), strict=True))
        with writing(path) as aside, aside.open("wb") as file:
            np.savez_compressed(file, **arrays)

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Shape (..., features) in, shape (..., outputs) out."""
        hidden = (features - self.mean) / self.deviation @ self.inner.T + self.inner_bias
        with np.errstate(over="ignore"):  # 1 / infinity is the 0 that is meant
            hidden = hidden / (1 + np.exp(-1.702 * hidden))  # GELU, near enough
        return hidden @ self.outer.T + self.outer_bias


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-logits))
