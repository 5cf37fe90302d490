"""How near vectors are."""

import numpy


def cosines(a, b):
    """Of each row of `a` and the same row of `b`, in double."""
    a, b = a.astype(numpy.float64), b.astype(numpy.float64)
    return (a * b).sum(1) / (numpy.linalg.norm(a, axis=1) * numpy.linalg.norm(b, axis=1))
