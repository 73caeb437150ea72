# %% [markdown]
# # 00 · Start here
#
# *Is my machine ready, and how does this course work?*
#
# | teach | run | needs | opens |
# |---|---|---|---|
# | 25 min | 1 min | nothing | `kitutils.course.pace`, `kitutils.course.selftest` |
#
# By the end you will be able to
#
# - tell whether your machine is ready, and how long the lessons will run on it
# - work through a lesson: predict, run, explain, and have an exercise checked
# - help yourself when something breaks, and choose where to begin

# %% [markdown] tags=["teacher"]
# **Purpose.** Send it the day before. Whoever has run it to the end comes with a machine that works, has met every
# button once, and knows whether to skip lesson 02. In the room, do only what is still open.
#
# | section | minutes |
# |---|---|
# | 1 Is this machine ready? | 3 |
# | 2 Predict, run, explain | 3 |
# | 3 How long will it take here? exercise 00.1 | 5 |
# | 4 Numbers that are checked, and the clinic | 4 |
# | 5 Exercises: 00.2; 00.3 is homework | 5 |
# | 6 Where to begin: the self-test | 5 |
#
# **Fifteen minutes late?** Do section 1 and exercise 00.2 together, so that everybody has seen a ✗ and a ✓. Read the box
# "When you are stuck" aloud. The rest is for the evening.
#
# **Likely questions.**
# *Must I have a GPU?* No. Section 3 shows what share of the course is computing at all.
# *Does anybody see my predictions or my progress?* No. They lie in one file in your home folder, and `python3
# kit.py progress --reset` starts afresh.
# *My doctor says "warning". May I go on?* Yes. A warning names something that may annoy you later; only a problem must be
# mended first.

# %% [markdown]
# **Shift-Enter** runs a cell and goes to the next. This is your own copy: nothing you do here can break the course. The
# first cell of a lesson wakes the libraries, which takes some seconds.

# %%
from kitutils.course import claim, exercise, outcome, pick, predict, recap, start

start("00")

# %% [markdown]
# ## 1 Is this machine ready?
#
# The line above names the **profile**: `workshop` on a laptop, `full` where there is a GPU or patience, `ci` to check in
# seconds that everything runs. The code is the same in all three. Only sizes differ, where a lesson says `pick`:

# %%
epochs = pick(ci=1, workshop=6, full=60)
print(f"In this profile a lesson would train for {epochs} epochs.")

# %% [markdown]
# Now the rest of the machine. The **doctor** looks at Python, memory, disk, packages and settings, and changes nothing.

# %%
from kitutils import doctor

facts = doctor.probe()
findings = doctor.diagnose(facts)
for _, line in doctor.lines(findings):
    print(doctor.impersonal(line, facts))    # without your name and folders, so that you can show it to anyone

# %% [markdown]
# Below a `warning` or a `problem` stand its cause and, behind the arrow, the command that mends it. (A port that is
# "taken" is most likely taken by this very JupyterLab.) Where notebooks do not open at all, `python3 kit.py doctor` in a
# terminal says the same.
#
# ## 2 Predict, run, explain
#
# Lessons go in threes: you **predict** what will come out, you **run** it, the text **explains**. A wrong prediction is
# worth more than none, for it shows where your picture of the thing is not yet right. Nobody else sees it.
#
# Here is a small network, as you will build it in lesson 01. A training **step** shows it 64 images and corrects it a
# little. We time forty steps.

# %%
predict("00.a", "The first step takes …",
        ["as long as the others", "up to twenty times as long", "more than twenty times as long"])

# %%
import time

import numpy as np

from kitutils.course import pace

network = pace.network()
images, labels = pace.images(64)
seconds = []
for _ in range(40):
    before = time.perf_counter()
    network.train_on_batch(images, labels)
    seconds.append(time.perf_counter() - before)

first, later = seconds[0], np.median(seconds[1:])
print(f"first step {first:.2f} s, later ones {later:.4f} s each: {1 / later:.0f} steps per second")

ratio = first / later
times = "more than" if ratio > 20 else "up to"
outcome("00.a", f"{times} twenty times as long" if ratio > 2 else "as long as the others")
claim("start.first_step", ratio, at_least=20, label="First training step / a later one")

