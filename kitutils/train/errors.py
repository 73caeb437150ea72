"""What stops a training, with the cause named."""

from kitutils.errors import KitError


class TrainingStopped(KitError):
    """The training went wrong in a way that more of it cannot mend; the message says why and what to do."""


class WrongFolder(KitError):
    """The folder of a run holds another run, or cannot be read."""
