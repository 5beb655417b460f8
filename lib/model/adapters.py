"""Where adapters lie: that of a run's training, that of its preference training, and the one that comes with a base.

A run folder and a profile come in; the folder of an adapter, and the retriever that belongs to it, go out.
"""

from pathlib import Path

from lib.errors import CourseError
from lib.model.base import BaseModelError
from lib.profiles import Profile
from lib.retrieval.retrieve import Retriever

RETRIEVER = "retriever.json.gz"  # beside the adapter that was trained with it
ADAPTERS = ("trained", "shipped")
PREFERRED = "02_train/preferred"  # of a run: where the adapter lies after preference training


def adapter_folder(run_folder: Path, profile: Profile, adapter: str | None = None) -> Path:
    """Where the adapter lies that is to answer: see `PolicyGenerator.load`."""
    if adapter not in (None, "", *ADAPTERS):
        raise CourseError(f"ADAPTER is {adapter!r}: write one of {', '.join(ADAPTERS)}")
    trained = run_folder / "02_train" / "adapter"
    shipped = profile.shipped_adapter
    if adapter == "shipped" and not shipped:
        raise BaseModelError(f"no adapter comes with the course for {profile.base_model}: choose ADAPTER='trained'")
    return shipped if shipped and adapter != "trained" else trained


def load_retriever(adapter: Path) -> Retriever:
    """The retriever that an adapter was trained with.

    Raises:
        BaseModelError: if there is none beside it.
    """
    try:
        return Retriever.load(adapter / RETRIEVER)
    except FileNotFoundError as error:
        raise BaseModelError(f"{adapter} holds no {RETRIEVER}: run notebooks/02_train.ipynb again") from error
