# %% [markdown]
# # 40 · A convolutional network
#
# *Why does a network that looks through small windows see more?*
#
# | teach | run | needs | opens |
# |---|---|---|---|
# | 75 min | 5 min | 01, 02, 15 | `kitutils.models.images`, `kitutils.train.fitting`, `kitutils.train.schedules`, `kitutils.train.recipes`, `kitutils.data.pipeline` |
#
# By the end you will be able to
#
# - compute a convolution by hand, and the shape, the weights and the view of a stack of layers
# - improve a plain CNN by three changes, each measured alone
# - read a confusion matrix, and find two mistakes that raise no error

# %% [markdown] tags=["teacher"]
# **Purpose.** A CNN is no magic eye: it is a small weighted window, used everywhere. Everybody should leave knowing what
# that assumption buys, and that the way a network is trained matters as much as its layers.
#
# | section | minutes |
# |---|---|
# | 1 A window that slides; exercise 40.1 | 18 |
# | 2 Two networks without windows | 8 |
# | 3 The reference; exercise 40.2 | 16 |
# | 4 Three changes | 13 |
# | 5 The kit's fast network | 6 |
# | 6 Its mistakes | 6 |
# | The clinic; exercise 40.3 is homework | 8 |
#
# The trainings of sections 3 and 4 take about a minute together. Ask for the next prediction while they run.
#
# **Fifteen minutes late?** Leave out section 5 and give exercise 40.1 as homework. Keep the shuffled pixels: it is the
# one experiment after which people know what a CNN assumes.
#
# **Likely questions.**
# *Why are the filters 3 × 3?* Two of them, one upon the other, see 5 × 5 with fewer weights than one of 5 × 5, and have
# a relu in between.
# *Who chooses the numbers in the filters?* Training. Ours by hand is only for looking at.
# *Is 8,000 images not unfair to large networks?* Yes, to all of them. That is why the full runs stand beside ours.

# %%
from kitutils.course import claim, exercise, outcome, pick, predict, recap, record, start

start("40")

# %% [markdown]
# ## 1 A window that slides
#
# A grey photograph, and nine numbers: a **filter** (or kernel). Lay it on a place of the photograph, multiply, add up.

# %%
import numpy as np

from kitutils import data, plots

photo = data.load("photographs").x_train[0, ::2, ::2].mean(axis=-1) / 255
upright = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])    # right minus left
there = photo[60:63, 100:103]
print(there.round(2), "→", (there * upright).sum().round(2))

# %% [markdown]
# The sum is large where it gets brighter from left to right. Now slide the window over the whole photograph:
# that is a **convolution**. The same filter on its side answers to level edges.

# %%
def convolve(image, kernel):
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)    # one 3 × 3 window for each place
    return (windows * kernel).sum(axis=(-2, -1))


edges = [convolve(photo, kernel) for kernel in (upright, upright.T)]
figure, axes = plots.plt.subplots(1, 3, figsize=(5, 1.25))
for axis, picture, title in zip(axes, (photo, *edges), ("photograph", "upright edges", "level edges"), strict=True):
    limit = np.quantile(np.abs(picture), 0.99)
    axis.imshow(picture, cmap="gray", vmin=0 if picture is photo else -limit, vmax=limit)
    axis.set_title(title, fontsize=9)
    axis.axis("off")
plots.show(figure, alt="A photograph of a temple beside what two filters make of it. In one, columns stand out bright on "
           "one side and dark on the other; in the other, roof lines and steps do. Flat sky is grey in both.")

# %% [markdown]
# In Keras a layer, `Conv2D`, does this with many filters at once, and learns their numbers. Given ours, it finds ours.

# %%
import keras
from keras import layers

layer = layers.Conv2D(2, 3, use_bias=False)
layer.build((None, None, None, 1))
layer.kernel.assign(np.stack([upright, upright.T], axis=-1)[:, :, None])    # height, width, channels in, filters out
by_keras = np.array(layer(photo[None, ..., None].astype("float32")))[0]
claim("cnn.same_convolution", np.abs(by_keras - np.stack(edges, axis=-1)).max(), at_most=1e-4,
      label="By hand and by Keras, largest difference")

