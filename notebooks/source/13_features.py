# %% [markdown]
# # 13 · Features
#
# *What does a model get to see of an order, and does it see the same in the shop as in the notebook?*
#
# | teach | run | needs | opens |
# |---|---|---|---|
# | 65 min | 1 min | 01, 10 | `kitutils.data.features`, `kitutils.data.encoders`, `kitutils.models.tabular` |
#
# By the end you will be able to
#
# - turn numbers, names, hours and a customer's past into columns that a model can use
# - tell a feature that knows the answer from one that knows the past
# - ship the preprocessing inside the model, so that nobody can forget it

# %% [markdown] tags=["teacher"]
# **Purpose.** Two thoughts to take home: a feature may only hold what is known on the day, and it must be computed in the
# service exactly as in training. The encoders are the smaller matter; libraries have them.
#
# | section | minutes |
# |---|---|
# | 1 What is known on the day; exercise 13.1 | 18 |
# | 2 Scaling | 8 |
# | 3 Names | 6 |
# | 4 Hours; exercise 13.2 | 14 |
# | 5 The same, twice | 7 |
# | 6 The shop model, and the clinic | 8 |
# | 7 A column of noise; exercise 13.3 is homework | 4 |
#
# **Fifteen minutes late?** Leave out section 3 and give exercise 13.2 as homework. Keep the leaking column and the clinic.
#
# **Likely questions.**
# *Why 21 days?* A parcel comes back within two weeks or three. Ask your own shop; it is a number to look up, not to tune.
# *The last training rows: were their outcomes known when the later orders came?* Those of the last three weeks were not
# all known. To be strict, leave them out of the training.
# *Does the boosted tree need no scaling at all?* None: it asks "larger than?", and scaling keeps the order.
# *Could the service forget the history as well?* Yes, it must look up four counts. A missing count is allowed and means
# "nothing known", which costs points and breaks nothing.

# %%
from kitutils.course import claim, exercise, outcome, pick, predict, recap, save_artifact, start

start("13")

# %% [markdown]
# ## 1 What is known on the day
#
# The shop wants to know which orders will come back. The test rows that lesson 10 locked stay locked here. Of the others,
# the earlier ones train and the latest fifth judges. The score is the **AUC** in points: of 100 pairs, one returned and
# one kept, how many are put in the right order? A coin gets 50.

# %%
import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score

from kitutils import data, plots
from kitutils.data.features import NUMBERS, TEXTS
from kitutils.data.locked import locked_test
from kitutils.data.splits import three_way

shop = data.load("shop")
orders = shop.frame[~locked_test(shop.frame["customer_id"])].reset_index(drop=True)
rows = three_way(orders, (0.8, 0.2, 0), time=orders["ordered_on"])


def auc(model, table):
    return 100 * roc_auc_score(table["returned"], model.predict_proba(table)[:, 1])

# %% [markdown]
# Logistic regression on what the order says. `parcel_scans` is left out: nobody has it when an order is placed.

# %%
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def train(table, numbers, texts=TEXTS):
    one_hot = OneHotEncoder(handle_unknown="ignore")
    encode = make_column_transformer((StandardScaler(), list(numbers)), (one_hot, list(texts)))
    return make_pipeline(encode, LogisticRegression(max_iter=1000)).fit(table, table["returned"])


early, late = orders.iloc[rows.train], orders.iloc[rows.val]
plain = auc(train(early, NUMBERS), late)
print(f"{len(early):,} earlier orders train, {len(late):,} later ones judge: AUC {plain:.1f}")

# %% [markdown]
# Some customers send everything back. So we add a column, each customer's share of returns. Replacing a name by the
# mean of its target is called **target encoding**:

# %%
share = orders.groupby("customer_id")["returned"].mean()
leaky = orders.assign(rate=orders["customer_id"].map(share))
report = auc(train(leaky.iloc[rows.train], (*NUMBERS, "rate")), leaky.iloc[rows.val])
claim("features.leaky_report", report, at_least=80, data=shop, label="AUC in the report, share of returns over all orders")

