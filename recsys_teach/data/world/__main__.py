"""Write the files of the world, and print the statistics of its data card."""

from __future__ import annotations

from recsys_teach.data.world.files import calibration, save_world, world_folder
from recsys_teach.data.world.generate import make_world

if __name__ == "__main__":
    world = make_world()
    save_world(world, world_folder())
    for name, value in calibration(world).items():
        print(f"| {name} | {round(float(value), 4):,} |")