# %% [markdown]
# An image has three **channels**: red, green, blue. A filter then is a box of 3 × 3 × 3 numbers. And 32 filters give 32
# channels, on which the next layer's filters work.

# %%
predict("40.a", "32 filters of 3 × 3 on a colour image of 32 × 32: how many weights has the layer?",
        ["about 900", "about 30,000", "about 900,000"])

# %%
def weights_of(layer):
    return keras.Sequential([keras.Input((32, 32, 3)), layers.Activation("linear"), layer]).count_params()


small = weights_of(layers.Conv2D(32, 3))
outcome("40.a", "about 900" if small < 5000 else "about 30,000" if small < 100_000 else "about 900,000")
print(f"{small:,} weights for 900 places × 32 channels; without sharing and windows: {3073 * 900 * 32:,}")

# %% [markdown]
# The size of the image does not matter: the same few weights serve all 900 places. Between convolutions one shrinks the
# image. **Max pooling** keeps the largest of each 2 × 2 block in each channel: *was there an edge somewhere here?*
#
# **Exercise 40.1 (10 minutes).** Write `max_pool(images, size)`: `images` has shape (n, height, width, channels); of each
# block of `size` × `size` pixels keep the largest, channel by channel. Rows and columns that don't fill a block are
# dropped, as in Keras.

# %% tags=["exercise"]
def max_pool(images, size):
    ...


exercise("40.1").check(max_pool)

# %% tags=["solution"]
def max_pool(images, size):
    n, height, width, channels = images.shape
    down, across = height // size, width // size
    blocks = images[:, : down * size, : across * size].reshape(n, down, size, across, size, channels)
    return blocks.max(axis=(2, 4))


exercise("40.1").solution(max_pool)

# %% [markdown]
# ## 2 Two networks without windows
#
# CIFAR-10 is 60,000 small photographs in ten classes. We learn from some thousand, and compare on others of the
# training set. The test images stay locked until section 6.

# %%
cifar = data.load("cifar10")
n_train, n_val = pick(ci=128, workshop=8000, full=45_000), pick(ci=100, workshop=4000, full=5000)
some = cifar.take(n_train + n_val, seed=40)
x, y = some.x_train[:n_train], some.y_train[:n_train]
x_val, y_val = some.x_train[n_train:], some.y_train[n_train:]
first = [np.flatnonzero(y == label)[0] for label in range(10)]
plots.show(plots.image_grid(x[first], cifar.class_names, columns=10),
           alt="Ten small colour photographs, one for each class from airplane to truck, coarse but recognisable.")

# %% [markdown]
# First those that take each pixel by itself: a linear model, and a dense network with a hidden layer. `train` is plain
# Keras: Adam, batches of 32.

# %%
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
EPOCHS = pick(ci=1, workshop=5, full=10)


def train(make, images, labels, epochs=EPOCHS, loss=LOSS):
    keras.utils.set_random_seed(40)    # before the network is made: its first weights are drawn then
    model = make()
    model.compile("adam", loss, metrics=["accuracy"])
    model.fit(images, labels, batch_size=32, epochs=epochs, verbose=0)
    return model


def accuracy(model, images=None, labels=None):
    images, labels = (x_val, y_val) if images is None else (images, labels)
    said = [model(images[i : i + 500], training=False) for i in range(0, len(images), 500)]
    return 100 * np.mean(np.concatenate(said).argmax(axis=1) == labels)

# %% [markdown]
# Both flatten the image into 3,072 numbers, scaled to 0 to 1 by their first layer.

# %%
def dense(*hidden):
    hidden = [layers.Dense(width, activation="relu") for width in hidden]
    scale = [keras.Input((32, 32, 3)), layers.Rescaling(1 / 255), layers.Flatten()]
    return keras.Sequential([*scale, *hidden, layers.Dense(10)])


score = {name: accuracy(train(lambda width=width: dense(*width), x, y))
         for name, width in {"linear": (), "dense": (256,)}.items()}
print(", ".join(f"{name} {points:.1f} %" for name, points in score.items()), "· guessing: 10 %")
claim("cnn.dense", score["dense"], at_least=pick(ci=0, workshop=30, full=38), at_most=pick(ci=100, workshop=48, full=60),
      data=cifar, label=f"Dense network, {n_train:,} images, % right")

