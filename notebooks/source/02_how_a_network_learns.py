# %% [markdown]
# # 02 · How a network learns
#
# *What happens inside `fit`?*
#
# | teach | run | needs | opens |
# |---|---|---|---|
# | 60 min | 1 min | nothing | `kitutils.plots`, `kitutils.train.callbacks` |
#
# By the end you will be able to
#
# - train one neuron with nothing but NumPy, and get the numbers that Keras gets
# - tell batch, iteration and epoch apart, and find a learning rate that works
# - read two curves and say what a network has learned: the rule, or its rows

# %% [markdown] tags=["teacher"]
# **Purpose.** Take the magic out of `fit`. Everybody should leave able to say: the loss is a landscape, the gradient is
# its slope, training is a walk downhill, and one can see when the walk goes wrong. No calculus is needed; whoever has it
# will recognise the derivative.
#
# | section | minutes |
# |---|---|
# | 1 A rule that you write | 6 |
# | 2 A neuron, and how wrong it is | 8 |
# | 3 Downhill; exercise 02.1 | 18 |
# | 4 Batch, iteration, epoch; exercise 02.2 | 11 |
# | 5 The learning rate | 6 |
# | 6 The same in ten lines of Keras | 4 |
# | 7 Learning by heart, and the clinic; exercise 02.3 is homework | 7 |
#
# **Fifteen minutes late?** Give exercise 02.1 and the clinic as homework. Keep the predictions about batches and about
# the thirty rows: most of the room gets them wrong, and they are what people will remember.
#
# **Likely questions.**
# *Can it get stuck in a small valley?* This one cannot: a single neuron's landscape has only one. A network's has many,
# but for large networks most that are found turn out about equally good.
# *Who computes the slopes in a large network?* The same formula, applied layer by layer from the back, which is called
# backpropagation. Keras has the computer do it. Nudging each of a million weights would take a million passes.
# *Why does the neuron have no bias?* We put the zero halfway between the groups, so that all weights fit on a map. From
# the network in section 7 on there is one.

# %%
from kitutils.course import claim, exercise, outcome, pick, predict, recap, start

start("02")

# %% [markdown]
# ## 1 A rule that you write
#
# Two of the numbers that a microscope gives for 569 tumours: the **size** of the cells (mean radius) and the
# **roughness** of their outline. In this file 0 means malignant, the reverse of what most people expect; we turn it
# round.

# %%
import numpy as np

from kitutils import data, plots

tumours = data.load("breast_cancer")
raw = tumours.frame[["mean radius", "worst smoothness"]].to_numpy()
y = (tumours.frame["target"] == 0).to_numpy(float)
print(f"{len(raw)} tumours, {y.mean():.0%} of them malignant")

# %% [markdown]
# One half of the rows is to learn from. The other half, the validation rows, tells what a rule is worth for new tumours.

# %%
from sklearn.model_selection import train_test_split


def halves(seed):
    return train_test_split(np.arange(len(raw)), test_size=0.5, stratify=y, random_state=seed)


train, val = halves(0)
names, features = ("benign", "malignant"), ("size", "roughness")
figure = plots.two_classes(raw[train], y[train], names, labels=features)
figure.axes[0].axvline(15, color="black")
figure.axes[0].legend(loc="upper right")
plots.show(figure, alt="Tumours by size and roughness. Benign ones lie to the left, malignant ones to the right and "
           "higher up. A vertical line at size 15 parts most of them; rough malignant ones remain on its left.")

# %% [markdown]
# Where would you draw a line? We look and write: *malignant if the size is over 15.* For the roughness, which is harder
# to see, we take the threshold that does best on the training rows.

# %%
by_size = np.mean((raw[val, 0] > 15) == y[val])
claim("neuron.hand_rule", by_size, at_least=0.85, at_most=0.92, data=tumours, label="Size over 15, new tumours")
limit = max(raw[train, 1], key=lambda limit: np.mean((raw[train, 1] > limit) == y[train]))
by_roughness = np.mean((raw[val, 1] > limit) == y[val])
claim("neuron.roughness_alone", by_roughness, at_least=0.64, at_most=0.75, data=tumours, label="Roughness alone")

