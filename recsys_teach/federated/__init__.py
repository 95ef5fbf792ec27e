"""Federated learning from ratings that stay with their owners. For learning; built by hand in chapter 16."""

from recsys_teach.federated.gradients import (
    average_over_raters,
    client_gradient,
    client_upload,
    clip_upload,
    read_upload,
    server_step,
    start_items,
)
from recsys_teach.federated.masking import MODULUS, decode, encode, masked_upload, pad, shared_pads, unmasked_sum
from recsys_teach.federated.training import Clients, predict_ratings, train_federated

__all__ = [
    "MODULUS",
    "Clients",
    "average_over_raters",
    "client_gradient",
    "client_upload",
    "clip_upload",
    "decode",
    "encode",
    "masked_upload",
    "pad",
    "predict_ratings",
    "read_upload",
    "server_step",
    "shared_pads",
    "start_items",
    "train_federated",
    "unmasked_sum",
]
