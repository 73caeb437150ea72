# %% [markdown]
# # 11 · Labels
#
# *Can you trust the answers that a model learns from?*
#
# | teach | run | needs | opens |
# |---|---|---|---|
# | 75 min | 1 min | 01 | `kitutils.data.labels`, `kitutils.data.labelling`, `kitutils.data.label_studio` |
#
# By the end you will be able to
#
# - write a guideline that two people read alike, and measure whether they do
# - choose between many cheap annotators and one expert, and know when a vote cannot help
# - find wrong labels in a data set with cleanlab, and say how many of your finds are real

# %% [markdown] tags=["teacher"]
# **Purpose.** A label is somebody's opinion, given in a hurry. Everybody should leave able to measure how good the
# opinions are, and knowing that a model cannot find the mistakes in labels it has learned by heart.
#
# | section | minutes |
# |---|---|
# | 1 Thirty messages, labelled by hand | 14 |
# | 2 How far two people agree; exercise 11.1 | 14 |
# | 3 Many cheap ones or one expert | 12 |
# | 4 Boxes, and Label Studio; exercise 11.2 | 15 |
# | 5 Finding wrong labels | 14 |
# | The clinic; exercise 11.3 is homework | 6 |
#
# **Fifteen minutes late?** Let people label ten messages instead of thirty, and give exercise 11.2 as homework. Keep
# the prediction about the nine annotators and the one about the model that has seen its own labels.
#
# **Likely questions.**
# *What is a good kappa?* There is no universal scale. Ask what a wrong label costs, and whether the rows that people
# quarrel about are the ones that matter.
# *Why not throw out all rows that people disagree on?* Those are often the hard ones that the model will meet too. A
# data set without them makes every score look better than it is.
# *cleanlab finds them, so why label carefully?* It finds labels that differ from what similar rows say. A mistake that
# everybody makes looks to it like the rule.

# %%
from kitutils.course import claim, exercise, outcome, predict, recap, start

start("11", keras=False)

# %% [markdown]
# ## 1 Thirty messages, labelled by hand
#
# The shop's customers write. Each message is to go to one of five desks. Here is the **guideline**:
#
# | topic | what belongs there |
# |---|---|
# | damaged | the thing is broken, dirty, incomplete or the wrong one |
# | return | sending back, swapping, cancelling |
# | delivery | where the parcel is, when and how it comes |
# | payment | price, invoice, refund |
# | advice | everything one asks about a thing before keeping it |
#
# *If a message is about two things, the one further up in the table counts.*

# %%
import numpy as np

from kitutils import data, plots
from kitutils.data import label_studio, labelling, labels

messages = data.load("shop_messages")
topics, x, kim = messages.class_names, messages.x_train, messages.y_train
truth, second, said_first = (messages.truth[f"{name}_train"] for name in ("topic", "second_topic", "first_said"))
order = np.random.default_rng(0).permutation(len(x))
thirty = order[:30]
print(f"{len(x):,} messages, labelled by Kim in a hurry; {np.mean(second >= 0):.0%} are about two things")

# %% [markdown]
# Label thirty of them. The buttons take a click, or Tab and Enter. Stop when you like: what you have done is kept.

# %%
asked = labelling.ask("lesson_11", x[thirty], topics)

# %% [markdown]
# Where nobody clicks, **Robin** answers for you. Robin is simulated: reads the beginning of a message, picks its topic,
# and slips three times in a hundred.

# %%
def annotator(reads, skill, seed):
    rng = np.random.default_rng(seed)
    slips = rng.random(len(reads)) >= skill
    return np.where(slips, (reads + rng.integers(1, 5, len(reads))) % 5, reads)


robin = annotator(said_first, 0.97, seed=2)
yours = asked.labels()
who, yours = ("You", yours) if (yours >= 0).any() else ("Robin", robin[thirty])
for text, one, other in zip(x[thirty], yours, kim[thirty], strict=True):
    if one not in (other, labels.MISSING):
        print(f"{who}: {topics[one]}, Kim: {topics[other]} | {text}")

# %% [markdown]
# Some are slips. In others, both have a point. Where do Kim and Robin differ over all messages?

# %%
predict("11.a", "One message in seven is about two things. Of all differences, these make up …",
        ["about one in seven", "about a quarter", "about half or more"])