# %% [markdown]
# One thought, and 89 % right: a strong rival. The roughness is weak; whoever always says "benign" gets 63 %. But a
# slanted line might do better than an upright one. How slanted? Let the computer find out.
#
# ## 2 A neuron, and how wrong it is
#
# First, the two numbers get the same footing: 0 is halfway between the two groups, 1 is one standard deviation.

# %%
def scaled(rows):
    groups = [raw[rows][y[rows] == group].mean(axis=0) for group in (0, 1)]
    return (raw - np.mean(groups, axis=0)) / raw[rows].std(axis=0)


x = scaled(train)
x_train, y_train, x_val, y_val = x[train], y[train], x[val], y[val]

# %% [markdown]
# A **neuron** multiplies each input by a **weight** and adds up. The **sigmoid** squeezes the sum into 0 to 1, and we
# read the result as the chance of "malignant". (Most neurons also add a learned number, the **bias**. Ours needs none,
# because we put the zero where the line should pass.)

# %%
def neuron(w, x):
    total = x @ w                      # w[0] · size + w[1] · roughness
    return 1 / (1 + np.exp(-total))    # far below zero: 0, zero: ½, far above: 1


def accuracy(w, x, y):
    return np.mean((neuron(w, x) > 0.5) == y)

# %% [markdown]
# How wrong is it? For each row, take the chance that it gave to the *true* answer; the loss is minus the logarithm. Its
# mean over all rows is *the* **loss**.

# %%
def loss(w, x, y):
    p = np.clip(neuron(w, x), 1e-7, 1 - 1e-7)    # the logarithm of 0 is no number; Keras clips as well
    return -np.mean(np.where(y == 1, np.log(p), np.log(1 - p)))


for chance in (0.99, 0.5, 0.01):
    print(f"{chance:.0%} for the true answer costs {-np.log(chance):.2f}")

# %% [markdown]
# Right and sure costs nothing. Not to know costs 0.69. Wrong and sure is dear.
#
# Two weights are a place on a map, and the loss there is a height. We survey 3,000 places. Marked is a bad guess, by
# which large cells are harmless.

# %%
bad_guess = np.array([-3.0, 4.0])
across, up = np.linspace(-6, 12, 60), np.linspace(-6, 8, 50)
heights = np.array([[loss(np.array([a, b]), x_train, y_train) for a in across] for b in up])
axes = ("weight of the size", "weight of the roughness")
plots.show(
    plots.landscape(across, up, heights, labels=axes, paths={"the bad guess": bad_guess[None]}),
    alt="A map of the loss over the two weights: one valley, its floor near 5 and 2.5, where the loss is 0.15. It rises "
    "steeply to the lower left, to above 4, and gently to the right. The bad guess stands on the slope at the left.",
)

# %% [markdown]
# One valley. We could take the lowest of the 3,000 places. But ten weights, 50 places each, make 10¹⁷, and the small
# network of lesson 01 has 30,000 weights. We need a way down that looks only at the ground underfoot.
#
# ## 3 Downhill
#
# Stand on the bad guess. Which way is down? Move one weight by a hair, to either side, and watch the height.

# %%
hair = np.array([1e-4, 0])


def slope_of(height):
    return (height(bad_guess + hair, x_train, y_train) - height(bad_guess - hair, x_train, y_train)) / 2e-4


print(f"slope of the loss in the first weight: {slope_of(loss):.4f}")

# %% [markdown]
# Negative: a larger first weight lowers the loss. But we want *accuracy*. Why not climb that?

# %%
predict("02.a", "Move the first weight by the same hair. The slope of the accuracy is …",
        ["positive: it rises where the loss falls", "negative", "exactly 0"])

# %%
gain = slope_of(accuracy)
outcome("02.a", "exactly 0" if gain == 0 else "negative" if gain < 0 else "positive: it rises where the loss falls")
steps = np.linspace(0, 1, 1000)[:, None] * [1, 0] + bad_guess
figure, panels = plots.plt.subplots(1, 2, figsize=(8, 2.6))
for panel, height, name in zip(panels, (loss, accuracy), ("loss", "accuracy"), strict=True):
    panel.plot(steps[:, 0], [height(w, x_train, y_train) for w in steps])
    panel.set(title=name, xlabel="weight of the size")
