"""The checks of the exercises: one module ``lesson_NN`` for each lesson, imported when an exercise of it is opened.

A module registers its checks with ``kitutils.course.grading.check`` when it is imported. It may import any stage, but
what is slow to import (TensorFlow, Keras) it imports inside the check.
"""