# %%
differ = kim != robin
share = np.mean(second[differ] >= 0)
outcome("11.a", "about half or more" if share > 0.4 else "about a quarter" if share > 0.2 else "about one in seven")
claim("label.hard_share", share, at_least=0.45, at_most=0.75, data=messages,
      label="Share of the differences that are messages about two things")

# %% [markdown]
# Robin had overlooked the line below the table. Now Robin follows it, slips included:

# %%
robin_by_rule = annotator(truth, 0.97, seed=2)
before, after = np.mean(kim == robin), np.mean(kim == robin_by_rule)
claim("label.rule_points", 100 * (after - before), at_least=3, at_most=12, data=messages, headline=True,
      label="Points of agreement that one line of the guideline is worth")

# %% [markdown]
# All that from one sentence. So two people label the same rows first, talk about each difference, and write down what
# they decide: that is how a **label schema** grows.
#
# ## 2 How far two people agree
#
# We simplify: damaged, or not. Tired Robin now clicks *not damaged* every time.

# %%
tired, kim_damaged = np.ones(len(x), int), np.where(kim == 0, 0, 1)
print(f"the same on {np.mean(tired == kim_damaged):.0%} of the messages")

# %% [markdown]
# Agreement has a scale on which 1 is full agreement and 0 what chance alone would give.

# %%
predict("11.b", "On this scale, tired Robin and Kim reach …",
        ["about 0.8", "about 0.5", "0"])

# %% [markdown]
# It is **Cohen's kappa**. Two people who draw their labels blindly, each as often as they use them, agree by chance.
# What was reached beyond that, out of what could be:

# %%
def kappa(first, second):
    share = np.mean(first == second)
    by_chance = sum(np.mean(first == k) * np.mean(second == k) for k in range(5))
    return (share - by_chance) / (1 - by_chance)


never_read = kappa(tired, kim_damaged)
outcome("11.b", "0" if abs(never_read) < 0.05 else "about 0.5" if never_read < 0.65 else "about 0.8")
claim("label.kappa_of_the_tired", never_read, at_least=-0.001, at_most=0.001, data=messages,
      label="Kappa of somebody who never reads")
print(f"two who blindly say no 95 times in 100: the same on {0.95**2 + 0.05**2:.1%}")

# %% [markdown]
# Nothing. Where one class is common, percentages flatter, and kappa does not. `labels.agreement` computes the same and
# adds an interval. Yours and Kim's:

# %%
print(f"{who} and Kim on", labels.agreement(yours, kim[thirty]))
found = labels.agreement(robin, kim)
claim("label.kappa_agrees", abs(found.kappa - kappa(robin, kim)), at_most=1e-9, data=messages,
      label="Kappa, ours against the kit's")

# %% [markdown]
# How many messages does a kappa need?

# %%
for count in (30, 100, 300, 1000):
    print("Robin and Kim,", labels.agreement(robin[order[:count]], kim[order[:count]]))

# %% [markdown]
# Thirty leave it open whether two people agree fairly or fully. Half the width takes four times the messages.
#
# **Exercise 11.1 (5 minutes).** Two people, 100 messages. Both say *damaged* of 5, both say *not* of 85; of 5 only the
# first says *damaged*, of 5 only the second. Estimate first, then fill in.

# %% tags=["exercise"]
two_people = {
    "share the same": ...,
    "share by chance": ...,
    "kappa": ...,
}

exercise("11.1").check(two_people)

# %% tags=["solution"]
two_people = {
    "share the same": 0.90,
    "share by chance": 0.1 * 0.1 + 0.9 * 0.9,
    "kappa": (0.90 - 0.82) / (1 - 0.82),
}

exercise("11.1").solution(two_people)

# %% [markdown]
# ## 3 Many cheap ones, or one expert
#
# An expert takes 30 cents for a message, follows the guideline and slips three times in 100. A cheap annotator takes 4
# cents and slips fifteen times. Three cheap ones, and the **majority** decides:

# %%
def vote(reads, people):
    votes = np.stack([annotator(reads, 0.85, seed=10 + person) for person in range(people)], axis=1)
    return np.mean(labels.majority(votes) == truth)