plots.show(figure, alt="Loss and accuracy while the first weight grows from -3 to -2. The loss falls in a smooth line. "
           "The accuracy is a staircase: flat, and a jump wherever a single row changes sides.")

# %% [markdown]
# Until a row changes sides, nothing happens: on a step of a staircase you cannot feel which way is up. The loss slopes
# everywhere, and that is what it is for. **We train on the loss, and judge by the accuracy.**
#
# Nudging takes two passes over the data for each weight. For a neuron, one formula gives all slopes at once: *how far
# off, times how large the input was*, averaged over the rows. All slopes together are the **gradient**.

# %%
def gradient(w, x, y):
    too_high = neuron(w, x) - y        # per row, −1 to 1
    return too_high @ x / len(x)       # one slope for each weight


print(gradient(bad_guess, x_train, y_train))
claim("neuron.slopes_agree", abs(gradient(bad_guess, x_train, y_train)[0] - slope_of(loss)), at_most=1e-6,
      data=tumours, label="Formula against nudge")

# %% [markdown]
# They agree. Calculus is how one *finds* such a formula; nudging is how one *checks* it.
#
# **Exercise 02.1 (10 minutes).** Write `nudged_slopes(loss, weights, nudge)`: for each weight, the loss with that one
# weight `nudge` higher, minus the loss with it `nudge` lower, divided by the distance between the two. `loss` is a
# function of the weights alone.

# %% tags=["exercise"]
def nudged_slopes(loss, weights, nudge):
    ...


exercise("02.1").check(nudged_slopes)

# %% tags=["solution"]
def nudged_slopes(loss, weights, nudge):
    hairs = nudge * np.eye(len(weights))
    return np.array([loss(weights + hair) - loss(weights - hair) for hair in hairs]) / (2 * nudge)


exercise("02.1").solution(nudged_slopes)

# %% [markdown]
# Now one step: against the slope, times a factor that we choose, the **learning rate**.

# %%
learning_rate = 1.0
w = bad_guess - learning_rate * gradient(bad_guess, x_train, y_train)
print(f"weights {bad_guess} → {w.round(2)}")
print(f"loss {loss(bad_guess, x_train, y_train):.2f} → {loss(w, x_train, y_train):.2f}")

# %% [markdown]
# Lower. The same again, and again: that is **gradient descent**, and all the learning there is.

# %%
def descend(w, x, y, learning_rate, steps):
    path = [w]
    for _ in range(steps):
        path.append(path[-1] - learning_rate * gradient(path[-1], x, y))
    return np.array(path)


path = descend(bad_guess, x_train, y_train, learning_rate=1.0, steps=50)
plots.show(
    plots.landscape(across, up, heights, labels=axes, paths={"50 steps": path}),
    alt="The map of the loss with a walk of 50 steps. It runs from the bad guess down to the right in long strides, "
    "which shorten as the ground flattens, and ends just inside the valley near 3.3 and 2.",
)

# %% [markdown]
# The strides shorten by themselves, because the slope does. Nobody told it that large cells are dangerous; the labels
# did. Was it worth it? We compare with *size over 15* on twenty different halves of the data.

# %%
predict("02.b", "Weighing in the roughness adds to the 89 % of the size alone …",
        ["next to nothing", "about 1 point", "3 points or more"])

# %%
gains = []
for seed in range(20):
    a, b = halves(seed)
    x_seed = scaled(a)
    learned = descend(np.zeros(2), x_seed[a], y[a], learning_rate=1.0, steps=50)[-1]
    gains.append(100 * (accuracy(learned, x_seed[b], y[b]) - np.mean((raw[b, 0] > 15) == y[b])))
points = np.mean(gains)
outcome("02.b", "3 points or more" if points >= 3 else "about 1 point" if points > 0.5 else "next to nothing")
claim("neuron.gain", points, at_least=3, at_most=7, data=tumours, headline=True,
      label="Points of one neuron over the hand-written rule, mean of 20 splits")

