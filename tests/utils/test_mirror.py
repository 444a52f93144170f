"""Mirror images of vectors are their own inverses and keep the parts of a vector together."""

import numpy as np
import pytest

from utils.mirror import PLANAR_VELOCITY, QUATERNION, ROTATION, VECTOR, Mirror, joined, moved, signs, unchanged
from utils.observation import ObservationTable, Row
from utils.rotations import rotation_matrix

ACROSS = np.diag([1.0, -1.0, 1.0])  # reflection in the plane y = 0


def row(size, mirror=None, name="row"):
    return Row(name, size, -1.0, 1.0, "1", mirror=mirror)


def test_parts_follow_one_another_and_blocks_change_places():
    mirror = joined(VECTOR, moved((1, 0), signs(-1.0, 1.0)))
    assert mirror(np.arange(1.0, 8.0)).tolist() == [1.0, -2.0, 3.0, -6.0, 7.0, -4.0, 5.0]
    assert len(mirror) == 7


def test_images_of_many_vectors_keep_their_shape_and_type():
    vectors = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    image = VECTOR(vectors)
    assert image.dtype == np.float32 and image.shape == vectors.shape and (VECTOR(image) == vectors).all()


@pytest.mark.parametrize(
    ("order", "values"),
    [((0, 0), (1.0, 1.0)), ((0, 1), (1.0,)), ((0, 1), (1.0, 0.5)), ((1, 2, 0), (1.0, 1.0, 1.0)), ((1, 0), (1.0, -1.0))],
    ids=["no permutation", "a sign too few", "no sign", "two images differ", "signs that do not cancel"],
)
def test_what_is_no_mirror_is_refused(order, values):
    with pytest.raises(ValueError, match="a mirror"):
        Mirror(order, values)


def test_vectors_rotations_and_orientations_have_the_images_of_a_reflection():
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 3))
    np.testing.assert_allclose(VECTOR(a), ACROSS @ a)
    np.testing.assert_allclose(ROTATION(np.cross(a, b)), np.cross(ACROSS @ a, ACROSS @ b))
    quat = random.normal(size=4)
    quat /= np.linalg.norm(quat)
    images = [rotation_matrix(q[None])[0] for q in (quat, QUATERNION(quat))]
    np.testing.assert_allclose(images[1], ACROSS @ images[0] @ ACROSS, atol=1e-12)
    assert PLANAR_VELOCITY(np.array([1.0, 2.0, 3.0])).tolist() == [1.0, -2.0, -3.0]


def test_a_table_has_a_mirror_if_all_rows_have_one():
    assert ObservationTable(row(3, VECTOR), row(1, unchanged(1), "other")).mirror == joined(VECTOR, unchanged(1))
    assert ObservationTable(row(3, VECTOR), row(1, None, "other")).mirror is None


def test_a_mirror_of_another_size_than_its_row_is_refused():
    with pytest.raises(ValueError, match="the mirror of row must have 2 entries, got 3"):
        ObservationTable(row(2, VECTOR))
