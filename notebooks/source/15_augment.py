# %% [markdown]
# # 15 · Augment
#
# *When are changed copies of the data as good as more data?*
#
# | teach | run | needs | opens |
# |---|---|---|---|
# | 60 min | 2 min | 01 | `kitutils.data.augment`, `kitutils.data.augment_text` |
#
# By the end you will be able to
#
# - choose changes under which a label stays true, and move a box along with its picture
# - augment in the input pipeline, and say why not in the model
# - measure what augmentation brings, with the control that most reports leave out

# %% [markdown] tags=["teacher"]
# **Purpose.** Augmentation is a statement about the world: "this change does not matter." Everybody should leave asking
# of each operation whether that is so, and of each gain what it was compared with.
#
# | section | minutes |
# |---|---|
# | 1 One picture, ten pictures | 6 |
# | 2 Does the label survive? Exercises 15.1 and 15.2 | 20 |
# | 3 In the pipeline | 5 |
# | 4 At which share of the data? | 9 |
# | 5 Mixup; exercise 15.3 is homework | 4 |
# | 6 Not in the model | 6 |
# | 7 Text | 5 |
# | The clinic | 5 |
#
# **Fifteen minutes late?** Leave out section 5 and give exercise 15.2 as homework. Keep the predictions about the sixes,
# about all of the data, and the clinic.
#
# **Likely questions.**
# *How strong should the changes be?* As strong as what the camera, the scanner or the writer does. Then try half and
# twice that on validation rows: it is a hyperparameter like others.
# *Should I augment the test rows?* Not to report a score. Predicting several changed copies and averaging can help, and
# costs as many predictions.
# *Why not make the copies once and save them?* One can. In the pipeline they are new in each epoch and take no disk.

# %%
from kitutils.course import claim, exercise, outcome, pick, predict, recap, start

start("15")

# %% [markdown]
# ## 1 One picture, ten pictures
#
# **Augmentation** makes new training examples by changing old ones in ways that should not matter. The commonest changes
# are slices and sums. A batch of pictures is an array of shape (pictures, height, width, channels):

# %%
import numpy as np

from kitutils import data, plots
from kitutils.data import augment

photos = data.load("photographs").x_train[:, ::3, ::3]
mirrored = photos[:, :, ::-1]
brighter = np.clip(photos.astype(float) + 51, 0, 255).astype("uint8")    # uint8 alone would wrap: 250 + 51 = 45
left = np.pad(photos, ((0, 0), (0, 0), (0, 30), (0, 0)), mode="symmetric")[:, :, 30:]
same = np.stack([augment.move(photos, flip=True) == mirrored, augment.light(photos, offset=0.2) == brighter,
                 augment.move(photos, right=-30) == left])
claim("augment.agrees", same.mean(), at_least=1, label="Share of values equal, by hand and by the kit")

# %% [markdown]
# `kitutils.data.augment` does the same for whole batches inside TensorFlow, with turns and zooms besides.

# %%
china, flower = photos[:1], photos[1:]
middle = [[28, 56, 119, 149]]    # first row, first column, end row, end column
gallery = {
    "original": flower,
    "flip": augment.move(flower, flip=True),
    "rotate": augment.move(flower, degrees=20),
    "scale": augment.move(flower, zoom=0.7),
    "shift": augment.move(flower, down=20, right=-40, fill="constant"),
    "crop": augment.crop(flower, [[20, 60, 91, 167]]),
    "light": augment.light(flower, offset=-0.2),
    "contrast": augment.light(flower, gain=1.6),
    "noise": augment.noise(flower, 0, deviation=0.15),
    "new ground": augment.new_ground(flower, middle, china),
}
figure, axes = plots.plt.subplots(2, 5, figsize=(6.4, 2.3))
for axis, (name, picture) in zip(axes.flat, gallery.items(), strict=True):
    axis.imshow(picture[0])
    axis.set_title(name, fontsize=9, loc="center")
    axis.axis("off")
