"""Where adapters lie: that of a run's training, that of its preference training, and the one that comes with nano.

A run folder and a profile come in; the folder of an adapter, and the retriever that belongs to it, go out.
"""

from pathlib import Path

from lib.errors import CourseError
from lib.files import ROOT
from lib.model.base import BaseModelError
from lib.profiles import Profile
from lib.retrieval.retrieve import Retriever

SHIPPED = ROOT / "models" / "nano" / "adapter"  # made by `python -m lib.model.ship`
RETRIEVER = "retriever.json.gz"  # beside the adapter that was trained with it
ADAPTERS = ("trained", "shipped")
PREFERRED = "02_train/preferred"  # of a run: where the adapter lies after preference training


def adapter_folder(run_folder: Path, profile: Profile, adapter: str | None = None) -> Path:
    """Where the adapter lies that is to answer: see `PolicyGenerator.load`."""
    if adapter not in (None, *ADAPTERS):
        raise CourseError(f"ADAPTER is {adapter!r}: write one of {', '.join(ADAPTERS)}")
    trained = run_folder / "02_train" / "adapter"
    nano = Path(profile.base_location).resolve() == SHIPPED.parent.resolve()
    if adapter == "shipped" and not nano:
        raise BaseModelError(
            f"the shipped adapter is nano's, not one of {profile.base_model}: choose ADAPTER='trained'"
        )
    if adapter == "shipped" or adapter is None and nano and not trained.exists():
        return SHIPPED
    return trained


def load_retriever(adapter: Path) -> Retriever:
    """The retriever that an adapter was trained with.

    Raises:
        BaseModelError: if there is none beside it.
    """
    try:
        return Retriever.load(adapter / RETRIEVER)
    except FileNotFoundError as error:
        raise BaseModelError(f"{adapter} holds no {RETRIEVER}: run notebooks/02_train.ipynb again") from error
