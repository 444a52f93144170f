"""Draws the toy's plane; it replaces the camera of other environments."""

import numpy as np

from envs.toy.task import FIELD, Toy
from utils.rendering.pictures import NO_PICTURES, Pictures, View

RENDER_MODES = ["rgb_array"]
SIDE = 240  # default width and height, pixels
MARK = 4 / SIDE  # half the side of a square mark, as a share of the picture's shorter side


class Picture(View):
    """Draws the point as a red square and the target as a green one on a white field, x to the right and y up.

    Raises:
        ValueError: a camera is given, or the render mode is unknown.
    """

    modes, default_size = RENDER_MODES, (SIDE, SIDE)

    def __init__(self, toy: Toy, pictures: Pictures = NO_PICTURES):
        super().__init__(pictures)
        if pictures.camera_name is not None or pictures.camera_id is not None:
            raise ValueError("the toy is drawn without a camera: leave out camera_name and camera_id")
        self._toy = toy

    def close(self):
        """Does nothing: there is nothing to free."""

    def _drawn(self, index):
        height, width = self._size
        picture = np.full((height, width, 3), 255, np.uint8)
        reach = round(min(height, width) * MARK)
        for position, colour in ((np.zeros(2), (0, 160, 0)), (self._toy.position[index], (220, 0, 0))):
            column, row = (np.array([1, -1]) * position / FIELD + 1) * (np.array([width, height]) - 1) / 2
            rows, columns = (slice(max(0, round(at) - reach), round(at) + reach + 1) for at in (row, column))
            picture[rows, columns] = colour
        return picture