# %% [markdown]
# Weak alone, and worth five points in company: it helps where the size is undecided. Never judge an input by what it
# can do alone.
#
# ## 4 Batch, iteration, epoch
#
# So far each step looked at all 284 rows. It may also look at a few.
#
# | word | meaning | in batches of 32 |
# |---|---|---|
# | **batch** | the rows that one step looks at | 32 rows |
# | **iteration** | one step, one update of the weights | 9 make an epoch |
# | **epoch** | one pass over all rows | 9 iterations |

# %%
def in_batches(w, batch, epochs, learning_rate):
    rng, path = np.random.default_rng(0), [w]
    for _ in range(epochs):
        order = rng.permutation(len(x_train))
        for first in range(0, len(order), batch):
            rows = order[first:first + batch]
            path.append(path[-1] - learning_rate * gradient(path[-1], x_train[rows], y_train[rows]))
    return np.array(path)

# %% [markdown]
# The slope from all rows is exact. The slope from one row is a rumour: it says what would help that one tumour. Each
# gets five passes over the data, at a learning rate of 0.3.

# %%
predict("02.c", "After five epochs, the lowest loss is reached with batches of …", ["all 284 rows", "32 rows", "1 row"])

# %%
sizes = {"all 284 rows": 284, "32 rows": 32, "1 row": 1}
walks = {name: in_batches(bad_guess, size, epochs=5, learning_rate=0.3) for name, size in sizes.items()}
falls = {name: [loss(w, x_train, y_train) for w in walk] for name, walk in walks.items()}
for name, fall in falls.items():
    print(f"batches of {name}: {len(fall) - 1:>4} iterations, loss {fall[-1]:.3f}")
outcome("02.c", min(falls, key=lambda name: falls[name][-1]))
claim("neuron.batch_factor", falls["all 284 rows"][-1] / falls["1 row"][-1], at_least=5, data=tumours, headline=True,
      label="Loss after five epochs, all rows at once / one by one")
figure, (left, right) = plots.plt.subplots(1, 2, figsize=(7.5, 2.6), sharey=True)
for name, fall in falls.items():
    left.plot(np.linspace(0, 5, len(fall)), fall)
    right.plot(fall[:46], marker=".", label=name, zorder=2 + 1 / len(fall))    # the short one on top
left.set(xlabel="epoch", ylabel="loss")
right.set(xlabel="iteration")
right.legend(title="batches of")
plots.show(figure, alt="The same runs, left by epoch: with one row a batch the loss drops at once, with 32 within five "
           "epochs, with all rows it has hardly begun. Right by iteration: the three curves lie close together, that "
           "of one row with jitter.")

# %% [markdown]
# By epochs the single rows win; by iterations all are about equal. A rumour mostly points downhill, and five epochs hold
# 1,420 rumours but only five exact slopes. So *"we trained for five epochs"* says little without the batch size.
#
# Rumours have their price when strides are long. The same at ten times the rate:

# %%
fast = {}
for name, size in sizes.items():
    fast[name] = loss(in_batches(bad_guess, size, epochs=5, learning_rate=3)[-1], x_train, y_train)
    print(f"batches of {name}: loss {fast[name]:.3f}")
claim("neuron.rumours_jump", fast["1 row"] / fast["32 rows"], at_least=1.1, data=tumours,
      label="Loss at rate 3, one by one / in batches of 32")

# %% [markdown]
# One row at a time now jumps about the valley, and 32 is best: many steps, each fairly right.
#
# **Exercise 02.2 (5 minutes).** Lesson 01 trains on 1,257 images, in batches of 64, for 25 epochs. Fill in the numbers.

# %% tags=["exercise"]
counts = {
    "iterations in an epoch": ...,
    "images in its last batch": ...,
    "iterations in all": ...,
    "times each image is used": ...,
}

exercise("02.2").check(counts)

# %% tags=["solution"]
counts = {
    "iterations in an epoch": 20,
    "images in its last batch": 1257 - 19 * 64,
    "iterations in all": 25 * 20,
    "times each image is used": 25,
}

exercise("02.2").solution(counts)

# %% [markdown]
# ## 5 The learning rate
#
# Back to all rows at once, 100 steps, four learning rates. Many tutorials start with 0.01.