expert = np.mean(annotator(truth, 0.97, seed=9) == truth)
for who_labels, cents, share in (("one cheap", 4, vote(truth, 1)), ("three cheap", 12, vote(truth, 3)),
                                 ("the expert", 30, expert)):
    print(f"{who_labels}: {share:.1%} right, {cents / share:.1f} cents for each right label")

# %% [markdown]
# Three for 12 cents come within five points. But they had read the guideline. Others work as Robin did at first, by the beginning of
# a message. (A tie is not right: it needs another opinion.)

# %%
predict("11.c", "Nine who go by the beginning, for 36 cents. Against the expert, their vote is …",
        ["better", "about as good", "clearly worse"])

# %%
crowd = (1, 3, 5, 9)
careful, hasty = ([vote(reads, people) for people in crowd] for reads in (truth, said_first))
outcome("11.c", "better" if hasty[-1] > expert + 0.01 else "clearly worse" if hasty[-1] < expert - 0.02 else
        "about as good")
figure, axis = plots.plt.subplots(figsize=(6, 2.8))
for shares, name in ((careful, "they follow the guideline"), (hasty, "all go by the beginning")):
    axis.plot(4 * np.array(crowd), 100 * np.array(shares), marker="o", label=name)
axis.plot([30], [100 * expert], "*", ms=12, color="black", label="one expert")
axis.set(xlabel="cents for a message", ylabel="% right")
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plots.show(figure, alt="Share of right labels against cents for a message, with one, three, five and nine annotators. "
           "With the guideline the vote climbs from 85 to nearly 100 per cent. Where all go by the beginning it "
           "flattens out near 92 per cent, below the expert.")

# %%
claim("label.careful_nine", careful[-1], at_least=0.98, data=messages, label="Nine with the guideline, share right")
claim("label.hasty_nine", hasty[-1], at_least=0.88, at_most=0.95, data=messages, headline=True,
      label="Nine who share one misreading, share right")

# %% [markdown]
# A vote cancels slips, because people slip in different places. A misreading that all share has the majority: spend the
# money on a clearer sentence.
#
# And who does not read at all? Mix in messages whose label is certain, **gold questions**. Of these five, two click at
# random.

# %%
names, skills = ["Ada", "Ben", "Cem", "Dot", "Eli"], (0.85, 0.85, 0.2, 0.85, 0.2)
votes = np.stack([annotator(truth, skill, seed=30 + i) for i, skill in enumerate(skills)], axis=1)
gold = np.where(np.arange(len(x)) < 12, truth, labels.MISSING)
scores = labels.gold_scores(votes, gold, names)
print(scores.round(2))
kept = scores["low"].to_numpy() > 0.2    # one in five is what clicking gets
all_five, the_rest = (np.mean(labels.majority(chosen) == truth) for chosen in (votes, votes[:, kept]))
claim("label.gold_keeps", kept.sum(), at_least=3, at_most=3, data=messages, label="Annotators kept")
claim("label.gold_points", 100 * (the_rest - all_five), at_least=1, data=messages,
      label="Points won by leaving two of five out")

# %% [markdown]
# Twelve questions do not tell good from very good. They tell a reader from a clicker: the intervals do not even touch.
#
# ## 4 Boxes
#
# Where a model is to find things in a picture (**detection**), labels are boxes: top, left, bottom, right, in pixels. Kim
# and Robin both draw the tower, Kim the flower too.

# %%
tower, flower = data.load("photographs").x
height, width = tower.shape[:2]
kims, robins = np.array([28, 65, 395, 370]), np.array([80, 90, 360, 345])
kims_flower = np.array([85, 170, 358, 444])
figure, panels = plots.plt.subplots(1, 2, figsize=(6.4, 2.2))
drawings = ((tower, {"Kim": kims, "Robin": robins}), (flower, {"Kim": kims_flower}))
for panel, (picture, by) in zip(panels, drawings, strict=True):
    panel.imshow(picture[::2, ::2].mean(axis=2), cmap="gray", extent=(0, width, height, 0))
    panel.axis("off")
    for (name, (top, left, bottom, right)), colour in zip(by.items(), plots.COLOURS[4:], strict=False):
        panel.add_patch(plots.plt.Rectangle((left, top), right - left, bottom - top, fill=False, lw=2, ec=colour))
        panel.text(right, bottom, name, ha="right", va="bottom", color="black", backgroundcolor=colour, fontsize=8)
