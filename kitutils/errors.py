"""The one base of every error whose message is written for the user.

Standard library only, so that every module may import it.
"""

from __future__ import annotations


class KitError(Exception):
    """An error whose message tells the user what was received, what was expected and what to do next.

    The command line prints the message alone, without a traceback. Subclass it for what a user can mend; a plain
    ``ValueError`` or ``TypeError`` is right for what only a programmer can.
    """