plots.show(figure, alt="A photograph of a flower ten times: as it was, mirrored, turned, shrunk with its mirror image "
           "around it, shifted with black at the edge, cropped, darker, with more contrast, with noise, and in a "
           "rectangle pasted onto a photograph of a temple.")

# %% [markdown]
# Nine new pictures, and all still say "flower". All of them?
#
# ## 2 Does the label survive?
#
# A 6 turned by half a turn is a 9, as everybody knows. Let us ask a model that reads digits well, trained on the first
# 1,257 rows. The other 540 are by writers it has never seen.

# %%
from sklearn.svm import SVC

digits = data.load("digits")
x, y = (digits.x_train / 16).astype("float32"), digits.y_train
new = np.arange(1257, 1797)


def reader(images, labels):
    return SVC(gamma=0.25).fit(images.reshape(len(images), -1), labels)


svc = reader(x[:1257], y[:1257])
sixes = x[new][y[new] == 6]
as_nine = np.mean(svc.predict(sixes[:, ::-1, ::-1].reshape(len(sixes), -1)) == 9)
claim("augment.turned_sixes", as_nine, at_least=0.8, data=digits, label="Turned sixes that are read as nines")

# %% [markdown]
# Now a careless colleague trains on 250 digits and the same 250 turned, each with its old label. Half of what looks like
# a 6 in those rows is now labelled 9, and the reverse.

# %%
predict("15.a", "Of ordinary sixes by new writers, this model reads correctly …",
        ["about half", "about 3 in 4", "over 9 in 10"])

# %%
draws = pick(ci=2, workshop=20, full=50)
score, of_sixes = {"plain": [], "with turned copies": []}, {"plain": [], "with turned copies": []}
for draw in range(draws):
    rows = np.random.default_rng(draw).permutation(1257)[:250]
    copies = np.concatenate([x[rows], x[rows][:, ::-1, ::-1]])
    models = reader(x[rows], y[rows]), reader(copies, np.tile(y[rows], 2))
    for name, model in zip(score, models, strict=True):
        right = model.predict(x[new].reshape(540, -1)) == y[new]
        score[name].append(100 * right.mean())
        of_sixes[name].append(100 * right[y[new] == 6].mean())
kept = np.mean(of_sixes["with turned copies"])
outcome("15.a", "over 9 in 10" if kept > 90 else "about 3 in 4" if kept > 62 else "about half")
lost = np.subtract(score["plain"], score["with turned copies"])
for name in score:
    print(f"{name}: {np.mean(of_sixes[name]):.1f} % of the sixes, {np.mean(score[name]):.1f} % of all digits")
claim("augment.turned_cost", lost.mean(), at_least=pick(ci=-5, workshop=0.5, full=0.5), at_most=6, data=digits,
      label="Points lost by half turns, all digits", headline=True)
print(f"worse in {np.sum(lost > 0)} of {draws} draws")

# %% [markdown]
# The sixes survive: a *turned* six differs from a *written* nine in small ways, and this model can hold both. The damage
# is spread over all digits: the model must find room for shapes that nobody writes. So a change has to pass two
# questions. **Is the label still true? And could such a picture ever come?** A mirrored 4 is
# still a kind of 4, but no one will ever hand it in.
#
# Some labels survive only if they come along. The generated pictures of `shapes10` have **bounding boxes**. Mirror the
# picture and forget the box:

# %%
from kitutils.data import shapes

pictures, kinds, boxes = shapes.draw(pick(ci=600, workshop=900, full=900), seed=15)
flipped, moved_boxes = (part.numpy() for part in augment.move(pictures, flip=True, boxes=boxes))
figure, axes = plots.plt.subplots(1, 5, figsize=(7, 1.5))
for axis, picture, forgotten, moved in zip(axes, flipped, boxes, moved_boxes, strict=False):
    axis.imshow(picture)
    axis.axis("off")
    for (top, start_at, bottom, end), style, colour in ((forgotten, "--", "white"), (moved, "-", plots.COLOURS[5])):
        edges = [start_at, end, end, start_at, start_at], [top, top, bottom, bottom, top]
        axis.plot(np.subtract(edges[0], 0.5), np.subtract(edges[1], 0.5), style, color=colour, lw=1.5)