# %% [markdown]
# ## 3 The reference
#
# This is the CNN of a hundred textbooks, and this course's **reference**: three convolutions, each seeing more of the
# image than the one before, then two dense layers.

# %%
from kitutils.models import reference_cnn

keras.utils.set_random_seed(40)
for layer in reference_cnn().layers:
    print(f"{layer.__class__.__name__:13} {layer.output.shape[1:]!s:13} {layer.count_params():7,} weights")

# %% [markdown]
# Down the list the image shrinks, and the channels grow: less *where*, more *what*. The pixels that one number can see
# are its **receptive field**: 3 × 3 after the first layer, 18 × 18 after the last convolution.
#
# **Exercise 40.2 (5 minutes).** Images of 64 × 64 × 3 go through these layers. Without padding, a window must fit
# into the image; with `padding="same"` and stride 2 the side is halved.
#
# 1. `Conv2D(16, 5)` 2. `MaxPooling2D(2)` 3. `Conv2D(32, 3, strides=2, padding="same")`

# %% tags=["exercise"]
stack = {
    "shape after layer 1": ...,    # (height, width, channels)
    "shape after layer 2": ...,
    "shape after layer 3": ...,
    "weights of layer 1": ...,
    "weights of layer 3": ...,
    "receptive field after layer 2": ...,    # side of the square, in pixels of the image
    "receptive field after layer 3": ...,
}

exercise("40.2").check(stack)

# %% tags=["solution"]
stack = {
    "shape after layer 1": (60, 60, 16),
    "shape after layer 2": (30, 30, 16),
    "shape after layer 3": (15, 15, 32),
    "weights of layer 1": 5 * 5 * 3 * 16 + 16,
    "weights of layer 3": 3 * 3 * 16 * 32 + 32,
    "receptive field after layer 2": 6,
    "receptive field after layer 3": 10,
}

exercise("40.2").solution(stack)

# %% [markdown]
# Now train the reference, on the same images. And a strange copy of them: all 1,024 pixels change places, **in every
# image in the same way**. Nothing is lost; one could put them back.

# %%
predict("40.b", "All pixels change places. Who loses most?", ["the dense network", "the CNN", "both about the same"])

# %%
places = np.random.default_rng(40).permutation(32 * 32)


def shuffled(images):
    return images.reshape(-1, 32 * 32, 3)[:, places].reshape(images.shape)


reference = train(reference_cnn, x, y)
score["reference"] = accuracy(reference)
lost = {name: score[name] - accuracy(train(make, shuffled(x), y), shuffled(x_val), y_val)
        for name, make in {"dense": lambda: dense(256), "reference": reference_cnn}.items()}
plots.show(plots.image_grid(np.concatenate([x[first[:5]], shuffled(x[first[:5]])]), columns=5),
           alt="Five of the photographs, and below them the same with all pixels in other places: coloured noise.")

# %% [markdown]
# Points lost by each:

# %%
outcome("40.b", "the CNN" if lost["reference"] > lost["dense"] + 3 else "the dense network"
        if lost["dense"] > lost["reference"] + 3 else "both about the same")
print(f"dense {score['dense']:.1f} % {-lost['dense']:+.1f}, reference {score['reference']:.1f} % {-lost['reference']:+.1f}")
claim("cnn.shuffled_dense", abs(lost["dense"]), at_most=pick(ci=100, workshop=4, full=4), data=cifar,
      label="Dense: points that shuffled pixels change")
claim("cnn.shuffled_cnn", lost["reference"], at_least=pick(ci=-100, workshop=10, full=10), data=cifar, headline=True,
      label="CNN: points lost by shuffled pixels")

# %% [markdown]
# The dense network does not care: to it, pixels are columns of a table, and it never knew which are neighbours. The CNN
# falls below it. **A convolution assumes that what belongs together lies together, and that it looks the same
# everywhere.** For photographs that is true, so the CNN need not learn it.
#
# ## 4 Three changes
#
# The reference stays as it is. What would help it? Three changes, one upon the other.
#
# 1. **Batch normalisation** between each convolution and its relu. It gives every channel mean 0 and variance 1 over the
#    batch, so that a layer does not have to follow the moods of those before it.
# 2. A **one-cycle learning rate**: it rises in the first quarter to three times Adam's own, then falls to nothing. Long
#    steps while the way is long, short ones at the end.
# 3. **Flips**: every second time, an image comes mirrored (lesson 15). A mirrored cat is a cat.
#
# `kitutils` has what is needed: `Batches` deals out rows anew in each epoch, `OneCycle` is the rate, and `fit` is Keras'
# `fit` that keeps a record of the run.