# %%
predict("02.d", "After 100 steps the lowest loss is reached with a learning rate of …", ["0.01", "0.3", "10", "300"])

# %%
rates = (0.01, 0.3, 10, 300)
tries = {f"{rate:g}": descend(bad_guess, x_train, y_train, rate, steps=100) for rate in rates}
curves = {rate: [loss(w, x_train, y_train) for w in walk] for rate, walk in tries.items()}
outcome("02.d", min(curves, key=lambda rate: curves[rate][-1]))
figure, axis = plots.plt.subplots(figsize=(6.4, 2.8))
for rate, curve in curves.items():
    axis.plot(curve, label=rate)
axis.set(xlabel="iteration", ylabel="loss")
axis.legend(title="learning rate", loc="center left", bbox_to_anchor=(1, 0.5))
plots.show(figure, alt="Loss over 100 steps for four learning rates. 0.01 has hardly moved, 0.3 falls steadily, 10 is at "
           "the bottom within ten steps. 300 comes down, leaps up to 4, comes down again, and never settles.")

# %%
claim("neuron.rate_small", curves["0.01"][-1] / curves["10"][-1], at_least=8, data=tumours,
      label="Loss after 100 steps, rate 0.01 / rate 10")
claim("neuron.rate_large", max(curves["300"][50:]) / curves["10"][-1], at_least=3, data=tumours,
      label="Worst loss of the last 50 steps, rate 300 / best")

# %% [markdown]
# Too small: the right way, and still on the way. Too large: each time it comes near the floor, the next step throws it
# out again. One neuron comes back, because its slopes are bounded; a deep network's loss often runs off to `nan`. Either
# way the training **diverges**. And 10, a thousand times the usual, is right *here*: one neuron, scaled inputs, a wide
# valley. No rate is good in itself. Try several, each three to ten times the last.
#
# ## 6 The same in ten lines of Keras
#
# `Dense(1)` is our neuron, `binary_crossentropy` our loss, `SGD` our step. Same start, same rate, all rows in one batch.

# %%
import keras
from keras import layers

from kitutils.train import EtaBar

model = keras.Sequential([keras.Input((2,)), layers.Dense(1, activation="sigmoid", use_bias=False)])
model.set_weights([bad_guess[:, None]])
model.compile(keras.optimizers.SGD(learning_rate=1.0), loss="binary_crossentropy")
epochs = pick(ci=10, workshop=50, full=50)
model.fit(x_train, y_train, batch_size=284, epochs=epochs, verbose=0, callbacks=[EtaBar()])
theirs = model.get_weights()[0][:, 0]
print(f"ours {path[epochs]}, Keras {theirs}")
claim("neuron.keras_agrees", np.abs(path[epochs] - theirs).max(), at_most=1e-4, data=tumours, headline=True,
      label="Largest difference of a weight, by hand against Keras")

# %% [markdown]
# The same weights, to as many digits as Keras keeps. That is what `fit` does. What else it offers, such as Adam, is a
# cleverer stride.
#
# ## 7 Learning by heart
#
# One neuron draws a straight line. Put 64 side by side, let 64 more look at their answers, and one at the end decide:
# now the line can bend. In between, **relu** takes the sigmoid's place: sums below zero become 0, others pass. This
# network gets only 30 tumours to learn from.

# %%
def wide_network():
    keras.utils.set_random_seed(0)
    dense = [layers.Dense(64, activation="relu") for _ in range(2)]
    network = keras.Sequential([keras.Input((2,)), *dense, layers.Dense(1, activation="sigmoid")])
    network.compile(keras.optimizers.Adam(0.02), loss="binary_crossentropy", metrics=["accuracy"])
    return network


few, _ = train_test_split(np.arange(284), train_size=30, stratify=y_train, random_state=0)
x_few, y_few = x_train[few], y_train[few]
print(f"{wide_network().count_params():,} weights, {len(x_few)} rows")

# %% [markdown]
# It soon gets all 30 right. It never learns from the validation rows; we only watch them.

# %%
predict("02.e", "Meanwhile, on the validation rows …",
        ["both get better", "both get clearly worse", "the loss gets far worse, the accuracy hardly"])