# %% [markdown]
# In its first step TensorFlow turns our Python into a plan for the processor, called **tracing**; after that it follows
# the plan. A cell that seems to hang for a second may be tracing. Whoever measures speed leaves that step out.
#
# ## 3 How long will it take here?
#
# The kit knows how long each lesson ran on the machine where it was built, and how fast that machine is. So we measure
# yours in the same way, for ten seconds: training by `fit`, fifty steps at a time (so the number differs from the one
# above), and NumPy with plain Python. Plug your laptop in, and let nothing else run.

# %%
predict("00.b", "On this machine, of the minutes that the lessons take to teach, computing takes …",
        ["less than a fifth", "a fifth to a half", "more than half"])

# %%
from kitutils.course import lessons

here, there = pace.measure(seconds=pick(ci=0.2, workshop=10, full=10)), pace.reference()
print(f"here {here.training:.0f} steps per second, there {there.training:.0f}")
print(f"here {here.arithmetic:.1f} rounds of arithmetic per second, there {there.arithmetic:.1f}")

forecasts = pace.forecast(lessons.find(), here, there)
for one in forecasts:
    waiting = pace.in_minutes(one.low, one.high)
    print(f"{one.lesson.number}  teach {one.lesson.teach:>3} min  run {waiting:<12}  {one.lesson.title}")

low, high = pace.total(forecasts)
longest = max(forecasts, key=lambda one: one.high)
print(f"All of them, in the profile workshop: {pace.in_minutes(low, high)}. The longest is lesson "
      f"{longest.lesson.number}: {pace.in_minutes(longest.low, longest.high)}.")
computing = (low + high) / 2 / 60 / sum(one.lesson.teach for one in forecasts)
little = "less than a fifth" if computing < 0.2 else "a fifth to a half"
outcome("00.b", little if computing < 0.5 else "more than half")

# %% [markdown]
# It is a range because your machine may be good at one thing and slow at the other. Both ends are moved outwards by a factor
# of 1.6, for even on the machine of the record forecasts were off by nearly that. Most of the course is reading and
# thinking, which no GPU speeds up.
#
# **Exercise 00.1 (3 minutes).** A lesson ran for 6 minutes on a machine that makes 120 steps per second. A colleague's
# makes 90. How many minutes will it take there? Put a number in place of `...` and run the cell.

# %% tags=["exercise"]
minutes = ...

exercise("00.1").check(minutes)

# %% tags=["solution"]
minutes = 6 * 120 / 90

exercise("00.1").solution(minutes)

# %% [markdown]
# ## 4 Numbers that are checked
#
# The line with the ✓ in section 2 is a **claim**: a number on which the text leans, measured in every run and compared
# with the range in which the text is true. If one breaks while you try things out, you get a ✗ and the lesson goes on.
# When the course is tested, it is an error.
#
# ### Article clinic: the typed number
#
# Each lesson repairs a defect that published tutorials have. This one trains a decision tree on handwritten digits and
# ends: *"Our model reads 99 % of the digits."*

# %%
from sklearn.model_selection import KFold, cross_val_score
from sklearn.tree import DecisionTreeClassifier

from kitutils import data

digits = data.load("digits")
pixels = digits.x.reshape(len(digits.x), -1)
tree = DecisionTreeClassifier(random_state=0).fit(pixels, digits.y)
print(f"{tree.score(pixels, digits.y):.0%} of {len(pixels):,} digits read correctly")

# %% [markdown]
# Even more than it says. But these are the digits that it learned from. Now we cut them into fifths, and each fifth is
# read by a tree that has learned from the other four.

# %%
predict("00.c", "Of digits that it has never seen, a tree reads …",
        ["about 99 %", "about 95 %", "less than 90 %"])

# %%
honest = cross_val_score(tree, pixels, digits.y, cv=KFold(5, shuffle=True, random_state=0)).mean()
outcome("00.c", "about 99 %" if honest > 0.97 else "about 95 %" if honest > 0.9 else "less than 90 %")

# %% [markdown]
# Now the article's sentence as a claim. (Where a broken claim is an error, we catch it and print it.)

# %%
from kitutils.course.claims import BrokenClaim

try:
    claim("start.typed_number", honest, at_least=0.99, data=digits, label="Digits read, as the article says")