plots.show(figure, alt="Five mirrored shapes. A solid orange box moved along and fits each shape. The dashed white box, "
           "left where it was, lies beside the shape wherever that was not in the middle.")

# %% [markdown]
# How wrong is the forgotten box? By the **IoU** of lesson 11: the area that both boxes share, divided by the area that
# either covers. Only the columns differ here.

# %%
overlap = np.minimum(boxes[:, 3], moved_boxes[:, 3]) - np.maximum(boxes[:, 1], moved_boxes[:, 1])
width = boxes[:, 3] - boxes[:, 1]
shared = np.clip(overlap, 0, None) / (2 * width - np.clip(overlap, 0, None))
claim("augment.forgotten_box", shared.mean(), at_least=0.4, at_most=0.75, label="IoU of forgotten and true box, mean")

# %% [markdown]
# No error is raised, the loss still falls, and a detector learns to look beside the shape.
#
# **Exercise 15.1 (5 minutes).** Which labels survive? Write `True` or `False` for each.

# %% tags=["exercise"]
survives = {
    "digit: a shift by one pixel": ...,
    "digit 2, 5 or 7: mirrored": ...,
    "cat or dog: mirrored": ...,
    "road sign, turn left or right: mirrored": ...,
    "ripe or unripe tomato: colours shifted towards green": ...,
    "photograph by day or by night: darkened": ...,
    "review, praise or blame: the word 'not' deleted": ...,
    "number of people in the picture: cropped": ...,
}

exercise("15.1").check(survives)

# %% tags=["solution"]
survives = {
    "digit: a shift by one pixel": True,
    "digit 2, 5 or 7: mirrored": False,
    "cat or dog: mirrored": True,
    "road sign, turn left or right: mirrored": False,
    "ripe or unripe tomato: colours shifted towards green": False,
    "photograph by day or by night: darkened": False,
    "review, praise or blame: the word 'not' deleted": False,
    "number of people in the picture: cropped": False,
}

exercise("15.1").solution(survives)

# %% [markdown]
# **Exercise 15.2 (10 minutes).** Write `flip_boxes(boxes, height, width)`: the boxes after left and right have changed
# places. `boxes` has shape (n, 4): first row, first column, end row, end column. The end is the first row or column that
# is *not* in the box, as in a slice. (It is exercise 11.2 again. If you did that, skip this one.)

# %% tags=["exercise"]
def flip_boxes(boxes, height, width):
    ...


exercise("15.2").check(flip_boxes)

# %% tags=["solution"]
def flip_boxes(boxes, height, width):
    top, first, bottom, end = boxes.T
    return np.stack([top, width - end, bottom, width - first], axis=1)


exercise("15.2").solution(flip_boxes)

# %% [markdown]
# ## 3 In the pipeline
#
# For digits, small moves pass both questions. Where do they belong? In the **input pipeline**: `tf.data` shuffles, makes
# batches and changes them on the processor while the model trains on the batch before. Each time a picture comes by, it
# is moved anew. `batches` of the kit is `shuffle`, `repeat`, `batch`, then `map` with a fresh seed for each batch.

# %%
def moved(images, labels, seed):
    return augment.random_move(images, seed, degrees=10, zoom=0.1, shift=0.125, fill="constant"), labels


one_digit = augment.batches(x[:1], y[:1], moved, batch_size=12)
plots.show(plots.image_grid(next(iter(one_digit))[0][..., 0], columns=12),
           alt="The same handwritten nought twelve times, each a little turned, shifted or scaled in its own way.")

# %% [markdown]
# The alternative, one picture after another in Python, is what many tutorials do. The same moves, light and noise on
# 32 × 32 pictures, both ways taking turns (`benchmarks/data_augment.py`):

# %%
import json

from kitutils import settings


def recorded(name):
    return json.loads((settings.root() / "benchmarks" / "records" / f"{name}.json").read_text(encoding="utf8"))