# %% [markdown]
# A jump. But each share counts the very order that is to be predicted, and later ones. On the day, the shop knows
# the outcome of orders placed three weeks ago or more; the rest may still come back. We count by hand and by the kit.

# %%
from kitutils.data import features

orders = features.with_history(orders)


def known_by_hand(order):
    age = pd.to_datetime(order["ordered_on"]) - pd.to_datetime(orders["ordered_on"])
    past = orders[(orders["customer_id"] == order["customer_id"]) & (age >= pd.Timedelta(days=21))]
    return len(past), past["returned"].sum()


some = orders.iloc[:: len(orders) // 50]
by_hand = [known_by_hand(order) for _, order in some.iterrows()]
same = np.mean(some[["customer_known", "customer_returned"]].to_numpy() == by_hand)
claim("features.history_agrees", same, at_least=1, data=shop, label="Counts by hand and by the kit that agree, share")

# %% [markdown]
# Few known orders say little, so we mix in two average ones: `(returned + 2 · average) / (known + 2)`. Now the model
# of the report goes to work, where its column holds what is known on the day.

# %%
predict("13.a", "The report's model, at work, against an honest one that was trained on the known past: it ranks …",
        ["better", "about equally well", "far worse"])

# %%
prior = early["returned"].mean()


def rate(who, weight):
    return features.smoothed_rate(orders[f"{who}_returned"], orders[f"{who}_known"], prior=prior, weight=weight)


known = orders.assign(rate=rate("customer", 2))
work = known.iloc[rows.val]
tables = {"the report's model": leaky, "the honest model": known}
models = {name: train(table.iloc[rows.train], (*NUMBERS, "rate")) for name, table in tables.items()}
worth = {name: auc(model, work) for name, model in models.items()}
surprise = {name: log_loss(work["returned"], model.predict_proba(work)) for name, model in models.items()}
for name in models:
    print(f"{name}, at work: AUC {worth[name]:.1f}, loss {surprise[name]:.3f}")
lead = worth["the report's model"] - worth["the honest model"]
outcome("13.a", "better" if lead > 2 else "far worse" if lead < -2 else "about equally well")
claim("features.honest_gain", worth["the honest model"] - plain, at_least=5, data=shop, headline=True,
      label="Points of AUC from a customer's known past")
claim("features.leak_gap", report - worth["the report's model"], at_least=8, data=shop, headline=True,
      label="Points of AUC that a leaking column promised and did not keep")
claim("features.leak_too_sure", surprise["the report's model"] - surprise["the honest model"], at_least=0.015, data=shop,
      label="Loss of the report's model, above the honest one")

# %% [markdown]
# The leak left the ranking alone. It spoiled the promise, and the loss: the model trusts a column that was truer in
# training than it can ever be at work, so its chances are too sure. Suspect a **leak** whenever one feature makes
# everything easy. (scikit-learn's `TargetEncoder` hides a row's own outcome from it, but not later ones.)
#
# **Exercise 13.1 (5 minutes).** On 1 June a customer orders again. Returns are known after 21 days, the average share is
# 0.4, and two average orders are mixed in.
#
# | ordered on | 3 March | 20 March | 2 April | 15 May | 1 June, today |
# |---|---|---|---|---|---|
# | came back in the end | yes | no | yes | yes | yes |

# %% tags=["exercise"]
today = {"known": ..., "returned": ..., "rate": ..., "rate of a new customer": ...}

exercise("13.1").check(today)

# %% tags=["solution"]
today = {"known": 3, "returned": 2, "rate": (2 + 2 * 0.4) / (3 + 2), "rate of a new customer": 0.4}

exercise("13.1").solution(today)

# %% [markdown]
# ## 2 Scaling
#
# Ages run to about 90, weights to 2,000 grams and more. **Standardising** subtracts the mean and divides by the standard
# deviation. Who needs it? Nearest neighbours judge an order by the 50 most similar ones; a boosted tree asks "more than
# 80 €?".

# %%
predict("13.b", "Standardised numbers help …", ["both", "the neighbours only", "the tree only"])

# %%
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer, RobustScaler

orders = orders.assign(customer_rate=rate("customer", 2), product_rate=rate("product", 10))
early, late = orders.iloc[rows.train], orders.iloc[rows.val]
numbers = [*NUMBERS, "customer_rate", "product_rate"]


def boosted():
    return HistGradientBoostingClassifier(max_leaf_nodes=8, learning_rate=0.05, random_state=0,
                                          max_iter=pick(ci=30, workshop=100, full=100))


helped = {}
for name, model in {"neighbours": KNeighborsClassifier(50), "tree": boosted()}.items():
    scores = []
    for scaler in (FunctionTransformer(), StandardScaler(), RobustScaler()):
        fitted = make_pipeline(make_column_transformer((scaler, numbers)), model).fit(early, early["returned"])
        scores.append(auc(fitted, late))
    helped[name] = max(scores[1:]) - scores[0]
    print(f"{name:<10} raw {scores[0]:.1f} · standardised {scores[1]:.1f} · robust {scores[2]:.1f}")
outcome("13.b", "the neighbours only" if helped["tree"] < 1 else "both" if helped["neighbours"] > 1 else "the tree only")
claim("features.scaling_neighbours", helped["neighbours"], at_least=5, data=shop,
      label="Points of AUC that scaling gives the neighbours")
claim("features.scaling_tree", abs(helped["tree"]), at_most=1, data=shop, label="Points of AUC that scaling gives the tree")

# %% [markdown]
# The tree only asks for the order of values, which scaling keeps. To the neighbours a gram counted as much as a year.
#
# Now the warehouse notes 2 % of the weights a thousand times too large.

# %%
predict("13.c", "With those 2 %, the middle nine tenths of the standardised weights span …",
        ["about 3 deviations, as before", "about 1", "less than 0.1"])

# %%
wrong = np.random.default_rng(0).random(len(early)) < 0.02
weights = early[["weight_g"]] * np.where(wrong, 1000, 1)[:, None]
spans = {}
for scaler in (StandardScaler(), RobustScaler()):
    scaled = scaler.fit_transform(weights)
    spans[type(scaler).__name__] = np.ptp(np.quantile(scaled, [0.05, 0.95]))
    print(f"{type(scaler).__name__}: middle nine tenths span {spans[type(scaler).__name__]:.3f}, largest {scaled.max():,.0f}")
span = spans["StandardScaler"]
outcome("13.c", "less than 0.1" if span < 0.1 else "about 1" if span < 2 else "about 3 deviations, as before")
claim("features.squeezed", span, at_most=0.1, data=shop, label="Span of nine tenths of the weights, in deviations")

# %% [markdown]
# The wrong ones stretch the deviation, and all true weights become nearly one number. The **robust** scaler divides by
# the distance between the quartiles, which 2 % hardly move. The wrong ones are still there, thousands away: **clip** them
# at a limit. The shop model, which learns from clean rows, will clip what it is fed later at five deviations.
#
# ## 3 Names
#
# Models take numbers. Is *card 0, invoice 1, prepaid 2* good enough? **One-hot encoding** gives each name a column of its
# own. And what becomes of five sizes, coded together and one by one, as a service meets them?

# %%
from sklearn.preprocessing import OrdinalEncoder

in_order = make_column_transformer((StandardScaler(), numbers), (OrdinalEncoder(), list(TEXTS)))
as_codes = auc(make_pipeline(in_order, LogisticRegression(max_iter=1000)).fit(early, early["returned"]), late)
one_hot = auc(train(early, numbers), late)
print(f"codes {as_codes:.1f}, one-hot {one_hot:.1f}")
claim("features.one_hot_gain", one_hot - as_codes, at_least=0.2, data=shop, label="Points of AUC of one-hot over codes")

batch = late["size"].head(5)
print("five orders:", dict(zip(batch, batch.astype("category").cat.codes, strict=True)))
print("one by one: ", [int(batch[[i]].astype("category").cat.codes.iloc[0]) for i in batch.index])

# %% [markdown]
# A code says that invoice lies halfway between card and prepaid. And the same size gets another code, without an error,
# when codes are made from the rows at hand. An encoder learns once, on the training rows, and a row must come out equal
# alone and in a batch. A size that it has never seen becomes zeros with `handle_unknown="ignore"`: *none of those that
# I know*.
#
# ## 4 Hours
#
# Hour 23 lies beside hour 0; as numbers they are far apart. A **cycle** puts the hours on a circle and gives the model
# sine and cosine. We try it on two years of rented bikes, with a linear model; the last fifth judges. The score is **R²**:
# 1 is a perfect prediction, 0 no better than saying the mean each time.

# %%
predict("13.d", "On later days the hour explains most as …", ["a number", "a cycle", "one-hot"])

# %%
from sklearn.linear_model import LinearRegression

bikes = data.load("bike_sharing")
hour, rented = bikes.frame["hr"].to_numpy(), bikes.frame["cnt"].to_numpy()
angle, cut = 2 * np.pi * hour / 24, int(0.8 * len(hour))
cycle = np.stack([np.sin(angle), np.cos(angle)], axis=1)
forms = {"a number": hour[:, None], "a cycle": cycle, "one-hot": np.eye(24)[hour]}
fits = {name: LinearRegression().fit(x[:cut], rented[:cut]) for name, x in forms.items()}
r2 = {name: fit.score(forms[name][cut:], rented[cut:]) for name, fit in fits.items()}
print(*(f"{name}: R² {value:.2f}" for name, value in r2.items()), sep=" · ")
outcome("13.d", max(r2, key=r2.get))
claim("features.cycle_agrees", np.abs(cycle - features.cyclic(hour, 24)).max(), at_most=1e-12,
      label="Cycle, ours against the kit's")
claim("features.cycle_gain", r2["a cycle"] - r2["a number"], at_least=0.1, data=bikes, label="R² of one cycle over the number")
claim("features.one_hot_hours", r2["one-hot"] - r2["a cycle"], at_least=0.1, data=bikes, label="R² of one-hot over one cycle")

# %% [markdown]
# What each form lets a linear model draw:

# %%
first = [int(np.argmax(hour == h)) for h in range(24)]
figure, axis = plots.plt.subplots(figsize=(6.4, 2.8))
axis.bar(range(24), [rented[:cut][hour[:cut] == h].mean() for h in range(24)], color="0.85", label="mean")
for name, x in forms.items():
    axis.plot(range(24), fits[name].predict(x[first]), marker=".", label=name)
axis.set(xlabel="hour", ylabel="bikes rented in an hour")
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plots.show(figure, alt="Mean rentals by hour as grey bars with peaks at 8 and 17. As a number the hour gives a rising straight "
           "line, as a cycle one smooth wave with its top in the afternoon, one-hot follows every bar.")

# %% [markdown]
# The cycle mends midnight, but one wave has one top, and people ride to work *and* home. Twenty-four columns can follow.
# For the 365 days of a year they are often too many, and a wave or two is the better bargain.
#
# **Exercise 13.2 (10 minutes).** Write `on_circle(values, period, first)`: shape `(rows, 2)`, sine and cosine. `first`
# is the value at the top of the circle, angle 0: hours begin at 0, months at 1.

# %% tags=["exercise"]
def on_circle(values, period, first):
    ...


exercise("13.2").check(on_circle)

# %% tags=["solution"]
def on_circle(values, period, first):
    angle = 2 * np.pi * (np.asarray(values) - first) / period
    return np.stack([np.sin(angle), np.cos(angle)], axis=1)


exercise("13.2").solution(on_circle)

# %% [markdown]
# ## 5 The same, twice
#
# We prepare in scikit-learn; the service may run Keras. Does the same word mean the same?

# %%
from keras import layers, ops

prices = early[["price_eur"]].to_numpy("float32")
standardise = layers.Normalization()
standardise.adapt(prices)
gap = np.abs(ops.convert_to_numpy(standardise(prices)) - StandardScaler().fit_transform(prices)).max()

channels = early["channel"].to_numpy(dtype=object)
lookup = layers.StringLookup(vocabulary=sorted(set(channels)), output_mode="one_hot")
theirs = OneHotEncoder(sparse_output=False).fit_transform(channels[:, None])
gap = max(gap, np.abs(ops.convert_to_numpy(lookup(channels))[:, 1:] - theirs).max())
claim("features.encoders_agree", gap, at_most=1e-5, data=shop, headline=True,
      label="Largest difference, Keras against scikit-learn")

# %% [markdown]
# Equal, once Keras' column 0 is left out, which is for names never seen. Now the words of the shop's messages: counted,
# and weighted by **TF-IDF** (common words count less). And names **hashed** into eight drawers: a formula says which, and
# nobody keeps a list.

# %%
predict("13.e", "Keras and scikit-learn give the same …", ["in all three", "counts only", "counts and TF-IDF, other drawers"])

# %%
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

texts, sentence = data.load("shop_messages").x_train, ["where is my coat"]
gaps = {}
for mode, vectorizer in {"count": CountVectorizer, "tf_idf": TfidfVectorizer}.items():
    ours, skl = layers.TextVectorization(standardize="lower", output_mode=mode), vectorizer(token_pattern=r"\S+")
    ours.adapt(list(texts))
    skl.fit(texts)
    words, known = sentence[0].split(), ours.get_vocabulary()
    a = ops.convert_to_numpy(ours(sentence))[0, [known.index(w) for w in words]]
    b = skl.transform(sentence).toarray()[0, [skl.vocabulary_[w] for w in words]]
    gaps[mode] = np.abs(a - b).max()
    print(f"{mode:<7} Keras {a.round(2)}  scikit-learn {b.round(2)}")
names = ["app", "marketplace", "phone", "web"]
drawers = [int(i) for i in layers.Hashing(8)(ops.convert_to_tensor(names))]
hashed = FeatureHasher(8, input_type="string").transform([[name] for name in names])
theirs = [int(i) for i in hashed.indices]    # one drawer a row
print(f"hashing Keras {drawers}  scikit-learn {theirs}, of {names}")
outcome("13.e", "in all three" if drawers == theirs else "counts only" if gaps["tf_idf"] > 0.1 else "counts and TF-IDF, other drawers")
claim("features.counts_agree", gaps["count"], at_most=0, label="Largest difference of a count")
claim("features.tf_idf_differs", gaps["tf_idf"], at_least=0.5, label="Largest difference of a TF-IDF weight")

# %% [markdown]
# Neither is wrong: each has its own formula for how rare a word is, scikit-learn also scales each row to length 1, and
# each hashes by its own function. Trained with one and served with the other, a model reads nonsense in silence:
# **training/serving skew**. The cure is to have one computation for both.
#
# ## 6 The shop model
#
# So we put the preprocessing *into* the model. It takes a raw order: names, numbers, four counts of the past. Means,
# names and the average share it learns from the earlier orders, once.

# %%
import keras

from kitutils.data import encoders
from kitutils.models import shop_model
from kitutils.train import EtaBar

learned = encoders.learn(early, early["returned"])
keras.utils.set_random_seed(0)
model = shop_model(learned)
model.fit(features.as_inputs(early), early["returned"].to_numpy(), batch_size=256, epochs=pick(ci=1, workshop=6, full=6),
          verbose=0, callbacks=[EtaBar()])
chances = {"shop model": model.predict(features.as_inputs(late), batch_size=1024, verbose=0)[:, 0]}

# %% [markdown]
# Beside it, two rivals on the same columns. The score is the **PR-AUC**: the mean share of returns among the orders that
# a model warns of, as it warns of more and more. The intervals come from drawing the later orders again and again.

# %%
from sklearn.metrics import average_precision_score

for name, rival in {"logistic regression": LogisticRegression(max_iter=1000), "gradient boosting": boosted()}.items():
    fitted = make_pipeline(encoders.sklearn_encoder(learned), rival).fit(early, early["returned"])
    chances[name] = fitted.predict_proba(late)[:, 1]
y = late["returned"].to_numpy()
draws = [np.random.default_rng(seed).integers(len(y), size=len(y)) for seed in range(pick(ci=20, workshop=200, full=1000))]
score = {name: average_precision_score(y, p) for name, p in chances.items()}
again = {name: np.array([average_precision_score(y[d], p[d]) for d in draws]) for name, p in chances.items()}
print(f"warning of all      {y.mean():.3f}")
print(f"gradient boosting   {score['gradient boosting']:.3f}")
for name in ("shop model", "logistic regression"):
    low, high = np.quantile(again[name] - again["gradient boosting"], [0.025, 0.975])
    print(f"{name:<19} {score[name]:.3f}, against boosting {low:+.3f} to {high:+.3f}")
claim("features.shop_pr_auc", score["shop model"] - score["gradient boosting"], at_least=pick(ci=-0.3, workshop=-0.02, full=-0.02),
      data=shop, headline=True, label="PR-AUC of the shop model, less that of gradient boosting")

# %% [markdown]
# These orders hardly tell them apart, and logistic regression is the simplest: for accuracy alone it would get the job.
# We go on with the network, which carries its preprocessing along and which later lessons export.

# %%
saved = save_artifact("shop", model, lesson="13", data=shop, labels=list(shop.class_names),
                      target=shop.card.target, wait_days=features.WAIT)
order = orders.iloc[rows.val[0]].to_dict() | {"size": "XXL", "age": None}
print(f"size never seen, age missing: {saved.model().predict(features.as_inputs(order), verbose=0)[0, 0]:.2f}")

# %% [markdown]
# ### Article clinic: the scaler in the drawer
#
# A tutorial scales, trains, and saves two files: the model and the scaler. The service loads the model.

# %%
predict("13.f", "The service, fed with raw numbers, …", ["stops with an error", "is a few points worse", "ranks no better than a coin"])

# %%
scaler = StandardScaler().fit(early[numbers])
pickled = LogisticRegression().fit(scaler.transform(early[numbers]), early["returned"])
fed = {"notebook": scaler.transform(late[numbers]), "service": late[numbers].to_numpy()}
right = {name: pickled.predict(x) == y for name, x in fed.items()}
ranks = {name: 100 * roc_auc_score(y, pickled.predict_proba(x)[:, 1]) for name, x in fed.items()}
for name in right:
    print(f"{name}: {right[name].mean():.0%} right, AUC {ranks[name]:.0f}")
outcome("13.f", "ranks no better than a coin" if ranks["service"] < 55 else "is a few points worse")
lost = 100 * (right["notebook"].mean() - right["service"].mean())
claim("clinic.forgotten_scaler", lost, at_least=8, data=shop, headline=True,
      label="Points of accuracy lost when the service forgets the scaler")

# %% [markdown]
# No error: nine numbers in, a chance out. The repair stands above: *one* file that takes raw values. In scikit-learn
# that is a saved `Pipeline`.
#
# ## 7 A column of noise
#
# Which features earn their place? We ask a forest for its `feature_importances_`. As a **control** it gets a column of
# random numbers; and the month, as a cycle.

# %%
predict("13.g", "Among 17 columns, the forest ranks pure noise …", ["last", "in the lower half", "in the upper half"])

# %%
from sklearn.ensemble import RandomForestClassifier

codes = OrdinalEncoder().fit(orders[list(TEXTS)])
month = features.cyclic(pd.to_datetime(orders["ordered_on"]).dt.month - 1, 12)
noise = np.random.default_rng(0).normal(size=len(orders))
table = orders[numbers].assign(noise=noise, month_sin=month[:, 0], month_cos=month[:, 1])
table[list(TEXTS)] = codes.transform(orders[list(TEXTS)])
forest = RandomForestClassifier(pick(ci=20, workshop=100, full=300), min_samples_leaf=5, random_state=0)
forest.fit(table.iloc[rows.train], early["returned"])
ranked = list(table.columns[np.argsort(-forest.feature_importances_)])
place = ranked.index("noise") + 1
outcome("13.g", "in the upper half" if place <= 8 else "last" if place == len(ranked) else "in the lower half")
claim("features.noise_place", place, at_most=8, data=shop, label="Place of the random column among 17")

# %% [markdown]
# The forest credits what split its *training* rows, and a number with many values always offers a split. Ask the later
# orders instead: shuffle one column, and see what the AUC loses (**permutation importance**).

# %%
from sklearn.inspection import permutation_importance

shuffled = permutation_importance(forest, table.iloc[rows.val], y, scoring="roc_auc", random_state=0,
                                  n_repeats=pick(ci=2, workshop=5, full=20))
loss = dict(zip(table.columns, 100 * shuffled.importances_mean, strict=True))
figure, panels = plots.plt.subplots(1, 2, figsize=(8, 4), sharey=True)
names = list(table.columns[np.argsort(forest.feature_importances_)])
colours = [plots.COLOURS[name == "noise"] for name in names]
panels[0].barh(names, 100 * np.sort(forest.feature_importances_), color=colours)
panels[0].set_title("the forest's opinion, %")
panels[1].barh(names, [loss[name] for name in names], color=colours)
panels[1].set_title("AUC points lost by shuffling")
plots.show(figure, alt="Two bar charts of 17 columns. By the forest's own opinion the random column is among the first "
           "five. By shuffling, the customer's rate loses about ten points, size and the product's rate a few, the random "
           "column about none; shuffling the discount gains a point.")

# %% [markdown]
# Can a column do harm? We look at the discount in both parts.

# %%
dearer = [part.groupby(part["discount_pct"] > 0)["returned"].mean().diff().iloc[-1] for part in (early, late)]
print(f"returns with a discount, against without: earlier {100 * dearer[0]:+.0f} points, "
      f"later {100 * dearer[1]:+.0f}")
claim("features.rate_lost", loss["customer_rate"], at_least=5, data=shop,
      label="AUC points lost by shuffling the customer's rate")
claim("features.noise_lost", loss["noise"], at_most=1, data=shop, label="AUC points lost by shuffling noise")
claim("features.month_lost", max(loss["month_sin"], loss["month_cos"]), at_most=0.6, data=shop,
      label="AUC points lost by shuffling the month, at most")
claim("features.discount_lost", loss["discount_pct"], at_most=pick(ci=0.5, workshop=-0.2, full=-0.2), data=shop,
      label="AUC points lost by shuffling the discount")

# %% [markdown]
# It can. Since August returns are free, and bargains come back more often, no longer less: shuffling the discount even
# *helps*. A feature may be learned well and be out of date. What does not beat the noise can go, such as the month here.
# Mind that twins hide each other: shuffle one, and the other still knows.
#
# **Exercise 13.3 (stretch).** Write `keepers(score, x, order)`: one Boolean for each column but the last, which is the control.
# `score(x)` gives a score, `order` is a permutation of the rows. Keep a column if shuffling it *alone*
# costs more than shuffling the control, and more than 0.

# %% tags=["exercise"]
def keepers(score, x, order):
    ...


exercise("13.3").check(keepers)

# %% tags=["solution"]
def keepers(score, x, order):
    lost = []
    for column in range(x.shape[1]):
        changed = x.copy()
        changed[:, column] = x[order, column]
        lost.append(score(x) - score(changed))
    return np.array(lost[:-1]) > max(lost[-1], 0)


exercise("13.3").solution(keepers)

# %% [markdown]
# ## Recap
#
# - A feature holds what is known on the day; a customer's known past is worth more than all else.
# - Encoders learn once, on the training rows; a row comes out equal alone and in a batch.
# - Trees need no scaling; one wrong value in fifty flattens a standardised column.
# - The same name in two libraries need not be the same number: ship the preprocessing inside the model.
# - Judge features on later rows, beside a column of noise.

# %%
recap("13")

# %% [markdown]
# **Saved:** `artifacts/…/shop`, the shop model in its first form.
#
# **Next:** lesson 11, where labels come from and how far they can be trusted.