# %%
from kitutils.data.pipeline import Batches
from kitutils.train import OneCycle, compare, fit


def changed(name, one_cycle=False, flip=False):
    keras.utils.set_random_seed(40)
    model = reference_cnn(batch_norm=True)
    batches = Batches(x, y, 32, seed=40, flip=flip)
    rate = OneCycle(3e-3, EPOCHS * batches.steps) if one_cycle else 1e-3
    model.compile(keras.optimizers.Adam(rate), LOSS, metrics=["accuracy"])
    runs[name] = fit(model, batches, EPOCHS, validation=(x_val, y_val), name=name)
    score[name] = 100 * runs[name].history["val_accuracy"][-1]


runs, names = {}, ("batch norm", "batch norm, one-cycle", "batch norm, one-cycle, flips")

# %% [markdown]
# Which of the three helps most here, with few images and few epochs?

# %%
predict("40.c", "Most points come from …", ["batch norm", "the one-cycle rate", "the flips"])

# %%
changed(names[0])

# %% [markdown]
# Now the rate as well:

# %%
changed(names[1], one_cycle=True)

# %% [markdown]
# And the flips on top:

# %%
changed(names[2], one_cycle=True, flip=True)
steps = np.diff([score[name] for name in ("reference", *names)])
outcome("40.c", ("batch norm", "the one-cycle rate", "the flips")[int(np.argmax(steps))])
claim("cnn.three_changes", score[names[2]] - score["reference"], at_least=pick(ci=-100, workshop=8, full=6), data=cifar,
      label=f"Points won by the three changes, {n_train:,} images", headline=True)

# %% [markdown]
# The curves over the epochs. One rate rises and falls, the other never changes:

# %%
plots.show(compare([runs[name] for name in names]).figure("val_accuracy", over="epochs"),
           alt="Accuracy on held-out images over five epochs for the three runs. The two with the one-cycle rate pass the "
           "one with a constant rate after the second epoch and end some ten points above it.")

# %% [markdown]
# One run each, on few images, is thin evidence. Beside it the full trainings: all 50,000 images, ten epochs, three seeds,
# judged on the test images (`benchmarks/images.py` and `images_changes.py`).

# %%
race, full = record("images_race"), record("images_changes")
errors = {"reference": [run["error"] for run in race["reference"]]} | {name: full[name] for name in names}
points = {name: np.sort(100 - 100 * np.array(values)) for name, values in errors.items()}
print(f"{'':30}{'here':>8}   full, mean (all three)")
for name, values in points.items():
    print(f"{name:30}{score[name]:6.1f} %   {values.mean():.1f} % ({', '.join(f'{value:.1f}' for value in values)})")
print(full.origin)

# %%
claim("cnn.batch_norm_spread", np.ptp(points[names[0]]), at_least=4, label="Full, batch norm alone: points between seeds")
claim("cnn.one_cycle_spread", np.ptp(points[names[1]]), at_most=1, label="Full, with the one-cycle rate: points between seeds")
claim("cnn.one_cycle_gain", points[names[1]].mean() - points[names[0]].mean(), at_least=6, headline=True,
      label="Full: points won by the one-cycle rate")
claim("cnn.flips_gain", points[names[2]].mean() - points[names[1]].mean(), at_least=1, label="Full: points won by flips")

# %% [markdown]
# Batch norm alone is a lottery: eight points lie between its best seed and its worst, and on average it has gained nothing
# over the reference. At a constant rate the weights still leap about when the training ends, and which leap is the
# last is luck. Let the rate fall to nothing, and nine points are won and the seeds agree. **One run would have told any
# story.**
#
# The flips win in full, where each image is seen ten times. In our five epochs they win nothing, or even cost: mirrored
# images take longer to learn, as lesson 15 found.
#
# ## 5 The kit's fast network
#
# How far can one go in the reference's time? `fast_cnn` puts more of such ideas together. Its first layer is not
# learned but computed: filters that make neighbouring pixels uncorrelated. It halves the image at once, so that all that
# follows costs a quarter. Its optimiser, Muon, moves all directions of a filter alike. `recipes.fast` compiles it.