record = recorded("data_augment")
speed = record["results"]
print(f"tf.data {speed['tf_data_images_per_s']:,} pictures a second, Python {speed['python_images_per_s']:,}, "
      f"{record['machine']['cores']} cores, {record['date']}")

# %% [markdown]
# ## 4 At which share of the data?
#
# A small network learns from 5, 20 or 100 % of the 1,257 digits, with and without moves, 300 steps each. Same network,
# same number of steps, same start: only the pictures differ. The new writers judge.

# %%
predict("15.b", "The moves help most with …", ["5 % of the digits", "20 %", "100 %: more to vary"])

# %%
import keras
from keras import layers

STEPS = pick(ci=3, workshop=300, full=300)


def train(rows, change, seed=0, steps=STEPS):
    keras.utils.set_random_seed(seed)
    convolutions = [layers.Conv2D(32, 3, padding="same", activation="relu") for _ in range(2)]
    rest = [layers.MaxPooling2D(), layers.Conv2D(64, 3, activation="relu"), layers.Flatten(), layers.Dropout(0.5)]
    model = keras.Sequential([keras.Input((8, 8, 1)), *convolutions, *rest, layers.Dense(10)])
    rate = keras.optimizers.schedules.CosineDecay(4e-3, steps)
    model.compile(keras.optimizers.Adam(rate), keras.losses.CategoricalCrossentropy(from_logits=True))
    made = augment.batches(x[rows], keras.utils.to_categorical(y[rows], 10), change, batch_size=32, seed=seed)
    model.fit(made, steps_per_epoch=steps, verbose=0, shuffle=False)    # the pipeline has shuffled
    return 100 * np.mean(model.predict(x[new], verbose=0).argmax(axis=1) == y[new])


gain = recorded("data_augment_gain")["results"]
order, live = np.random.default_rng(0).permutation(1257), {}
for share in pick(ci=(1,), workshop=(0.05, 0.2, 1), full=(0.05, 0.2, 1)):
    rows = order[:round(1257 * share)]
    live[share] = train(rows, None), train(rows, moved)
    plain, with_moves = (100 * np.mean(gain["digits"][f"{share:.0%} {name} 300"]) for name in ("plain", "moved"))
    print(f"{share:4.0%}: here {live[share][0]:.1f} → {live[share][1]:.1f}   recorded, mean of 8: "
          f"{plain:.1f} → {with_moves:.1f}")

# %% [markdown]
# Yours is one run of each; the record has eight, since single runs differ by more than some of these effects.

# %%
def gained(data_name, share, steps, name="moved"):
    runs = (gain[data_name][f"{share} {kind} {steps}"] for kind in (name, "plain"))
    return 100 * np.subtract(*runs)


means = {share: gained("digits", share, 300).mean() for share in ("5%", "20%", "100%")}
best = max(means, key=means.get)
outcome("15.b", {"5%": "5 % of the digits", "20%": "20 %", "100%": "100 %: more to vary"}[best])
claim("augment.gain_5", means["5%"], at_least=1, data=digits, label="Points gained with 5 % of the digits", headline=True)
claim("augment.cost_100", means["100%"], at_most=-0.5, data=digits, label="Points gained with all digits, 300 steps")
claim("augment.learned", live[1][0], at_least=pick(ci=0, workshop=88, full=88), data=digits,
      label="All digits, plain, here")

# %% [markdown]
# Few pictures leave much unseen, and moves fill the gaps. With 1,257 the writers themselves have moved their sixes about,
# and our moves even cost a point. Or is it the time? The record has runs of 1,200 steps as well.

# %%
predict("15.c", "With 100 % of the digits and 1,200 steps, the recorded moves …",
        ["gain a point or more", "change nothing", "still cost a point"])

# %%
longer = gained("digits", "100%", 1200)
outcome("15.c", "gain a point or more" if longer.mean() > 0.5 else "still cost a point" if longer.mean() < -0.5 else
        "change nothing")
print(f"100 %, 300 steps: {means['100%']:+.1f} points; 1,200 steps: {longer.mean():+.1f}, "
      f"better in {np.sum(longer > 0)} of 8")
