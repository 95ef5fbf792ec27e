"""A synthetic streaming service with known ground truth. Introduced in chapter 00."""

from recsys_teach.data.world.config import DAY, FIRST_ITEM_ID, GENRES, WorldConfig
from recsys_teach.data.world.files import calibration, load_world, save_world, world_folder
from recsys_teach.data.world.generate import make_world
from recsys_teach.data.world.truth import Truth, World

__all__ = [
    "DAY",
    "FIRST_ITEM_ID",
    "GENRES",
    "Truth",
    "World",
    "WorldConfig",
    "calibration",
    "load_world",
    "make_world",
    "save_world",
    "world_folder",
]