plots.show(figure, alt="Two photographs with boxes. Left of the middle a tower: Kim's box holds all of it, Robin's is "
           "smaller and cuts off the tip, the eaves and the lowest roof. Nearly in the middle a flower in Kim's box.")

# %% [markdown]
# No two people draw equal boxes. We ask how much of the area that either covers is covered by both: the **IoU**,
# intersection over union.

# %%
def area(box):
    return max(box[2] - box[0], 0) * max(box[3] - box[1], 0)


shared = np.r_[np.maximum(kims[:2], robins[:2]), np.minimum(kims[2:], robins[2:])]
overlap = area(shared) / (area(kims) + area(robins) - area(shared))
claim("label.iou_agrees", abs(overlap - labels.iou(kims, robins)), at_most=1e-9, label="IoU, by hand against the kit's")
print(f"IoU {overlap:.2f}")

# %% [markdown]
# Far from 1: does the guideline say whether the tip belongs to the tower?
#
# Pictures are often mirrored to have more of them, and their boxes must follow. We forget that, for the tower and for
# the flower, and compare with the right box.

# %%
predict("11.d", "Boxes usually count as the same above an IoU of 0.5. The mistake shows …",
        ["on both", "on one of them", "on none"])

# %%
forgotten = [float(labels.iou(box, labels.flip_boxes(box, width))) for box in (kims, kims_flower)]
print(f"tower {forgotten[0]:.2f}, flower {forgotten[1]:.2f}")
caught = sum(value <= 0.5 for value in forgotten)
outcome("11.d", ["on none", "on one of them", "on both"][caught])
claim("label.forgotten_flip", forgotten[0], at_most=0.3, label="IoU of the tower's forgotten box")
claim("label.forgotten_flip_middle", forgotten[1], at_least=0.7, label="IoU of the flower's forgotten box")

# %% [markdown]
# In the middle a forgotten box looks nearly right, and that is where photographers like to put things. So test a flip on
# a box at the edge.
#
# **Exercise 11.2 (10 minutes).** Write `flipped(boxes, width)`: for an array of boxes, shape (n, 4), those of the
# mirrored pictures. Draw one on paper first.

# %% tags=["exercise"]
def flipped(boxes, width):
    ...


exercise("11.2").check(flipped)

# %% tags=["solution"]
def flipped(boxes, width):
    top, left, bottom, right = boxes.T
    return np.stack([top, width - right, bottom, width - left], axis=1)


exercise("11.2").solution(flipped)

# %% [markdown]
# One tool for drawing boxes is **Label Studio**. In its file they are in *percent* of the picture, x first. Back in
# pixels they must be those that were drawn:

# %%
import json

drawn = {"kim@shop.example": [[("tower", kims)]], "robin@shop.example": [[("tower", robins)]]}
tasks = label_studio.box_tasks(["tower.jpg"], [(height, width)], drawn)
print(json.dumps(tasks[0]["annotations"][0]["result"][0]["value"], indent=1))
back = label_studio.read_boxes(json.loads(json.dumps(tasks)))
edges = ["top", "left", "bottom", "right"]
claim("label.round_trip", np.abs(back[edges].to_numpy() - [kims, robins]).max(), at_most=1e-6,
      label="Pixels by which a box moves on its way out and in")

# %% [markdown]
# Pixels in the place of percent are an easy mistake. Where they go beyond 100 they are refused, with the number of the
# task:

# %%
tasks[0]["annotations"][1]["result"][0]["value"] |= {"x": 90, "y": 80, "width": 255, "height": 280}
try:
    label_studio.read_boxes(tasks)
except label_studio.TaskError as error:
    print(error)

# %% [markdown]
# ## 5 Finding wrong labels
#
# Often the labels are there, and nobody knows who made them. We take digits, whose labels are good, and make one in ten
# of the training labels wrong, so that we can score what we find.

# %%
from sklearn.model_selection import train_test_split