# %%
from kitutils.models import fast_cnn
from kitutils.train import recipes

keras.utils.set_random_seed(40)
fast = fast_cnn(x)
batches = Batches(x, y, 128, seed=40, flip=True, shift=2)
recipes.fast(fast, EPOCHS * batches.steps)
runs["fast"] = fit(fast, batches, EPOCHS, name="fast")
score["fast"] = accuracy(fast)
claim("cnn.fast", score["fast"] - score["reference"], at_least=pick(ci=-100, workshop=10, full=8), data=cifar,
      label=f"Points of the fast network over the reference, {n_train:,} images", headline=True)
error = {name: 100 * np.mean([run["error"] for run in race[name]]) for name in ("reference", "fast")}
print(f"full, {race['fast_time_ratio']:.2f} × the reference's time: {error['reference']:.1f} % wrong → {error['fast']:.1f} %")

# %% [markdown]
# In the textbook's time it makes less than half the textbook's mistakes. Nothing in it is new: each idea is in a paper that
# its docstring names. (The recorded runs also compute in numbers of 16 bits where the processor is faster with them.)
#
# ## 6 Its mistakes
#
# Now the test images, once. Which classes will it confuse?

# %%
predict("40.d", "The pair that is confused most often is …",
        ["cat and dog", "automobile and truck", "airplane and ship", "deer and horse"])

# %%
n_test = pick(ci=200, workshop=10_000, full=10_000)
judged = cifar.take(n_train, seed=40, test=n_test)
said = np.concatenate([fast(judged.x_test[i : i + 500], training=False) for i in range(0, n_test, 500)])
matrix = np.zeros((10, 10), int)
np.add.at(matrix, (judged.y_test, said.argmax(axis=1)), 1)
plots.show(plots.confusion(matrix, cifar.class_names), alt="Counts of true against predicted class on the test images. The diagonal dominates. By far the most mistakes are "
           "cats taken for dogs and dogs for cats; then trucks and automobiles, airplanes and ships, and birds for all sorts.")

# %% [markdown]
# Add what was confused one way and the other:

# %%
both_ways = np.triu(matrix + matrix.T, 1)
a, b = np.unravel_index(both_ways.argmax(), both_ways.shape)
pair = f"{cifar.class_names[a]} and {cifar.class_names[b]}"
choices = ["cat and dog", "automobile and truck", "airplane and ship", "deer and horse"]
outcome("40.d", pair if pair in choices else choices[0])
test_accuracy = 100 * np.trace(matrix) / n_test
print(f"{test_accuracy:.1f} % right; {pair}: {both_ways[a, b]} of {n_test - np.trace(matrix):,} mistakes")
claim("cnn.cat_dog", both_ways[3, 5] / max(n_test - np.trace(matrix), 1), at_least=pick(ci=0, workshop=0.07, full=0.07),
      data=cifar, label="Share of all mistakes that are cat for dog or dog for cat")

# %% [markdown]
# Four legs, two ears, on a sofa. And the mistakes of which it was surest:

# %%
chance = np.exp(said - said.max(axis=1, keepdims=True))
chance = chance / chance.sum(axis=1, keepdims=True)
wrong = np.flatnonzero(said.argmax(axis=1) != judged.y_test)
surest = wrong[np.argsort(-chance[wrong].max(axis=1))[:8]]
titles = [f"{cifar.class_names[judged.y_test[i]]}: {cifar.class_names[said[i].argmax()]}" for i in surest]
plots.show(plots.image_grid(judged.x_test[surest], titles, columns=4),
           alt="Eight test photographs that it got wrong, each titled with its label and what the network said.")

# %% [markdown]
# First the label, then the answer. Most of these one could get wrong oneself, at this size: a van, or an outline against
# the sky. And some labels deserve a doubt as well: people made them (lesson 11).
#
# ### Article clinic: two mistakes that raise no error
#
# The first article trains the reference without its scaling layer: pixels go in as 0 to 255. The second ends its network
# in `softmax` and compiles it with `from_logits=True`, so that softmax is applied twice; a last layer then gives the
# output the shape that its service wants.