# %%
network = wide_network()
history = network.fit(x_few, y_few, validation_data=(x_val, y_val), batch_size=10, validation_batch_size=285,
                      epochs=pick(ci=3, workshop=40, full=40), verbose=0, callbacks=[EtaBar()]).history
plots.show(
    plots.learning_curves(history),
    alt="Learning curves over 40 epochs. Training loss falls to zero; validation loss falls for two epochs and then climbs "
    "to seven times its lowest value. Training accuracy reaches 1 within five epochs, validation accuracy stays near 0.9.",
)
best = int(np.argmin(history["val_loss"]))
rise = history["val_loss"][-1] / history["val_loss"][best]
drop = 100 * (history["val_accuracy"][best] - history["val_accuracy"][-1])
worse = "the loss gets far worse, the accuracy hardly" if drop < 8 else "both get clearly worse"
outcome("02.e", worse if rise > 2 else "both get better")
claim("overfit.loss_rise", rise, at_least=pick(ci=1, workshop=3, full=3), data=tumours,
      label="Validation loss, last epoch / best epoch")
claim("overfit.points_lost", drop, at_most=8, data=tumours, label="Points of accuracy lost since the best epoch")

# %% [markdown]
# How can that be? Ask how sure it is where it is wrong. Beside it a neuron that learned from the same 30 rows and walked
# to the very bottom of its valley.

# %%
alone = descend(np.zeros(2), x_few, y_few, learning_rate=5, steps=5000)[-1]
rules = {"one neuron": lambda x: neuron(alone, x), "wide network": lambda x: network.predict(x, verbose=0)[:, 0]}
right, certainty = {}, {}
for name, rule in rules.items():
    p, own = rule(x_val), np.sum((rule(x_few) > 0.5) == y_few)
    wrong = (p > 0.5) != y_val
    right[name], certainty[name] = 1 - wrong.mean(), np.maximum(p, 1 - p)[wrong].mean()
    print(f"{name}: {own} of its 30 right, {right[name]:.1%} of the new; where wrong, {certainty[name]:.0%} sure")

figure, panels = plots.plt.subplots(1, 2, figsize=(7.4, 2.8), sharex=True, sharey=True)
for panel, (title, rule) in zip(panels, rules.items(), strict=True):
    plots.two_classes(x_val, y_val, names, size=8, axis=panel)
    panel.set(title=title, xlim=(-1.2, 1), ylim=(-1.7, 2.2))    # around the line
    plots.two_classes(x_few, y_few, names, size=60, axis=panel, labels=features, rule=rule)
plots.show(figure, alt="Two shaded maps of the same tumours near the line, training rows large. The neuron and the network part "
           "them along nearly the same slanted line. Beside the neuron's line lies a pale band, where it is "
           "unsure; the network has none, and many validation rows lie close to the line on its wrong side.")

# %%
claim("overfit.sure_when_wrong", certainty["wide network"], at_least=pick(ci=0.5, workshop=0.85, full=0.85),
      data=tumours, label="Wide network's mean certainty where it is wrong")
claim("overfit.neuron_lead", 100 * (right["one neuron"] - right["wide network"]),
      at_least=pick(ci=-100, workshop=-2, full=-2), data=tumours, label="Points of the neuron over the network")

# %% [markdown]
# Large points are training rows; the paler, the less sure. The line could bend, and hardly does. What is gone is the
# pale band. The neuron misses some of its own rows, and they keep it modest. The network has all 30 right, and then only
# one way leads further down: to be *surer*, which for new rows near the line is not warranted. Such learning by heart is
# **overfitting**. The loss shows it when the accuracy hardly does: watch the validation loss, and stop where it turns.
# Here 4,417 weights bought nothing that two did not have.
#
# ### Article clinic: the loss that fell below zero
#
# A tutorial tells 0 from 1 with one sigmoid output, then "simply" goes on to all ten digits, labels 0 to 9. No error, no
# warning, and the loss falls in every epoch:

# %%
digits = data.load("digits")
rows, new = train_test_split(np.arange(len(digits.y)), test_size=360, stratify=digits.y, random_state=0)