for share in ("5%", "20%", "100%"):
    print(f"shapes10, {share} of 10,000, 1,500 steps: {gained('shapes10', share, 1500):+.1f} points")

# %% [markdown]
# Moved pictures are harder to learn by heart, and harder to learn. In 300 steps the network gets through too few of them,
# and moves cost; with four times as many they pay. **Whoever compares at one fixed length measures the length too.**
#
# The larger record, one run of each on the coloured shapes of `shapes10`, shows the usual picture: most is gained where
# the network would otherwise learn its few rows by heart.
#
# ## 5 Mixup
#
# Why only change one picture at a time? **Mixup** blends two: a share $\lambda$ of one, $1-\lambda$ of the other, and
# *the labels in the same proportion*. Half a 3 and half an 8 is to be answered with one half each.

# %%
batch, one_hot = x[[3] * 7 + [8]], keras.utils.to_categorical([3] * 7 + [8], 10)
shares = np.linspace(1, 0, 8)
blends, labels = augment.mixup(batch, one_hot, shares, partners=[7] * 8)
titles = [f"{label[3]:.2f} / {label[8]:.2f}" for label in labels.numpy()]
plots.show(plots.image_grid(blends[..., 0], titles, columns=8),
           alt="A handwritten 3 that turns into an 8 in eight steps. Above each stand the shares of the two labels.")
mixed = gained("digits", "5%", 300, "mixed")
print(f"recorded with 5 % of the digits: {mixed.mean():+.1f} points, better in {np.sum(mixed > 0)} of {len(mixed)} runs")

# %% [markdown]
# Nobody writes such digits, and yet it helps a little: a network that must be half sure between two classes cannot learn
# each row by heart. The shares are drawn from
# $\text{Beta}(\alpha, \alpha)$; with the usual $\alpha = 0.2$ most blends are nearly pure.
#
# **Exercise 15.3 (stretch): find three bugs.** A colleague's mixup of uint8 pictures. It runs without an error.

# %%
def their_mixup(images, labels, share, partners):
    part, of_labels = share[:, None, None, None], share[:, None]
    mixed = part * images + (1 - part) * images[::-1]
    mixed_labels = (1 - of_labels) * labels + of_labels * labels[partners]
    return (mixed * 255).astype("uint8"), mixed_labels


grey = np.array([100, 200], "uint8").reshape(2, 1, 1, 1)
print(their_mixup(grey, np.eye(2), np.array([0.9, 0.5]), np.array([1, 0]))[0].ravel(), "instead of 110 and 150")

# %% [markdown]
# Write `mix(images, labels, share, partners)`: uint8 pictures of shape (n, height, width, channels), one-hot labels of
# shape (n, classes). Picture `i` keeps `share[i]` of itself and gets the rest from picture `partners[i]`; round pixels
# to the nearest whole number.

# %% tags=["exercise"]
def mix(images, labels, share, partners):
    ...


exercise("15.3").check(mix)

# %% tags=["solution"]
def mix(images, labels, share, partners):
    part = share[:, None, None, None]
    pixels = part * images + (1 - part) * images[partners]
    of_labels = share[:, None] * labels + (1 - share[:, None]) * labels[partners]
    return np.rint(pixels).astype("uint8"), of_labels


exercise("15.3").solution(mix)

# %% [markdown]
# ## 6 Not in the model
#
# Keras also has augmentation as layers, and many articles put them first in the model: it looks tidy, and `fit`,
# `evaluate` and `predict` treat it rightly.

# %%
def block(width, padding):    # momentum: a few hundred steps must do for the averages
    return [layers.Conv2D(width, 3, padding=padding), layers.BatchNormalization(momentum=0.9), layers.ReLU()]


