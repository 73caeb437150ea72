"""``python -m kitutils``: the ``kit`` command without its script on the PATH."""

from kitutils.cli import main

if __name__ == "__main__":
    main()
