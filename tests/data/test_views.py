import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kitutils.data import views


def pictures(n=6, side=8, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, channels)).astype(np.uint8)


def is_mirrored(after, before):
    """For each picture True, False, or None where it is neither itself nor its mirror image."""
    return [
        True if (a == b[:, ::-1]).all() else False if (a == b).all() else None
        for a, b in zip(after, before, strict=True)
    ]


@settings(deadline=None, max_examples=30)
@given(epoch=st.integers(0, 50), first=st.lists(st.booleans(), min_size=6, max_size=6))
def test_two_epochs_running_show_both_sides_of_every_picture(epoch, first):
    images = pictures()
    now, then = (is_mirrored(views.alternately(images, np.array(first), e), images) for e in (epoch, epoch + 1))
    assert now == [side != epoch % 2 for side in first]
    assert now == [not side for side in then]


def test_what_comes_in_is_left_alone():
    images = pictures()
    before = images.copy()
    views.alternately(images, np.ones(6, bool), 0)
    views.shifted(images, 2, np.random.default_rng(0))
    assert (images == before).all()


def test_shifts_are_by_whole_pixels_with_the_reflection_at_the_rim():
    images = pictures(300)
    around = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="reflect")
    moved = views.shifted(images, 2, np.random.default_rng(0))
    seen = set()
    for picture, wide in zip(moved, around, strict=True):
        places = [(r, c) for r in range(5) for c in range(5) if (wide[r : r + 8, c : c + 8] == picture).all()]
        assert len(places) == 1
        seen |= set(places)
    assert len(seen) == 25  # every shift comes up