keras.utils.set_random_seed(0)
article = keras.Sequential([
    keras.Input((8, 8, 1)), layers.RandomTranslation(0.125, 0.125, fill_mode="constant"), *block(32, "same"),
    layers.MaxPooling2D(), *block(64, "valid"), layers.Flatten(), layers.Dropout(0.5), layers.Dense(10),
])
article.compile(keras.optimizers.Adam(4e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
article.fit(x[:1257], y[:1257], batch_size=32, epochs=pick(ci=1, workshop=8, full=8), verbose=0)
hundred = new[:pick(ci=3, workshop=100, full=100)]
by_predict = np.mean(article.predict(x[hundred], verbose=0).argmax(axis=1) == y[hundred])
print(f"predict: {by_predict:.0%} of {len(hundred)} digits right")

# %% [markdown]
# A service then gets the same digits one by one, and calls the model as one calls a function: `article(image)`.

# %%
predict("15.d", "Of the same 100 digits, article(image) gets right …",
        ["just as many", "1 to 4 fewer", "5 or more fewer"])

# %%
before = article.get_weights()
by_call = np.mean([article(x[[i]]).numpy().argmax() == y[i] for i in hundred])
fewer = 100 * (by_predict - by_call)
outcome("15.d", "5 or more fewer" if fewer > 4.5 else "1 to 4 fewer" if fewer > 0.5 else "just as many")
claim("augment.trap_points", fewer, at_least=pick(ci=-100, workshop=4, full=4), data=digits, headline=True,
      label="Points lost by model(image) with augmentation inside")
after = article.get_weights()
changed = sum(not np.array_equal(old, now) for old, now in zip(before, after, strict=True))
claim("augment.trap_weights", changed, at_least=4, at_most=4, label="Weight arrays changed though nobody trained")
safe = np.mean([article(x[[i]], training=False).numpy().argmax() == y[i] for i in hundred])
print(f"model(image): {by_call:.0%}, model(image, training=False): {safe:.0%}")

# %% [markdown]
# In Keras a model that is called is not in training. But augmentation layers believe they are: `training=True` is their
# default, and **every layer behind them hears it**. The digit is moved, dropout is on, batch normalisation uses the mean
# of one picture and overwrites the averages that it had learned. In the pipeline none of this can happen. Where you call
# a model, write `training=False`.
#
# ## 7 Text
#
# Texts have no flips. What is often done: replace words by **synonyms**, delete words, let two words change places. Our
# table of synonyms is small and written by hand for talk about films.

# %%
from kitutils.data import augment_text

rng, review = np.random.default_rng(3), "a funny and very moving film , but not a good thriller"
for operation in (augment_text.replace_words, augment_text.delete_words, augment_text.swap_words):
    print(f"{operation.__name__}: {operation(review, rng)}")

# %% [markdown]
# Words such as "not" are never deleted; you know why. Now 500 film reviews with labels, four changed copies of each, and
# a logistic regression on word counts, 20 draws. The control that most reports leave out: the same texts, merely
# *repeated* four times.

# %%
predict("15.e", "Compared with mere repetition, swapping words gains …", ["over 2 points", "0 to 2 points", "exactly 0"])

# %%
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

films = data.load("sst2")
operations = {"repeated": lambda text, rng: text, "synonyms": augment_text.replace_words,
              "deletion": augment_text.delete_words, "swaps": augment_text.swap_words}


def film_score(texts, labels):
    model = make_pipeline(TfidfVectorizer(token_pattern=r"\S+"), LogisticRegression(C=5))
    return 100 * model.fit(texts, labels).score(films.x_test, films.y_test)


draws, plain, scores = pick(ci=1, workshop=20, full=50), [], {name: [] for name in operations}
for draw in range(draws):
    few = films.take(500, seed=draw)
    plain.append(film_score(few.x_train, few.y_train))
    for name, operation in operations.items():
        copies = augment_text.with_copies(few.x_train, few.y_train, operation, copies=4, seed=draw)
        scores[name].append(film_score(*copies))

# %% [markdown]
# Each operation against the plain reviews, and against the repeated ones:

# %%
print(f"500 reviews as they are: {np.mean(plain):.1f} %")
for name in operations:
    over_plain, over_repeated = np.subtract(scores[name], plain), np.subtract(scores[name], scores["repeated"])
    print(f"{name}: {over_plain.mean():+.2f} over plain, {over_repeated.mean():+.2f} over repeated "
          f"(better in {np.sum(over_repeated > 0)} of {draws})")
swapped = np.subtract(scores["swaps"], scores["repeated"])
outcome("15.e", "exactly 0" if not swapped.any() else "over 2 points" if swapped.mean() > 2 else "0 to 2 points")
claim("augment.swaps", np.abs(swapped).max(), at_most=0, data=films, label="Points of swaps over repetition, at most")
claim("augment.synonyms", np.subtract(scores["synonyms"], scores["repeated"]).mean(), at_least=-1, at_most=2, data=films,
      label="Points of synonyms over repetition", headline=True)

# %% [markdown]
# Word counts do not know the order, so a swap changes nothing: **augmentation helps only where it shows the model what
# it would otherwise see as different.** Even its gain over the plain reviews is not its own: rows that count five
# times loosen the model's regularisation. Synonyms add little, and deletion, which knows nothing about words, as much.
#
# ### Article clinic: the augmented test set
#
# An article has 500 pictures of shapes, makes four copies of each with small moves, light and noise, then splits: 80 %
# for training, 20 % for the test. Its model is the plainest there is: answer with the label of the nearest training
# picture.

# %%
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier


def copy_of(images, seed):
    images = augment.random_move(images, seed, degrees=5, zoom=0.05, shift=0.03)
    return augment.noise(augment.random_light(images, seed + 1), seed + 2, deviation=0.03).numpy()


def points(train_images, train_labels, test_images, test_labels):
    flat = [images.reshape(len(images), -1) / np.float32(255) for images in (train_images, test_images)]
    return 100 * KNeighborsClassifier(1).fit(flat[0], train_labels).score(flat[1], test_labels)


own, kinds_of_own = pictures[:500], kinds[:500]
many = np.concatenate([own, *(copy_of(own, seed) for seed in range(10, 50, 10))])
x_fit, x_held, y_fit, y_held = train_test_split(many, np.tile(kinds_of_own, 5), test_size=0.2, random_state=0)
published = points(x_fit, y_fit, x_held, y_held)
print(f"published: {published:.1f} % right")

# %% [markdown]
# Now the pictures that were drawn beside these, and never copied.

# %%
predict("15.f", "Of new pictures it gets right …", ["over 90 %", "about 60 %", "about 20 %"])

# %%
true_score = points(x_fit, y_fit, pictures[500:], kinds[500:])
outcome("15.f", "over 90 %" if true_score > 75 else "about 60 %" if true_score > 40 else "about 20 %")
fit, held = train_test_split(np.arange(500), test_size=0.2, random_state=0)
many = np.concatenate([own[fit], *(copy_of(own[fit], seed) for seed in range(10, 50, 10))])
repaired = points(many, np.tile(kinds_of_own[fit], 5), own[held], kinds_of_own[held])
print(f"new pictures {true_score:.1f} %; split first, then copy the training part: {repaired:.1f} %")
claim("clinic.augmented_test_points", published - true_score, at_least=60, headline=True,
      label="Points faked by augmenting before the split")

# %% [markdown]
# The nearest neighbour of a copy is its sibling on the other side of the split. The test asked "have you seen this
# picture?", and the answer was yes. **Split first; change only the training part; test on pictures as they come.** This
# is a leak, like those of lesson 14.
#
# ## Recap
#
# - Two questions for each change: is the label still true, and could such a picture come? Boxes move along.
# - Augment in the input pipeline, anew each time; write `training=False` where a model is called.
# - It helps most where there is little data, and it needs more steps.
# - A gain counts against the right control: the same length of training, the same rows repeated.
# - Split first. An augmented test set measures memory.

# %%
recap("15")

# %% [markdown]
# **Saved:** nothing. The functions are in `kitutils.data.augment` and `kitutils.data.augment_text`.
#
# **Next:** the data is ready. `python3 kit.py progress` says what is still open, and which lessons have come since.
