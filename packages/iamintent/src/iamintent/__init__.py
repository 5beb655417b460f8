"""What a request in English asks for, before any model is asked: services, actions with their odds, condition keys."""

from iamintent.intent import Intent
from iamintent.retriever import Retriever

__all__ = ["Intent", "Retriever"]
