"""What the shop's customers write to its support, and the label that a hurried colleague gave each message.

A message is put together from an opening, what it is about, and a closing, as people write: with questions that could
be read two ways, small talk and slips of the keyboard. The truth is what the message was made to be about; where it is
about two things, the guideline's rule decides (``TOPICS`` in order: what costs the customer most comes first).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from kitutils.data.shop import FREE_RETURNS, TARGET, Shop

MESSAGES = 1500
WRONG = 0.06  # of the labels

# In order of precedence: a message about two topics belongs to the one that stands first.
TOPICS = ("damaged", "return", "delivery", "payment", "advice")
_ABOUT = {
    "damaged": (
        "the {thing} has a hole near the seam",
        "there is a stain on the {thing} that does not wash out",
        "a zip on the {thing} came off the first time I used it",
        "the {thing} arrived broken, the box was crushed",
        "the colour of the {thing} ran in the first wash",
        "one part of the {thing} is missing from the parcel",
        "the {thing} you sent is not the one in my order",
        "the {thing} smells so strongly of glue that I cannot keep it in the house",
        "after {days} days the {thing} has come apart",
    ),
    "return": (
        "I would like to send the {thing} back",
        "the {thing} does not suit me, how do I return it",
        "the {thing} is too small, please send a label",
        "please cancel my order for the {thing}",
        "I ordered two sizes of the {thing} and keep only one",
        "can I still give the {thing} back after {days} days",
        "where do I hand in the parcel with the {thing} that I don't keep",
        "I changed my mind about the {thing}",
        "can you swap the {thing} for a larger one",
    ),
    "delivery": (
        "where is my {thing}",
        "the tracking of my {thing} has not moved for {days} days",
        "you promised the {thing} for last week",
        "the courier left the {thing} with a neighbour I don't know",
        "can the {thing} come to another address",
        "my {thing} was to be here {days} days ago",
        "it says delivered but there is no {thing} at the door",
        "please ring the upper bell when you bring the {thing}",
        "will the {thing} be here before the weekend",
    ),
    "payment": (
        "I was charged twice for the {thing}",
        "the refund for the {thing} has not arrived after {days} days",
        "can I pay for the {thing} by invoice",
        "the voucher did not work when I bought the {thing}",
        "please send the bill for the {thing} to my company",
        "the price of the {thing} was lower when I put it into the basket",
        "my card was refused although it is valid",
        "the invoice for the {thing} shows the wrong name",
        "how much do you still owe me for the {thing}",
    ),
    "advice": (
        "is the {thing} true to size",
        "will the {thing} be in stock again",
        "how do I wash the {thing}",
        "does the {thing} come in green",
        "is the {thing} made of real leather",
        "which size of the {thing} do I take at a height of 1.75 m",
        "does the {thing} go with the one from your spring catalogue",
        "is the {thing} warm enough for winter",
        "do you have the {thing} in your shop in town as well",
    ),
}
_THINGS = {
    "dress": ("dress", "summer dress"),
    "shoes": ("pair of shoes", "pair of boots", "pair of sneakers"),
    "trousers": ("pair of trousers", "pair of jeans"),
    "jacket": ("jacket", "coat"),
    "shirt": ("shirt", "blouse"),
    "bag": ("bag", "backpack"),
    "jewellery": ("necklace", "bracelet"),
    "homeware": ("lamp", "blanket"),
}
_OPENINGS = (
    "",
    "",
    "",
    "Hi, ",
    "Hello, ",
    "Good morning, ",
    "Dear team, ",
    "Hi there, ",
    "Sorry to bother you, ",
    "Hey, ",
)
_CLOSINGS = (
    "",
    "",
    "",
    " Thanks!",
    " Please answer soon.",
    " Kind regards",
    " I have been a customer for years.",
    " Otherwise I am happy with you.",
    " This is the second time I write.",
    " Thank you in advance.",
)
# What adds a second topic, and so makes a message hard to label.
_LINKS = (", and ", ". Also, ", ". By the way, ", ", so ")


def messages(shop: Shop, count: int = MESSAGES, seed: int = 0) -> pd.DataFrame:
    """Support messages about orders of the shop, by time.

    Args:
        shop: whose orders they are about. Orders that came back are written about more often.
        count: how many, at most the number of orders.
        seed: the same seed and shop give the same messages.

    Returns:
        ``message_id, order_id, sent_at`` (UTC), ``text``, ``topic`` (the truth), ``second_topic`` ("" for most) and
        ``label`` (what the colleague chose; wrong in ``WRONG`` of the rows).

    Raises:
        ValueError: more messages than orders were asked for.
    """
    if not 0 < count <= len(shop.orders):
        raise ValueError(
            f"1 to {len(shop.orders)} messages can be written about {len(shop.orders)} orders, not {count}"
        )
    rng = np.random.default_rng([seed, 11])
    weight = 1 + 2 * shop.orders[TARGET].to_numpy()
    chosen = np.sort(rng.choice(len(shop.orders), count, replace=False, p=weight / weight.sum()))
    orders = shop.orders.iloc[chosen].merge(shop.products, on="product_id", how="left")
    rows = [_message(category, back, rng) for category, back in zip(orders["category"], orders[TARGET], strict=True)]
    frame = pd.DataFrame(rows, columns=["text", "topic", "second_topic"])
    sent = orders["ordered_at"] + pd.to_timedelta(rng.gamma(2, 2.5, count) * 86_400 // 1, unit="s")
    frame = frame.assign(order_id=orders["order_id"], sent_at=sent, label=_labelled(frame, rng))
    frame = frame.sort_values("sent_at", ignore_index=True)
    frame.insert(0, "message_id", [f"M-{number:05d}" for number in range(1, count + 1)])
    return frame[["message_id", "order_id", "sent_at", "text", "topic", "second_topic", "label"]]


def dataset(shop: Shop) -> dict[str, np.ndarray]:
    """The messages as a data set of texts: the labels are the colleague's, the truth is ``topic_train``, ``_test``.

    The test rows are those sent after returns became free.
    """
    frame = messages(shop)
    late = (frame["sent_at"] >= pd.Timestamp(FREE_RETURNS, tz="UTC")).to_numpy()
    number = {topic: place for place, topic in enumerate(TOPICS)}
    content = {}
    for part, rows in (("train", ~late), ("test", late)):
        content[f"x_{part}"] = frame["text"].to_numpy(dtype=object)[rows]
        content[f"y_{part}"] = frame["label"].map(number).to_numpy(dtype=np.int64)[rows]
        content[f"topic_{part}"] = frame["topic"].map(number).to_numpy(dtype=np.int64)[rows]
    return content


def _message(category: str, returned: int, rng: np.random.Generator) -> tuple[str, str, str]:
    shares = [0.16, 0.42, 0.14, 0.16, 0.12] if returned else [0.06, 0.12, 0.36, 0.18, 0.28]
    first = TOPICS[rng.choice(5, p=shares)]
    second = TOPICS[rng.integers(5)] if rng.random() < 0.18 else ""
    second = "" if second == first else second
    thing = _pick(_THINGS[category], rng)
    topics = [topic for topic in (first, second) if topic]
    said = [_pick(_ABOUT[topic], rng).format(thing=thing, days=rng.integers(2, 30)) for topic in topics]
    body = said[0] if len(said) == 1 else said[0] + _pick(_LINKS, rng) + said[1].replace(f"the {thing}", "it", 1)
    opening = _pick(_OPENINGS, rng)
    text = opening + body if opening else body[0].upper() + body[1:]
    closing = _pick(_CLOSINGS, rng)
    text = _slip(text + _pick((".", ".", "!", "?") if closing else (".", "", "!", "?"), rng) + closing, rng)
    topics.sort(key=TOPICS.index)
    return text, topics[0], topics[1] if len(topics) > 1 else ""


def _slip(text: str, rng: np.random.Generator) -> str:
    """One message in seven has a slip of the keyboard, one in twelve is written in small letters."""
    if rng.random() < 1 / 7:
        at = int(rng.integers(1, len(text) - 2))
        text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text.lower() if rng.random() < 1 / 12 else text


def _labelled(frame: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """The colleague's labels. Half of the mistakes fall on messages about two topics: there the second one is taken."""
    label = frame["topic"].to_numpy(dtype=object, copy=True)
    wrong = round(WRONG * len(frame))
    double = np.flatnonzero(frame["second_topic"] != "")
    confused = rng.permutation(double)[: min(wrong // 2, len(double))]
    label[confused] = frame["second_topic"].to_numpy()[confused]
    others = rng.permutation(np.setdiff1d(np.arange(len(frame)), double))[: wrong - len(confused)]
    for row in others:
        label[row] = _pick([topic for topic in TOPICS if topic != label[row]], rng)
    return label


def _pick(choices, rng: np.random.Generator):
    return choices[rng.integers(len(choices))]
