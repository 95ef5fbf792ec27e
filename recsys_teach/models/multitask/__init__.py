"""Train several tasks in one network, with shared layers and balanced losses. Built in chapters 11 and 12."""

from recsys_teach.models.multitask.balancing import (
    GradNorm,
    UncertaintyWeights,
    gradient_cosines,
    pcgrad,
    set_gradient,
    task_gradients,
)
from recsys_teach.models.multitask.funnel import ESMM, PairInput
from recsys_teach.models.multitask.networks import CGC, PLE, MMoE, SharedBottom, n_parameters, task_losses
from recsys_teach.models.multitask.synthetic import label_correlation, related_tasks

__all__ = [
    "CGC",
    "ESMM",
    "PLE",
    "GradNorm",
    "MMoE",
    "PairInput",
    "SharedBottom",
    "UncertaintyWeights",
    "gradient_cosines",
    "label_correlation",
    "n_parameters",
    "pcgrad",
    "related_tasks",
    "set_gradient",
    "task_gradients",
    "task_losses",
]