digits = data.load("digits")
pixels = digits.x.reshape(-1, 64) / 16
x_digits, x_new, right, y_new = train_test_split(pixels, digits.y, test_size=0.25, stratify=digits.y, random_state=0)
rng = np.random.default_rng(0)
wrong = np.zeros(len(right), bool)
wrong[rng.permutation(len(right))[: round(0.1 * len(right))]] = True
given = np.where(wrong, (right + rng.integers(1, 10, len(right))) % 10, right)
print(f"{wrong.sum()} of {len(given)} labels are wrong")

# %% [markdown]
# A **nearest-neighbour** model gives each class a chance: its share among the twelve most similar rows, the nearest
# counting most. The library **cleanlab** compares these chances with the labels. Where another class looks as likely as
# it does for its own rows, the label is suspect (Northcutt and others, "Confident learning", JAIR 70, 2021).

# %%
from cleanlab.filter import find_label_issues
from sklearn.neighbors import KNeighborsClassifier

near = KNeighborsClassifier(12, weights="distance").fit(x_digits, given)

# %% [markdown]
# It has learned from all these labels. We ask it about the same rows.

# %%
predict("11.e", "With its chances, of the wrong labels cleanlab finds …",
        ["nearly all of the wrong ones", "about half", "next to none"])

# %%
in_sample = find_label_issues(given, near.predict_proba(x_digits), n_jobs=1)
found_share = np.mean(in_sample[wrong])
outcome("11.e", "next to none" if found_share < 0.2 else "about half" if found_share < 0.75 else
        "nearly all of the wrong ones")
claim("label.in_sample_recall", found_share, at_most=0.05, data=digits, label="Share found by a model that knows them")

# %% [markdown]
# The row most similar to a row is itself, wrong label and all. So each must be judged by a model that has never seen
# its label: cut the rows into five **folds**, and for each fold learn from the other four. Such chances are
# **out-of-fold**, like the return rates in lesson 14.

# %%
fold = rng.permutation(len(given)) % 5
chances = np.empty((len(given), 10))
for k in range(5):
    mine, others = fold == k, fold != k
    chances[mine] = near.fit(x_digits[others], given[others]).predict_proba(x_digits[mine])

# %% [markdown]
# scikit-learn's `cross_val_predict` does the same. With it we ask a second, different model, a support vector machine.
# It gives scores, which `softmax` turns into chances (the 4 makes them surer). We average the two.

# %%
from scipy.special import softmax
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.svm import SVC

folds = PredefinedSplit(fold)
theirs = cross_val_predict(near, x_digits, given, cv=folds, method="predict_proba")
claim("label.folds_agree", np.abs(theirs - chances).max(), at_most=1e-9, data=digits, label="Folds, ours and theirs")
scores = cross_val_predict(SVC(C=3, gamma=0.12), x_digits, given, cv=folds, method="decision_function")
suspect = find_label_issues(given, (chances + softmax(4 * scores, axis=1)) / 2, n_jobs=1)

# %% [markdown]
# **Recall**: of the wrong labels, how many are suspects? **Precision**: of the suspects, how many are wrong? Pointing
# at rows blindly has a precision of 10 %.

# %%
claim("label.recall", np.mean(suspect[wrong]), at_least=0.88, data=digits, headline=True,
      label="Share of the wrong labels found")
claim("label.precision", np.mean(wrong[suspect]), at_least=0.88, data=digits, headline=True,
      label="Share of the suspects that are wrong")
rows = np.flatnonzero(suspect & ~wrong)[:4].tolist() + np.flatnonzero(suspect & wrong)[:12].tolist()
said = [f"{given[i]}?" for i in rows]
colours = [plots.COLOURS[0] if wrong[i] else plots.COLOURS[1] for i in rows]
plots.show(plots.image_grid(x_digits[rows].reshape(-1, 8, 8), said, columns=8, colours=colours),
           alt="Sixteen suspects, each with its label and a question mark. The first ones, titled in orange, have a right "
           "label and are badly written; the others, in blue, plainly show another digit than their label.")

# %% [markdown]
# Blue: found. Orange: a right label on a badly written digit. In life somebody looks at the suspects again. We leave them
# out and learn anew, and judge by 450 digits with good labels:

# %%
models = {"nearest neighbour": KNeighborsClassifier(1), "support vectors": SVC(C=3, gamma=0.12)}
kinds = {"good labels": (x_digits, right), "one in ten wrong": (x_digits, given),
         "suspects left out": (x_digits[~suspect], given[~suspect])}
