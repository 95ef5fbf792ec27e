"""What a chapter needs to teach: check, hint, quiz, predict, reveal, claim, progress, TODO."""

from recsys_teach.learn.record import progress
from recsys_teach.learn.tell import NotOk, check, claim, hint, predict, quiz, reveal
from recsys_teach.learn.todo import TODO

__all__ = ["TODO", "NotOk", "check", "claim", "hint", "predict", "progress", "quiz", "reveal"]
