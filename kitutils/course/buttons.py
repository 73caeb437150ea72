"""A question with a button for each choice: what predictions and the self-test of lesson 00 show in a notebook."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence


class Buttons:
    """The question, a button for each choice, and a line of words below them.

    Args:
        lead: a few words in bold before the question.
        question: plain text.
        choices: plain texts, a button each.
        tooltip: what a button says it does, before its choice.
        on_click: called with the choice that was clicked.
    """

    def __init__(
        self, lead: str, question: str, choices: Sequence[str], *, tooltip: str, on_click: Callable[[str], None]
    ) -> None:
        import ipywidgets as widgets

        self._choices = tuple(choices)
        self.buttons = [
            widgets.Button(description=choice, tooltip=f"{tooltip}: {choice}", layout=widgets.Layout(width="auto"))
            for choice in self._choices
        ]
        for button in self.buttons:
            button.on_click(lambda clicked: on_click(self._choices[self.buttons.index(clicked)]))
        self.status = widgets.HTML()
        row = widgets.HBox(self.buttons, layout=widgets.Layout(flex_flow="row wrap"))
        self._head = widgets.HTML()
        self.box = widgets.VBox([self._head, row, self.status])
        self.ask(lead, question)

    def show(self) -> None:
        """Display them below the running cell."""
        from IPython.display import display

        display(self.box)

    def ask(self, lead: str, question: str) -> None:
        """Put another question above the same buttons."""
        self._head.value = f"<strong>{html.escape(lead)}</strong> {html.escape(question)}"

    def say(self, words: str, *, chosen: str | None, closed: bool = False) -> None:
        """Put words below the buttons, mark the chosen one, and take no more clicks if closed."""
        for button, choice in zip(self.buttons, self._choices, strict=True):
            button.disabled = closed
            button.description = f"✓ {choice}" if choice == chosen else choice
        self.status.value = f'<small role="status" aria-live="polite">{html.escape(words)}</small>'
