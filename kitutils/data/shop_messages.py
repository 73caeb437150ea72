"""What the shop's customers write to its support, and the label that a hurried colleague gave each message.

A message is put together from an opening, what it is about, and a closing, as people write: with small talk and slips
of the keyboard, in words that the topics share. The truth is what the message was made to be about; where it is about
two things, the guideline's rule decides (``TOPICS`` in order: what costs the customer most comes first).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from kitutils.data import shop_phrases as phrases
from kitutils.data.shop import FREE_RETURNS, TARGET, Shop

MESSAGES = 1500
WRONG = 0.06  # of the labels

# In order of precedence: a message about two topics belongs to the one that stands first.
TOPICS = ("damaged", "return", "delivery", "payment", "advice")


def messages(shop: Shop, count: int = MESSAGES, seed: int = 0) -> pd.DataFrame:
    """Support messages about orders of the shop, by time.

    Args:
        shop: whose orders they are about. Orders that came back are written about more often.
        count: how many, at most the number of orders.
        seed: the same seed and shop give the same messages.

    Returns:
        ``message_id, order_id, sent_at`` (UTC), ``text``, ``topic`` (the truth), ``second_topic`` ("" for most),
        ``first_said`` (the topic that the message begins with) and ``label`` (what the colleague chose; wrong in
        ``WRONG`` of the rows).

    Raises:
        ValueError: more messages than orders were asked for.
    """
    if not 0 < count <= len(shop.orders):
        raise ValueError(
            f"1 to {len(shop.orders)} messages can be written about {len(shop.orders)} orders, not {count}"
        )
    # Each has its own stream, so that a new turn of phrase moves neither the dates nor the colleague's mistakes.
    rng, words, days, slips = (np.random.default_rng([seed, 11, stream]) for stream in range(4))
    weight = 1 + 2 * shop.orders[TARGET].to_numpy()
    chosen = np.sort(rng.choice(len(shop.orders), count, replace=False, p=weight / weight.sum()))
    orders = shop.orders.iloc[chosen].merge(shop.products, on="product_id", how="left")
    rows = [_message(category, back, words) for category, back in zip(orders["category"], orders[TARGET], strict=True)]
    frame = pd.DataFrame(rows, columns=["text", "topic", "second_topic", "first_said"])
    sent = orders["ordered_at"] + pd.to_timedelta(days.gamma(2, 2.5, count) * 86_400 // 1, unit="s")
    frame = frame.assign(order_id=orders["order_id"], sent_at=sent, label=_labelled(frame, slips))
    frame = frame.sort_values("sent_at", ignore_index=True)
    frame.insert(0, "message_id", [f"M-{number:05d}" for number in range(1, count + 1)])
    return frame[["message_id", "order_id", "sent_at", "text", "topic", "second_topic", "first_said", "label"]]


def dataset(shop: Shop) -> dict[str, np.ndarray]:
    """The messages as a data set of texts: the labels are the colleague's.

    The truth about each part: ``topic_…``, ``second_topic_…`` (−1 where there is none) and ``first_said_…``, all int64
    of shape (rows,). The test rows are those sent after returns became free.
    """
    frame = messages(shop)
    late = (frame["sent_at"] >= pd.Timestamp(FREE_RETURNS, tz="UTC")).to_numpy()
    number = {topic: place for place, topic in enumerate(TOPICS)} | {"": -1}
    content = {}
    for part, rows in (("train", ~late), ("test", late)):
        content[f"x_{part}"] = frame["text"].to_numpy(dtype=object)[rows]
        content[f"y_{part}"] = frame["label"].map(number).to_numpy(dtype=np.int64)[rows]
        for column in ("topic", "second_topic", "first_said"):
            content[f"{column}_{part}"] = frame[column].map(number).to_numpy(dtype=np.int64)[rows]
    return content


def _message(category: str, returned: int, rng: np.random.Generator) -> tuple[str, str, str, str]:
    shares = [0.16, 0.42, 0.14, 0.16, 0.12] if returned else [0.06, 0.12, 0.36, 0.18, 0.28]
    first = TOPICS[rng.choice(5, p=shares)]
    second = TOPICS[rng.integers(5)] if rng.random() < 0.18 else first
    thing, many = _pick(phrases.THINGS[category], rng)
    sentences = [_sentence(first, category, _forms(thing, many, rng), rng)]
    if second != first:
        link = _pick(phrases.LINKS, rng)
        named = _forms(thing, many, rng) | _pronouns(many)
        sentences.append(f"{link} {_sentence(second, category, named, rng)}")
    if rng.random() < 0.7:
        opening = _pick(phrases.OPENINGS, rng)
        text = " ".join([opening, sentences[0], *map(_capital, sentences[1:])])
    else:
        text = " ".join(map(_capital, sentences))
    if rng.random() < 0.7:
        text += f" {_pick(phrases.CLOSINGS, rng)}"
    elif rng.random() < 0.3:
        text = text.rstrip(".!?")
    topics = sorted({first, second}, key=TOPICS.index)
    return _slip(text, rng), topics[0], topics[1] if len(topics) > 1 else "", first


def _sentence(topic: str, category: str, forms: dict[str, str | int], rng: np.random.Generator) -> str:
    ways = phrases.ABOUT[topic] + (phrases.WORN.get(topic, ()) if category in phrases.SIZED else ())
    # A long tail, as people's words have: the tenth way is a third as likely as the first.
    often = 1 / (5 + np.arange(len(ways)))
    text = ways[rng.choice(len(ways), p=often / often.sum())].format(**forms)
    return text if text.endswith("?") else text + _pick((".", ".", ".", "!"), rng)


def _forms(thing: str, many: bool, rng: np.random.Generator) -> dict[str, str | int]:
    agreeing = (
        {"is": "are", "has": "have", "was": "were", "do": "do", "v": ""}
        if many
        else {"is": "is", "has": "has", "was": "was", "do": "does", "v": "s"}
    )
    named = {"s": f"the {thing}", "o": f"the {thing}", "my": f"my {thing}", "mine": f"my {thing}"}
    again = {"s2": "they" if many else "it", "o2": "them" if many else "it"}
    return agreeing | named | again | {"days": int(rng.integers(2, 30))}


def _pronouns(many: bool) -> dict[str, str]:
    subject, object_ = ("they", "them") if many else ("it", "it")
    return {"s": subject, "my": subject, "o": object_, "mine": object_}


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


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