reached = {}
for name, model in models.items():
    reached[name] = [100 * model.fit(*pair).score(x_new, y_new) for pair in kinds.values()]
    print(f"{name}: " + ", ".join(f"{kind} {share:.1f} %" for kind, share in zip(kinds, reached[name], strict=True)))
best, spoilt, cleaned = reached["nearest neighbour"]
claim("label.points_lost", best - spoilt, at_least=5, data=digits, label="Points that the nearest neighbour lost")
claim("label.won_back", (cleaned - spoilt) / (best - spoilt), at_least=0.8, data=digits, headline=True,
      label="Share of the lost accuracy won back")

# %% [markdown]
# The nearest neighbour believes every label, and gets nearly all back. The support vector machine weighs many rows: it
# had little to lose.
#
# **Exercise 11.3 (stretch): find two bugs.** A colleague's out-of-fold predictions. They run, and the suspects are
# nonsense. `learn(x, y, new)` trains on `x`, `y` and returns predictions for `new`.

# %%
def their_out_of_fold(x, y, fold, learn):
    parts = []
    for k in np.unique(fold):
        parts.append(learn(x, y, x[fold == k]))
    return np.concatenate(parts)

# %% [markdown]
# Write `out_of_fold`, which gives each row the prediction of a model that has not seen it, in the order of the rows.

# %% tags=["exercise"]
def out_of_fold(x, y, fold, learn):
    ...


exercise("11.3").check(out_of_fold)

# %% tags=["solution"]
def out_of_fold(x, y, fold, learn):
    predictions = np.empty(len(x), dtype=y.dtype)
    for k in np.unique(fold):
        mine = fold == k
        predictions[mine] = learn(x[~mine], y[~mine], x[mine])    # to their own places
    return predictions


exercise("11.3").solution(out_of_fold)

# %% [markdown]
# ### Article clinic: labels taken as truth
#
# A team has labels by an older guideline: of two things, the one *further down* the table counted. They relabel the
# training messages by ours; the test messages keep their labels. "The new model is worse", the article finds:

# %%
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

truth_new, second_new = messages.truth["topic_test"], messages.truth["second_topic_test"]
older, older_new = np.maximum(truth, second), np.maximum(truth_new, second_new)
answers = {}
for name, y in (("old", older), ("new", truth)):
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10, max_iter=500)).fit(x, y)
    answers[name] = model.predict(messages.x_test)
    print(f"{name} model: {np.mean(answers[name] == older_new):.1%} of the test labels")

# %% [markdown]
# Eleven points. Somebody now labels the test messages by today's guideline as well.

# %%
predict("11.f", "Judged by these, the new model is …",
        ["still worse", "about as good", "better by 5 points or more"])

# %%
gain = 100 * (np.mean(answers["new"] == truth_new) - np.mean(answers["old"] == truth_new))
loss = 100 * (np.mean(answers["new"] == older_new) - np.mean(answers["old"] == older_new))
outcome("11.f", "better by 5 points or more" if gain >= 5 else "still worse" if gain < -1 else "about as good")
claim("clinic.old_labels_say", loss, at_least=-14, at_most=-8, data=messages, label="Points of the new model, by old test labels")
claim("clinic.new_labels_say", gain, at_least=5, data=messages, label="Points of the new model, by today's guideline")

# %% [markdown]
# The test labels shared the old model's opinion. A score says how well a model agrees with *whoever labelled the test
# rows*. So relabel those first: they are few, and every later number leans on them.
#
# ## Recap
#
# - A guideline is ready when two people read it alike; differences point to the sentence that is missing.
# - Percentages flatter where one class is common. Kappa takes chance away, and thirty rows leave it vague.
# - A vote cancels slips, never a shared misreading. A dozen gold questions find who does not read.
# - Boxes agree by IoU; flip them with their picture, and mind whether a file counts in pixels or percent.
# - Wrong labels are found out-of-fold. And a test score is agreement with whoever labelled the test.

# %%
recap("11")

# %% [markdown]
# **Saved:** your thirty labels, for your own kappa.
#
# **Next:** lesson 15, more rows from those you have.