except BrokenClaim as refusal:
    print(refusal)

# %% [markdown]
# Refused. (The "likely reason" is meant for your own experiments; here the sentence is wrong.) The repair is the measured
# number and the range in which the text is true:

# %%
claim("start.tree", honest, at_least=0.8, at_most=0.89, data=digits, headline=True,
      label="Decision tree, new digits (an article typed 0.99)")

# %% [markdown]
# At least ten points of the article's number were never there.
#
# ## 5 Exercises
#
# An exercise is a cell with something missing, and a check. Try all that it can say:
#
# 1. Run the cell below as it is: ○, not attempted.
# 2. Put `return np.sum(labels == label)` in place of `...`, which is wrong: ✗, with an example on which yours differs.
# 3. In a new cell (keys **Esc**, **B**), run `exercise("00.2").hint()`, up to three times.
# 4. Make it right: ✓.
#
# **Exercise 00.2 (5 minutes).** Write `share(labels, label)`: the share of `labels`, a NumPy array, that are equal to
# `label`; a number from 0 to 1.

# %% tags=["exercise"]
def share(labels, label):
    ...


exercise("00.2").check(share)

# %% tags=["solution"]
def share(labels, label):
    return np.mean(labels == label)


exercise("00.2").solution(share)

# %% [markdown]
# In a terminal, in the kit's folder (on Windows write `py` for `python3`):
#
# | command | gives |
# |---|---|
# | `python3 kit.py progress` | what you have done, and what is next |
# | `python3 kit.py reset 00` | a fresh copy of this lesson; your old one is kept |
# | `python3 kit.py solution 00` | this lesson with its solutions, beside your copy |
#
# Errors look long, and what matters is at the end. This cell breaks on purpose:

# %% tags=["raises-exception"]
def most_frequent(labels):
    counts = {}
    for label in labels:
        counts[label] += 1
    return max(counts)


most_frequent(["b", "a", "b", "c"])

# %% [markdown]
# **The last line says what happened**: a `KeyError`, and the key that was not there. The lowest arrow says where.
#
# > **When you are stuck**
# >
# > 1. The **last line** of the error, then the line of *your* code that the arrow points to.
# > 2. The **doctor**: `python3 kit.py doctor` knows what may be wrong with the machine.
# > 3. The next **hint** of the exercise.
# > 4. Your **neighbour**. Explaining it often solves it.
# > 5. The **teacher**, with that last line and the doctor's report.
#
# **Exercise 00.3 (stretch, 10 minutes): two bugs.** Write `commonest`, a `most_frequent` that works: it returns the label
# that comes most often. One bug is loud. The other is silent, and shows only when the first is mended.

# %% tags=["exercise"]
def commonest(labels):
    ...


exercise("00.3").check(commonest)

# %% tags=["solution"]
def commonest(labels):
    counts = {}
    for label in labels:
        counts[label] = counts.get(label, 0) + 1    # a label seen for the first time has no count yet
    return max(counts, key=counts.get)              # the label whose count is largest, not the largest label


exercise("00.3").solution(commonest)

# %% [markdown]
# What runs without an error need not be right.
#
# ## 6 Where to begin
#
# Eight questions. Look nothing up, and leave out what you do not know. The **short path** takes lesson 01 in full, skips
# 02, and of a later lesson whose question you knew takes only the exercises and the clinic. It is for you with **six or
# more right answers, those about overfitting and the gradient among them**, for these two are what lesson 02 teaches.

# %%
from kitutils.course import selftest

selftest.ask()

# %% [markdown]
# When you have answered, run this cell. The answers are stored nowhere.

# %%
selftest.advise()

# %% [markdown]
# It is advice; nobody checks which lessons you open.
#
# ## Recap
#
# - The doctor tells whether the machine is ready; a problem must be mended, a warning can wait.
# - Predict before you run. The first step of a network is slow, because it is planned.
# - How long a lesson runs here follows from a record and two speeds, within a range.
# - A claim is measured in every run; a typed number is a rumour.
# - Stuck? Last line of the error, doctor, hint, neighbour, teacher.

# %%
recap("00")

# %% [markdown]
# **Saved:** nothing but your progress.
#
# **Next:** lesson 01, a model's whole way in one sitting.