def read_digits(last_layer, loss):
    keras.utils.set_random_seed(0)
    body = [layers.Rescaling(1 / 16), layers.Flatten(), layers.Dense(64, activation="relu")]
    reader = keras.Sequential([keras.Input((8, 8, 1)), *body, last_layer])
    reader.compile("adam", loss=loss, metrics=["accuracy"])
    fit = reader.fit(digits.x[rows], digits.y[rows], epochs=pick(ci=2, workshop=10, full=10), verbose=0,
                     callbacks=[EtaBar()])
    return fit.history["loss"], 100 * reader.evaluate(digits.x[new], digits.y[new], verbose=0)[1]


losses, article = read_digits(layers.Dense(1, activation="sigmoid"), "binary_crossentropy")
print("loss after each epoch:", *(f"{value:.0f}" for value in losses))

# %% [markdown]
# Falling and falling. How well does it read? The repair beside it: one output for each digit, and the loss for ten
# classes.

# %%
predict("02.f", "Of 360 new digits it reads correctly …",
        ["about 10 %", "about 50 %", "about 90 %"])

# %%
_, repaired = read_digits(layers.Dense(10, activation="softmax"), "sparse_categorical_crossentropy")
outcome("02.f", "about 10 %" if article < 30 else "about 50 %" if article < 70 else "about 90 %")
print(f"the article's way {article:.1f} %, repaired {repaired:.1f} %")
claim("clinic.label_loss_points", repaired - article, at_least=pick(ci=20, workshop=75, full=75), data=digits,
      label="Points lost when labels and loss do not match")

# %% [markdown]
# This loss is made for labels 0 and 1. With a label of 7 its landscape has no floor: the more the network says "1", the
# lower it gets. So it calls every digit a 1, and a tenth of them are. A loss below zero, or the accuracy of pure chance,
# means: **do labels, last layer and loss fit together?**
#
# | labels | last layer | loss |
# |---|---|---|
# | 0 or 1 | `Dense(1, "sigmoid")` | `binary_crossentropy` |
# | 0 to 9 | `Dense(10, "softmax")` | `sparse_categorical_crossentropy` |
#
# **Exercise 02.3 (stretch): find three bugs.** A colleague's epoch. It runs without an error, and the neuron does not
# learn.

# %%
def their_epoch(w, x, y, order, batch, learning_rate):
    x = x[order]
    for first in range(0, len(x) - batch, batch):
        rows = slice(first, first + batch)
        too_high = neuron(w, x[rows]) - y[rows]
        w = w - learning_rate * (too_high @ x[rows])
    return w


w, rng = bad_guess, np.random.default_rng(0)
for _ in range(20):
    w = their_epoch(w, x_train, y_train, rng.permutation(284), 32, 0.3)
print(f"after 20 epochs: loss {loss(w, x_train, y_train):.2f}, {accuracy(w, x_train, y_train):.0%} right")

# %% [markdown]
# Write `one_epoch`: rows in the given order, in batches, each step against the mean slope of its batch. `neuron` and
# `gradient` may help.

# %% tags=["exercise"]
def one_epoch(w, x, y, order, batch, learning_rate):
    ...


exercise("02.3").check(one_epoch)

# %% tags=["solution"]
def one_epoch(w, x, y, order, batch, learning_rate):
    x, y = x[order], y[order]                       # the labels go with their rows
    for first in range(0, len(x), batch):           # up to the end: the last batch is small
        rows = slice(first, first + batch)
        w = w - learning_rate * gradient(w, x[rows], y[rows])    # the mean, not the sum
    return w


exercise("02.3").solution(one_epoch)

# %% [markdown]
# ## Recap
#
# - A neuron's weights are a place on a landscape; the height there is the loss.
# - The gradient is its slope. We train on the loss because the accuracy has none.
# - A batch makes an iteration, all batches an epoch. Iterations are what moves the weights.
# - A learning rate is too small or too large for *this* landscape; try several.
# - Validation loss that turns up means learning by heart; a loss below zero means labels that do not fit.

# %%
recap("02")

# %% [markdown]
# **Saved:** nothing; today was for your head.
#
# **Next:** lesson 10, where the data comes from that all this learns from.
