"""What a chapter needs to teach: check, hint, quiz, predict, reveal, claim, progress, TODO, and its own data."""

from recsys_teach.learn.chapters import load_saved_run, reference
from recsys_teach.learn.display import NotOk, check, claim, hint, predict, quiz, reveal
from recsys_teach.learn.progress_file import progress
from recsys_teach.learn.todo import TODO

__all__ = [
    "TODO",
    "NotOk",
    "check",
    "claim",
    "hint",
    "load_saved_run",
    "predict",
    "progress",
    "quiz",
    "reference",
    "reveal",
]