# %%
def without_scaling():
    old = reference_cnn()
    return keras.Sequential([keras.Input((32, 32, 3)), *old.layers[1:]])


def softmax_twice():
    tail = [layers.Softmax(), layers.Reshape((10,))]
    return keras.Sequential([*reference_cnn().layers, *tail])

# %% [markdown]
# Both are trained as the reference was, on the same images.

# %%
predict("40.e", "Which costs more points?", ["pixels from 0 to 255", "softmax twice", "neither costs anything"])

# %%
cost = {name: score["reference"] - accuracy(train(make, x, y))
        for name, make in {"pixels": without_scaling, "softmax": softmax_twice}.items()}
worst = max(cost, key=cost.get)
outcome("40.e", "neither costs anything" if cost[worst] < 1 else
        {"pixels": "pixels from 0 to 255", "softmax": "softmax twice"}[worst])
print(f"points lost: pixels from 0 to 255 {cost['pixels']:.1f}, softmax twice {cost['softmax']:.1f}")
print(f"lowest loss that softmax twice can reach: {-np.log(np.e / (np.e + 9)):.2f}")
claim("clinic.raw_pixels", cost["pixels"], at_least=pick(ci=-100, workshop=1, full=0), data=cifar, headline=True,
      label="Points lost by pixels from 0 to 255")
claim("clinic.softmax_twice", cost["softmax"], at_least=pick(ci=-100, workshop=3, full=1), data=cifar, headline=True,
      label="Points lost by softmax twice")

# %% [markdown]
# Pixels from 0 to 255 make the first sums a hundred times too large, and the early steps go into mending that. Softmax
# twice is worse: what the loss takes for logits lies between 0 and 1, so even the surest right answer counts as 23 %, and
# the loss cannot fall below 1.46. If softmax is the very last layer, Keras on TensorFlow takes the numbers from before it
# and warns. One more layer behind it, and nobody notices.
#
# **Scale in the first layer; end in logits; say so in the loss.**
#
# **Exercise 40.3 (stretch): find three bugs.** A colleague's batches. Nothing here raises an error either.

# %%
def their_batch(images, labels, rng):
    order = rng.permutation(len(images))
    images, labels = images[order], rng.permutation(labels)
    images = (images - 128) / 127.5
    turned = rng.random(len(images)) < 0.5
    images[turned] = images[turned, ::-1]
    return images.astype("float32"), labels


grey = np.full((1, 2, 2, 1), 64, "uint8")
print("a grey of 64 becomes", their_batch(grey, np.array([0]), np.random.default_rng(0))[0].max(), "instead of about -0.5")

# %% [markdown]
# Write `batch(images, labels, rng)`: uint8 images of shape (n, height, width, channels) and their labels, in a new random
# order; each image mirrored left to right with a chance of one half; pixels as float32 from −1 (for 0) to 1 (for 255).

# %% tags=["exercise"]
def batch(images, labels, rng):
    ...


exercise("40.3").check(batch)

# %% tags=["solution"]
def batch(images, labels, rng):
    order = rng.permutation(len(images))
    images, labels = images[order], labels[order]
    images = images.astype("float32") / 127.5 - 1
    turned = rng.random(len(images)) < 0.5
    images[turned] = images[turned, :, ::-1]
    return images, labels


exercise("40.3").solution(batch)

# %% [markdown]
# ## Recap
#
# - A convolution is a small weighted window, used everywhere: few weights, and the assumption that neighbours matter.
# - Shapes shrink, channels grow, and the receptive field widens from layer to layer.
# - Batch norm, a rate that rises and falls, and flips: each was measured alone, and beside full runs with their spread.
# - Look at the confusion matrix and at the surest mistakes before you change anything.
# - Scale the inputs; give a loss what it expects. Both mistakes train without an error.

# %%
recap("40")

# %% [markdown]
# **Saved:** nothing. The networks are in `kitutils.models`.
#
# **Next:** lesson 41 makes networks deeper, finds out why that fails, and repairs it.
