"""Distillation: a small network learns what a large one says, and not the labels alone.

Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network" (2015).
"""

from __future__ import annotations

import keras
from keras import ops


def distillation_loss(labels, student, teacher, *, temperature: float = 4.0, alpha: float = 0.1):
    """The loss of each row: ``alpha`` times the labels' crossentropy, and the rest of the way to the teacher.

    At a temperature above 1 the teacher's chances for the wrong classes count for more, and they hold what it knows
    about likeness. The divergence of student and teacher (Kullback and Leibler's) is multiplied by the temperature's
    square, so that its gradients keep their size (section 2.1 of the paper).

    Args:
        labels: class numbers, shape (rows,) or (rows, 1).
        student, teacher: logits, shape (rows, classes).
        temperature: what logits are divided by, above 0.
        alpha: the labels' share, from 0 to 1.

    Returns:
        float32 of shape (rows,).
    """
    hard = keras.losses.sparse_categorical_crossentropy(ops.reshape(labels, (-1,)), student, from_logits=True)
    known, learned = ops.log_softmax(teacher / temperature), ops.log_softmax(student / temperature)
    soft = ops.sum(ops.exp(known) * (known - learned), axis=-1)
    return alpha * hard + (1 - alpha) * temperature**2 * soft


class Distiller(keras.Model):
    """Trains a student on a teacher's logits: compile it, fit it on images and labels, then use ``student``.

    Metrics given to ``compile`` judge the student by the labels. The teacher is never trained, and its weights are none
    of this model's.

    Args:
        student: built; gives logits. It is trained in place.
        teacher: gives logits for the same inputs and classes.
        temperature, alpha: as for :func:`distillation_loss`.

    Raises:
        ValueError: temperature or alpha is out of its range, the two disagree about the number of classes, or one of
            them can be seen to give probabilities.
    """

    def __init__(
        self, student: keras.Model, teacher: keras.Model, *, temperature: float = 4.0, alpha: float = 0.1
    ) -> None:
        super().__init__(name=student.name)
        if temperature <= 0 or not 0 <= alpha <= 1:
            raise ValueError(f"temperature is above 0 and alpha from 0 to 1; got {temperature} and {alpha}.")
        if student.output_shape != teacher.output_shape:
            raise ValueError(
                "Student and teacher give one logit a class, of the same classes; "
                f"got outputs of shape {student.output_shape} and {teacher.output_shape}."
            )
        for who, model in (("student", student), ("teacher", teacher)):
            if (last := _last_activation(model)) in ("softmax", "sigmoid"):
                raise ValueError(
                    f"The {who} ends in {last}, and so gives probabilities; distillation needs its logits. Build it "
                    "without that last activation, and set_weights(model.get_weights())."
                )
        self.student = student
        self.teach = lambda x: teacher(
            x, training=False
        )  # in a function, or Keras would count it as part of this model
        self.temperature, self.alpha = temperature, alpha
        self.built = True  # as the student is: callbacks look at its weights before the first batch

    def call(self, inputs, training=None):
        return self.student(inputs, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        teacher = ops.stop_gradient(self.teach(x))
        loss = distillation_loss(y, y_pred, teacher, temperature=self.temperature, alpha=self.alpha)
        if sample_weight is not None:
            loss = loss * ops.reshape(sample_weight, (-1,))
        return ops.mean(loss) + sum(self.losses)


def _last_activation(model: keras.Model) -> str:
    """The name of what a model's output comes from: an activation, or a layer that has none. Empty if it can't be
    seen, as in a subclass with a ``call`` of its own."""
    while isinstance(model, keras.Model):
        if not getattr(model, "outputs", None):
            return ""
        model = model.outputs[0]._keras_history.operation
    return getattr(getattr(model, "activation", None), "__name__", type(model).__name__.lower())
