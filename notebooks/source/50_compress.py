# %% [markdown]
# # 50 · Compress
#
# *How small can a trained network get, what does that cost, and how do you count it honestly?*
#
# | teach | run | needs | opens |
# |---|---|---|---|
# | 70 min | 4 min | 40, 41 | `kitutils.ship.kernels`, `kitutils.ship.pruning`, `kitutils.ship.structured`, `kitutils.ship.quantise`, `kitutils.ship.clustering`, `kitutils.ship.packing` |
#
# By the end you will be able to
#
# - prune a network while it trains, and say what zeros are worth and what they are not
# - turn its numbers into eight bits by hand and with LiteRT, and know what the conversion must be shown
# - draw accuracy over bytes and over time, all counted alike, and choose
#
# New library: [LiteRT](https://ai.google.dev/edge/litert), formerly TensorFlow Lite, which runs models on small devices.

# %% [markdown] tags=["teacher"]
# **Purpose.** Published factors of compression are often true of a file and false of the method. Everybody should
# leave able to ask: compared with what, counted how, and faster on which machine?
#
# | section | minutes |
# |---|---|
# | 1 Where the bytes are, and the work | 7 |
# | 2 Zeros; exercise 50.1 | 19 |
# | 3 What zeros do not do | 9 |
# | 4 Eight bits by hand; exercise 50.2 | 15 |
# | 5 The converter | 7 |
# | 6 One coder for all, and the frontier | 7 |
# | The clinic; exercise 50.3 is homework | 6 |
#
# Section 2 trains three times and section 3 once, each for ten to thirty seconds. Ask for the next prediction while
# they run.
#
# **Fifteen minutes late?** Give exercise 50.2 as homework, and leave out the callback by hand in section 2. Keep the
# prediction about speed, the one about the representative images, and the clinic.
#
# **Likely questions.**
# *Would longer training repair the pruned network?* Part of it: 63 steps are few, and papers take tens of epochs. Give the control as many, or the comparison says nothing.
# *Are there chips that skip zeros?* Some GPUs do, for two zeros in each four neighbours, and some runtimes have sparse
# kernels for a few layers. Measure on yours.
# *And quantisation-aware training, distillation?* `kitutils.ship.qat` and `kitutils.ship.distil` have both. In eight
# bits a ResNet-20 that reaches 83 % has lost 0.1 points (record `export`), so there is hardly anything for the first of
# them to win back. Export `plain(model)`, not the quantisation-aware model itself.

# %%
from kitutils.course import artifact, claim, exercise, outcome, pick, predict, quiet, recap, record, start

start("50")

# %% [markdown]
# ## 1 Where the bytes are, and the work
#
# We take lesson 41's ResNet, or train a small one if it isn't there. 1,000 test images are for looking at while we work;
# 3,000 others wait for the end.

# %%
import keras
import numpy as np

from kitutils import data, plots
from kitutils.data.pipeline import Batches
from kitutils.models import resnet
from kitutils.train import OneCycle, fit

cifar = data.load("cifar10")
look, wait = pick(ci=60, workshop=1000, full=2000), pick(ci=60, workshop=3000, full=8000)
ours = cifar.take(min(pick(ci=600, workshop=12_000, full=50_000), len(cifar.x_train)), seed=41,
                  test=min(look + wait, len(cifar.x_test)))
learn = pick(ci=64, workshop=4000, full=45_000)    # what lesson 41 trained all ten classes on
batches = Batches(ours.x_train[:learn], ours.y_train[:learn], 64, seed=50, flip=True)
images, labels = ours.x_test[:look], ours.y_test[:look]

# %% [markdown]
# The training for those who come without the model:

# %%
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def small_one():
    keras.utils.set_random_seed(41)
    model = resnet(pick(ci=8, workshop=20, full=20), width=pick(ci=4, workshop=16, full=16))
    epochs = pick(ci=1, workshop=3, full=40)
    model.compile(keras.optimizers.Adam(OneCycle(3e-3, epochs * batches.steps)), LOSS)
    fit(model, batches, epochs)
    return model


trained = artifact("resnet", make=small_one, lesson="41", data=cifar, labels=list(cifar.class_names),
                   input_range=[0, 255], preprocessing="none: the model rescales").model()
print(f"{trained.count_params():,} weights of 4 bytes: {4 * trained.count_params() / 1000:,.0f} kB")

# %% [markdown]
# Nearly all weights are in **kernels**: filters of convolutions, and the head's matrix. A filter is used again at each
# place of the image.

# %%
predict("50.a", "The last stage holds about three quarters of the weights. Of the multiplications it does …",
        ["about three quarters", "about a third", "about a tenth"])

# %%
from kitutils.ship.kernels import kernel_layers

PARTS = {32 * 32: "stage 1, 32 × 32", 16 * 16: "stage 2, 16 × 16", 8 * 8: "stage 3, 8 × 8", 1: "head"}
weights, work = dict.fromkeys(PARTS.values(), 0), dict.fromkeys(PARTS.values(), 0)
for layer in kernel_layers(trained).values():
    places = int(np.prod(layer.output.shape[1:-1]))
    size = int(np.prod(layer.kernel.shape))
    weights[PARTS[places]] += size
    work[PARTS[places]] += size * places
figure, axes = plots.plt.subplots(1, 2, figsize=(7, 1.7), sharey=True)
for axis, counts, name in zip(axes, (weights, work), ("weights", "multiplications"), strict=True):
    total = sum(counts.values())
    plots.bars({part: 100 * n / total for part, n in counts.items()}, xlabel=f"% of the {name}", axis=axis, fmt="{:.0f}")
axes[1].invert_yaxis()
plots.show(figure, alt="Two sets of bars over the stages. Weights: 5, 19 and 76 percent in the three stages, hardly any "
           "in the head. Multiplications: 36, 32 and 32 percent.")
share = work["stage 3, 8 × 8"] / sum(work.values())
outcome("50.a", "about three quarters" if share > 0.55 else "about a third" if share > 0.2 else "about a tenth")
claim("compress.last_stage_work", 100 * share, at_least=25, at_most=40, label="% of multiplications in the last stage")
claim("compress.last_stage_weights", 100 * weights["stage 3, 8 × 8"] / sum(weights.values()), at_least=65, at_most=80,
      label="% of weights in the last stage")

# %% [markdown]
# Twice the channels on a quarter of the places: the work stays, the weights grow fourfold. So **smaller** and **faster**
# are two aims, and what serves one may do nothing for the other. (Multiplications are counted here, not timed: the
# stopwatch comes in section 3.)
#
# ## 2 Zeros
#
# **Magnitude pruning** sets the smallest weights to zero. Sort the magnitudes of all kernels, and keep what is above.
# Biases and batch norm stay: they are few, and each acts on a whole channel.

# %%
from kitutils.ship.kernels import copy_of


def largest(kernels, share):
    sizes = [np.abs(kernel) for kernel in kernels]
    order = np.sort(np.concatenate([size.ravel() for size in sizes]))
    return [size >= order[round(share * len(order))] for size in sizes]


cut = copy_of(trained)
kernels = [layer.kernel for layer in kernel_layers(cut).values()]
whole = [kernel.numpy() for kernel in kernels]
small = np.concatenate([kernel[~mask] for kernel, mask in zip(whole, largest(whole, 0.8), strict=True)])
print(f"the smallest 80 % of the weights: none above {np.abs(small).max():.3f}, the largest weight of all is "
      f"{max(np.abs(kernel).max() for kernel in whole):.2f}")

# %% [markdown]
# None of them is large. Can they go?

# %%
predict("50.b", "Those 80 % become zero at once, without training. Of its right answers there remain …",
        ["nearly all", "about two thirds", "less than half"])

# %%
def points(model):
    return 100 * np.mean(model.predict(images, batch_size=500, verbose=0).argmax(axis=1) == labels)


SHARES, at_once = pick(ci=(0, 0.8), workshop=(0, 0.2, 0.4, 0.6, 0.8, 0.95), full=(0, 0.2, 0.4, 0.6, 0.8, 0.95)), {}
for share in SHARES:
    for kernel, before, mask in zip(kernels, whole, largest(whole, share), strict=True):
        kernel.assign(before * mask)
    at_once[share] = points(cut)
    print(f"{share:4.0%} zeros: {at_once[share]:.1f} % right")
remain = at_once[0.8] / at_once[0]
outcome("50.b", "less than half" if remain < 0.5 else "about two thirds" if remain < 0.85 else "nearly all")
claim("compress.at_once", at_once[0] - at_once[0.8], at_least=pick(ci=-100, workshop=10, full=5), data=cifar,
      label="Points lost by 80 % zeros at once")

# %% [markdown]
# Many small things are no small thing. So prune **while the others learn**, fast at first and then ever more slowly (Zhu
# and Gupta, 2017): share = final · (1 − (1 − t)³), where t runs from 0 to 1. The optimiser moves zeros like all other
# weights, so the mask is laid on after each step.

# %%
class Gradually(keras.callbacks.Callback):
    def __init__(self, final, steps):
        super().__init__()
        self.final, self.end, self.step, self.masks = final, round(0.75 * steps), 0, None

    def on_train_batch_end(self, batch, logs=None):
        kernels = [layer.kernel for layer in kernel_layers(self.model).values()]
        self.step += 1
        self.lay_on(kernels)    # first: the step has moved zeros, too
        if self.step <= self.end:
            share = self.final * (1 - (1 - self.step / self.end) ** 3)
            self.masks = largest([kernel.numpy() for kernel in kernels], share)
            self.lay_on(kernels)

    def lay_on(self, kernels):
        for kernel, mask in zip(kernels, self.masks or [], strict=False):
            kernel.assign(kernel * mask.astype("float32"))

# %% [markdown]
# The kit's `MagnitudePruning` does the same. Both, on the same model, for as many steps as the schedule takes, without
# training in between:

# %%
from kitutils.ship.pruning import MagnitudePruning, sparsity_of

zeros = []
for callback in (Gradually(0.8, 20), MagnitudePruning(0.8, 20, every=1)):
    twin = copy_of(trained)
    callback.set_model(twin)
    for batch in range(20):
        callback.on_train_batch_end(batch)
    zeros.append(np.concatenate([layer.kernel.numpy().ravel() == 0 for layer in kernel_layers(twin).values()]))
claim("compress.pruning_agrees", np.mean(zeros[0] == zeros[1]), at_least=1, label="Zeros at the same place, share")

# %% [markdown]
# Pruning this way also trains the network longer, and longer training helps by itself. The fair **control** has the same
# steps, images and rates, and no pruning:

# %%
EPOCHS = pick(ci=1, workshop=1, full=20)
STEPS = EPOCHS * batches.steps


def ready(model):
    model.compile(keras.optimizers.Adam(OneCycle(1e-3, STEPS)), LOSS)
    model.optimizer.build(model.trainable_variables)
    return model, [variable.numpy() for variable in model.optimizer.variables]


pupil, fresh = ready(copy_of(trained))    # compiled once, which saves time


def tune(*callbacks):
    pupil.set_weights(trained.get_weights())
    for variable, value in zip(pupil.optimizer.variables, fresh, strict=True):
        variable.assign(value)
    fit(pupil, batches, EPOCHS, callbacks=callbacks)
    return copy_of(pupil), points(pupil)


dense, control = tune()
print(f"as it came {at_once[0]:.1f} % right, control {control:.1f} %")

# %% [markdown]
# Now with pruning, from the same start.

# %%
predict("50.c", "Pruned to 80 % while it trains, it ends, compared with the control, …",
        ["above", "within one point", "1 to 10 points below", "more than 10 points below"])

# %%
gradual = {}
for share in pick(ci=(0.8,), workshop=(0.8, 0.95), full=(0.8, 0.95)):
    gradual[share] = tune(MagnitudePruning(share, STEPS, every=4))
    print(f"{sparsity_of(gradual[share][0]):.0%} zeros: {gradual[share][1]:.1f} % right")
sparse = gradual[0.8][0]
below = control - gradual[0.8][1]
outcome("50.c", "more than 10 points below" if below > 10 else "1 to 10 points below" if below > 1 else
        "within one point" if below > -1 else "above")

# %% [markdown]
# All of it in one picture:

# %%
figure, axis = plots.plt.subplots(figsize=(6, 3))
axis.plot([100 * share for share in at_once], list(at_once.values()), marker="o", label="at once, no training")
axis.plot([100 * share for share in gradual], [right for _, right in gradual.values()], "s", ms=8,
          color=plots.COLOURS[1], label="while training")
axis.axhline(control, ls="--", color="black", label="control: training, no zeros")
axis.set(xlabel="% zeros", ylabel="% right")
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plots.show(figure, alt="Accuracy over the share of zeros. Pruned at once, the line falls to near ten percent. Two "
           "squares, pruned while training, lie far above it at 80 and 95 percent zeros, and below the dashed control.")
claim("compress.gradual_gain", gradual[0.8][1] - at_once[0.8], at_least=pick(ci=-100, workshop=8, full=3), data=cifar,
      headline=True, label="Points of pruning in training over pruning at once, 80 % zeros")
claim("compress.gradual_cost", below, at_least=pick(ci=-100, workshop=-1, full=-2),
      at_most=pick(ci=100, workshop=15, full=10), data=cifar, label="Points below the control, 80 % zeros")

# %% [markdown]
# Compared with the network *as it came*, 80 % zeros look nearly free, since the steps have made up for what pruning
# took. The control shows the price.
#
# **Exercise 50.1 (5 minutes).** What are zeros worth in a file? A dense layer has 512 inputs and 1,000 outputs (columns),
# no bias, and 90 % of its weights are zero. How many bytes in each form?

# %% tags=["exercise"]
sizes = {
    "float32": ...,
    "int8: a byte for each weight, a float32 scale for each column": ...,
    "sparse: a bit for each weight, zero or not, and the others in float32": ...,
    "shared: half a byte for each weight, and a list of 16 float32": ...,
}

exercise("50.1").check(sizes)

# %% tags=["solution"]
sizes = {
    "float32": 4 * 512_000,
    "int8: a byte for each weight, a float32 scale for each column": 512_000 + 4 * 1000,
    "sparse: a bit for each weight, zero or not, and the others in float32": 512_000 // 8 + 4 * 51_200,
    "shared: half a byte for each weight, and a list of 16 float32": 512_000 // 2 + 4 * 16,
}

exercise("50.1").solution(sizes)

# %% [markdown]
# ## 3 What zeros do not do
#
# **LiteRT** runs models on telephones and small computers. `lite` converts a Keras model into LiteRT's file, and
# `runner` makes a function of the file.

# %%
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter


def lite(model, **settings):
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    for name, value in settings.items():
        setattr(converter, name, value)
    with quiet():
        return converter.convert()


def runner(file, rows=1):
    interpreter = Interpreter(model_content=file, num_threads=1)
    entry, way_out = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    with quiet():
        interpreter.resize_tensor_input(entry, (rows, 32, 32, 3))
        interpreter.allocate_tensors()

    def run(batch):
        interpreter.set_tensor(entry, batch.astype("float32"))
        interpreter.invoke()
        return interpreter.get_tensor(way_out)

    return run

# %% [markdown]
# Beside the network with zeros we put one that lacks whole filters. `prune_filters` takes the weakest out of each block's
# first convolution, which only the second one reads, so that the shortcut still fits. What is left is an ordinary,
# smaller network. It gets the same steps of training.

# %%
from kitutils.ship.structured import prune_filters

narrow, _ = ready(prune_filters(trained, 0.5))
cold = points(narrow)
fit(narrow, batches, EPOCHS)
print(f"half the filters, {narrow.count_params():,} weights: {cold:.1f} % at once, {points(narrow):.1f} % trained")

# %% [markdown]
# Now the stopwatch: LiteRT on one thread, one image at a time, all three taking turns.

# %%
predict("50.d", "With 80 % zeros, one image takes LiteRT … of the time without.", ["about a fifth", "about half", "all"])

# %%
from functools import partial

from kitutils.evaluate.speed import latency


def clock(files):
    calls = {name: partial(runner(file), images[:1]) for name, file in files.items()}
    return {name: 1000 * seconds for name, seconds in latency(calls, rounds=pick(ci=1, workshop=7, full=7)).items()}


files = {"float32": lite(dense), "80 % zeros": lite(sparse), "half the filters": lite(narrow)}
milliseconds = clock(files)
for name, file in files.items():
    print(f"{name:16} {milliseconds[name]:.2f} ms, file {len(file) / 1000:,.0f} kB")
zeros_time, filters_time = (milliseconds[name] / milliseconds["float32"] for name in list(files)[1:])
outcome("50.d", "about a fifth" if zeros_time < 0.35 else "about half" if zeros_time < 0.75 else "all")
claim("compress.zeros_time", zeros_time, at_least=pick(ci=0, workshop=0.8, full=0.8), headline=True,
      at_most=pick(ci=99, workshop=1.25, full=1.25), label="Time with 80 % zeros / without, LiteRT, one image")
claim("compress.filters_time", filters_time, at_most=pick(ci=99, workshop=0.85, full=0.85), headline=True,
      label="Time without half of the inner filters / with them")

# %% [markdown]
# The interpreter multiplies by zero as by anything else, and the file has the same length: it writes each zero out in
# four bytes. Only the filters that are gone cost nothing.

# %% [markdown]
# ## 4 Eight bits by hand
#
# **Quantisation** stores each number as an integer of one byte, `q`, which stands for `scale · (q − zero)`. For weights,
# `zero` is 0, and each output channel has its own scale: the largest magnitude becomes 127. The head, by hand:

# %%
kernel = dense.layers[-1].kernel.numpy()    # (features, classes)
scales = np.abs(kernel).max(axis=0) / 127
integers = np.round(kernel / scales).astype("int8")
back = integers * scales
print("weights ", kernel[0, :4].round(4), "\nintegers", integers[0, :4], "\nback    ", back[0, :4].round(4))
claim("compress.half_step", np.max(np.abs(back - kernel) / scales), at_most=0.5001, label="Largest error, in scales")

# %% [markdown]
# What flows between layers is not centred on 0: after a relu nothing is below. There `zero` is the integer that stands
# for 0, the smallest value becomes −128 and the largest 127. **The range must be measured**, on images such as will come.
# The logits, on 200 training images:

# %%
from kitutils.ship.quantise import quantise, scale_and_zero, weight_scales

shown = ours.x_train[:pick(ci=10, workshop=200, full=500)].astype("float32")
logits = dense.predict(shown, verbose=0)
low, high = min(logits.min(), 0), max(logits.max(), 0)
scale = (high - low) / 255
zero = round(-128 - low / scale)
print(f"logits from {low:.2f} to {high:.2f}: scale {scale:.4f}, zero {zero}")
agrees = [np.array_equal(quantise(kernel, weight_scales(kernel), low=-127), integers),
          np.allclose(scale_and_zero(low, high), (scale, zero))]
claim("compress.quantise_agrees", np.mean(agrees), at_least=1, label="By hand as by the kit, share")

# %% [markdown]
# **Exercise 50.2 (10 minutes).** Write `to_int8(values)`, which returns the integers (int8), the scale and the zero
# point, for values of any range, not all 0. 0 must have an integer of its own, because relu and padding make many zeros,
# even if all values are between 2 and 5.

# %% tags=["exercise"]
def to_int8(values):
    ...


exercise("50.2").check(to_int8)

# %% tags=["solution"]
def to_int8(values):
    low, high = min(values.min(), 0), max(values.max(), 0)
    scale = (high - low) / 255
    zero = round(-128 - low / scale)
    integers = np.clip(np.round(values / scale) + zero, -128, 127)    # a tie may land one beyond
    return integers.astype(np.int8), scale, zero


exercise("50.2").solution(to_int8)

# %% [markdown]
# ## 5 The converter
#
# LiteRT's converter has three ways. **float16** halves each number. **Dynamic range** stores weights in int8 and
# measures ranges anew for each image. **Full int8** computes in integers throughout, and needs **representative images**
# to measure the ranges beforehand.

# %%
OPTIMISE = {"optimizations": [tf.lite.Optimize.DEFAULT]}


def full_int8(model, shown):
    return lite(model, **OPTIMISE, representative_dataset=lambda: ([image[None]] for image in shown),
                target_spec=tf.lite.TargetSpec(supported_ops=[tf.lite.OpsSet.TFLITE_BUILTINS_INT8]))


files["float16"] = lite(dense, **OPTIMISE, target_spec=tf.lite.TargetSpec(supported_types=[tf.float16]))
files["dynamic range"] = lite(dense, **OPTIMISE)
files["int8"] = full_int8(dense, shown)

# %% [markdown]
# Does the file hold the numbers that we found by hand? It stores output channels first.

# %%
with quiet():
    inside = Interpreter(model_content=files["int8"])
table = [part for part in inside.get_tensor_details() if part["dtype"] == np.int8]
head = next(part for part in table if tuple(part["shape"]) == kernel.T.shape)
out = next(part for part in table if tuple(part["shape"]) == (1, 10))
theirs = inside.get_tensor(head["index"])
claim("compress.scales_agree", np.max(np.abs(head["quantization_parameters"]["scales"] / scales - 1)), at_most=1e-4,
      label="Scales of the head, by hand and LiteRT's, largest difference as a share")
claim("compress.integers_agree", np.mean(integers == theirs.T), at_least=0.995, label="Equal integers, share")
print(f"logits: ours scale {scale:.4f}, zero {zero}; LiteRT's scale {out['quantization'][0]:.4f}, "
      f"zero {out['quantization'][1]}")

# %% [markdown]
# (Into a convolution LiteRT first multiplies the batch norm behind it: `folded` in `kitutils.ship.quantise`.)
#
# Now a slip of the kind that is made every day. Elsewhere in the code images are divided by 255, and so are the
# representative ones. This network takes 0 to 255.

# %%
predict("50.e", "With representative images from 0 to 1, the int8 model is, compared with the right one, …",
        ["about as good", "a few points worse", "useless"])

# %%
def said(file, images):
    size = min(500, len(images))
    run = runner(file, size)
    return np.concatenate([run(images[i : i + size]) for i in range(0, len(images), size)]).argmax(axis=1)


def right(file):
    return 100 * np.mean(said(file, images) == labels)


slip, proper = right(full_int8(dense, shown / 255)), right(files["int8"])
print(f"float32 {right(files['float32']):.1f} %, int8 {proper:.1f} %, shown images from 0 to 1: {slip:.1f} %")
outcome("50.e", "useless" if proper - slip > 20 else "a few points worse" if proper - slip > 1.5 else "about as good")
claim("compress.slip", proper - slip, at_least=pick(ci=-100, workshop=15, full=40), data=cifar, headline=True,
      label="Points lost by representative images from 0 to 1")

# %% [markdown]
# No error, no warning. The ranges were measured on images that are all but black, and what lies beyond a range is cut
# off. Convert with images exactly as the service will send them, and **judge the file, not the Keras model**.
#
# ## 6 One coder for all, and the frontier
#
# Zeros are worth something once a **coder** writes them shorter, as a zip does. Then everything that we compare has to go
# through the same one: `entropy_coded` is xz at its highest level. A last candidate: **clustering** lets the weights of
# each kernel share 16 values.

# %%
from kitutils.ship.clustering import cluster
from kitutils.ship.packing import entropy_coded, pack, unpack

shared = cluster(sparse, 16)
files |= {"80 % zeros, int8": full_int8(sparse, shown), "zeros, 16 values": lite(shared),
          "half the filters, int8": full_int8(narrow, shown)}
kilobytes = {name: entropy_coded(file) / 1000 for name, file in files.items()}
for name in ("float32", "80 % zeros", "zeros, 16 values", "int8"):
    print(f"{name:16} {len(files[name]) / 1000:7,.0f} kB, coded {kilobytes[name]:5,.0f} kB")
packed = pack(shared)
back = unpack(packed)
same = all(np.array_equal(a, b) for a, b in zip(shared.get_weights(), back.get_weights(), strict=True))
print(f"packed and coded: {len(packed) / 1000:,.0f} kB; every weight comes back: {same}")
claim("compress.pack_comes_back", same, at_least=1, label="All weights come back from the packed file")

# %% [markdown]
# `pack` is a file of our own: for each weight the number of its value, a list of the values, and the architecture. A size
# counts only if everything comes back from it. LiteRT cannot run such a file, so it is not in the pictures.
#
# Now the 3,000 images that have waited, and a stopwatch for all.

# %%
from kitutils.evaluate import judge

x_wait, y_wait = ours.x_test[look:], ours.y_test[look:]
answers = {name: said(file, x_wait[:len(x_wait) // 500 * 500 or len(x_wait)]) for name, file in files.items()}
y_wait = y_wait[:len(answers["float32"])]
accuracy = {name: 100 * np.mean(answer == y_wait) for name, answer in answers.items()}
milliseconds = clock(files)
for name in files:
    print(f"{name:22} {accuracy[name]:5.1f} % right {kilobytes[name]:6,.0f} kB {milliseconds[name]:6.2f} ms")

# %% [markdown]
# Left is smaller or faster, up is better. The grey line joins what no other form beats in both:

# %%
MARKERS = {"float16": "D", "dynamic range": "v", "zeros, 16 values": "X"}
figure, axes = plots.plt.subplots(1, 2, figsize=(7.8, 3.4), sharey=True)
for axis, cost, name in zip(axes, (kilobytes, milliseconds), ("kB, coded", "ms an image"), strict=True):
    cheap = sorted(files, key=cost.get)
    front = [form for i, form in enumerate(cheap)    # ahead by more than 2 images in 1,000
             if accuracy[form] > max(map(accuracy.get, cheap[:i]), default=0) + 0.2]
    axis.plot([cost[form] for form in front], [accuracy[form] for form in front], color="grey", lw=1, zorder=0)
    for form in files:
        family = 1 if "zeros" in form else 2 if "half" in form else 0
        marker = "*" if "int8" in form else MARKERS.get(form, "o")
        axis.plot(cost[form], accuracy[form], marker, ms=11, mec="white", color=plots.COLOURS[family], label=form)
    axis.set(xlabel=name)
    axis.set_xlim(left=0)
axes[0].set(ylabel="% right")
axes[1].legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=9)
plots.show(figure, alt="Accuracy over size, and over time for one image; blue: all weights, orange: 80 % zeros, green: "
           "half the filters. A grey line joins the best. Over size it goes from zeros in int8, the smallest, over half "
           "the filters in int8 to int8, with dynamic range beside it. Over time it goes from half the filters in int8 "
           "to int8; float32 and float16 lie far to the right. Forms with zeros are lowest in both.")

# %% [markdown]
# Is int8 really as good? The same images, so a paired comparison (lesson 01):

# %%
print(judge(y_wait, answers["int8"], answers["float32"]))
claim("compress.int8_cost", accuracy["float32"] - accuracy["int8"], at_most=pick(ci=100, workshop=2, full=1), data=cifar,
      headline=True, label="Points lost in int8")
claim("compress.zeros_behind", accuracy["int8"] - accuracy["80 % zeros"], at_least=pick(ci=-100, workshop=1, full=0.5),
      data=cifar, label="Points of int8 over 80 % zeros, which take about as many bytes")
claim("compress.int8_bytes", kilobytes["float32"] / kilobytes["int8"], at_least=pick(ci=1, workshop=3, full=3),
      headline=True, label="Times smaller in int8, both coded")
claim("compress.int8_time", milliseconds["float32"] / milliseconds["int8"], at_least=pick(ci=0, workshop=1.5, full=1.5),
      headline=True, label="Times faster in int8, one image, one thread")

# %% [markdown]
# Read the lower end of the interval: int8 has hardly lost more than that. Read no gain out of the upper end, even if p
# is small. Rounding knows nothing that the weights do not, and of nine forms judged on the same images a pair may well
# look different by luck.
#
# The line is the **frontier**: no other form is both better and smaller (or faster). Zeros alone are far from it: for
# about as many bytes, int8 keeps all the points and is three times as fast. Whoever needs still less puts int8 on top of
# fewer filters, or of zeros. Other networks and other chips have other frontiers; the two pictures are how you find them.
#
# (Why images alone? The shop model's few weights need no shrinking. Most of the text model is its table of words, which
# dynamic range makes a quarter; in full int8 its attention would lose its answers, so lesson 51's `export` refuses.)
#
# ### What an hour gives
#
# Our networks have trained for a minute. A record has lesson 41's ResNet-20 after an hour, and from there each way.
# "Trained on" is the control. "Taught" means that the network also learns what the whole one says
# (`kitutils.ship.distil`). "Rounded in training" lets the weights learn around the rounding (`kitutils.ship.qat`).

# %%
predict("50.g", "Zeros and shared values together, for half a point: the file becomes … times smaller.",
        ["about 4", "about 8", "about 12"])

# %%
hour = record("compress")
whole = hour["baseline"]
print(f"baseline: {whole['bytes'] / 1000:,.0f} kB, {100 * whole['accuracy']:.1f} % right")
for way, row in list(hour.results.items())[1:]:
    low, high = row["interval"]
    print(f"{way:35}{row['times smaller']:5.1f} times smaller, points lost {row['points lost']:5.1f} ({low:.1f} to {high:.1f})")
both = next(row for way, row in hour.results.items() if "zeros" in way and way.endswith("values"))
times = both["times smaller"]
outcome("50.g", "about 12" if times >= 10 else "about 8" if times >= 6 else "about 4")
claim("compress.hour_smaller", times, at_least=12, headline=True,
      label="Recorded: times smaller by zeros and shared values, both coded")
claim("compress.hour_lost", both["points lost"], at_most=0.5, headline=True, label="Recorded: points that this costs")
print(hour.origin)

# %% [markdown]
# Zeros that cost many points in our minute cost next to none with time to learn again. But look at the control: more
# training alone gains almost half a point, and against *that* the zeros and values are paid for. A student of half the
# width takes as few bytes and is far behind after four epochs of its own; a teacher is worth some points to it. The
# intervals are of other test images, not of other trainings: each way was trained once.
#
# ### Article clinic: the file that shrank
#
# An article fits a model and saves it. It prunes it to 80 % zeros, loads and saves that, zips it, and compares both files.

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

pupil.set_weights(dense.get_weights())
with TemporaryDirectory() as folder:
    pupil.save(Path(folder) / "before.keras")    # as fit leaves a model
    before = (Path(folder) / "before.keras").read_bytes()
    dense.save(Path(folder) / "dense.keras")     # loaded and saved again, like the pruned one
    same_way = entropy_coded(Path(folder) / "dense.keras")
    sparse.save(Path(folder) / "after.keras")
    after = entropy_coded(Path(folder) / "after.keras")
reported = len(before) / after
print(f"before {len(before) / 1000:,.0f} kB, after {after / 1000:,.0f} kB: {reported:.0f} times smaller")

# %% [markdown]
# What of that is pruning's?

# %%
predict("50.f", "Both saved alike and zipped alike, pruning makes the file … times smaller.",
        [f"{reported:.0f}", f"about {reported / 1.5:.0f}", f"{reported / 2:.0f} or less"])

# %%
true = same_way / after
outcome("50.f", f"{reported / 2:.0f} or less" if true < reported / 1.7 else
        f"about {reported / 1.5:.0f}" if true < reported / 1.2 else f"{reported:.0f}")
print(f"the file before is {len(before) / (4 * trained.count_params()):.1f} times as large as its weights")
claim("clinic.pruned_reported", reported, at_least=pick(ci=1, workshop=8, full=8), headline=True,
      label="Times smaller, as the article counts")
claim("clinic.pruned_true", true, at_most=pick(ci=99, workshop=6, full=6), headline=True,
      label="Times smaller, both counted alike")

# %% [markdown]
# After `fit` the file holds Adam's two averages for each weight, which no service needs. Repair: **load without the
# optimiser, save, and put both through the same coder.**
#
# **Exercise 50.3 (stretch): find three bugs.** A colleague prunes in NumPy. `weights` is a dict of arrays; `steps` holds,
# for each training step, what the optimiser adds to each array; `shares` the share of zeros to be reached after it. Each
# kernel is to lose its own smallest weights, and what is zero once stays zero.

# %%
def their_pruning(weights, steps, shares):
    masks = {name: np.ones(weight.shape, bool) for name, weight in weights.items()}
    for step, share in zip(steps, shares, strict=True):
        for name in weights:
            weight = weights[name] * masks[name] + step[name]
            size = np.abs(weight)
            masks[name] = size >= np.quantile(size[masks[name]], share)
            weights = weights | {name: weight}
    return weights


rng = np.random.default_rng(50)
toy = {"dense/kernel": rng.normal(size=(10, 10)), "dense/bias": rng.normal(size=10)}
nudges = [{name: rng.normal(0, 0.1, weight.shape) for name, weight in toy.items()} for _ in range(3)]
for name, weight in their_pruning(toy, nudges, [0.4, 0.6, 0.8]).items():
    print(f"{name}: {np.sum(weight == 0)} zeros of {weight.size}")

# %% [markdown]
# Write `pruned(weights, steps, shares)` as it ought to be. Names of kernels end in `"kernel"`. It returns a new dict.

# %% tags=["exercise"]
def pruned(weights, steps, shares):
    ...


exercise("50.3").check(pruned)

# %% tags=["solution"]
def pruned(weights, steps, shares):
    masks = {name: np.ones(weight.shape, bool) for name, weight in weights.items()}
    for step, share in zip(steps, shares, strict=True):
        for name in weights:
            weight = (weights[name] + step[name]) * masks[name]    # the mask after the step
            if name.endswith("kernel"):                            # nothing but kernels
                order = np.sort(np.abs(weight), axis=None)         # all of them, zeros too
                masks[name] = np.abs(weight) >= order[round(share * weight.size)]
            weights = weights | {name: weight * masks[name]}
    return weights


exercise("50.3").solution(pruned)

# %% [markdown]
# ## Recap
#
# - Most bytes lie in the last stage, the work in all of them: smaller and faster are two aims.
# - Prune while training, lay the mask on after each step, and compare with the same training without pruning.
# - Zeros save bytes after a coder and no time. Filters that are gone save both.
# - int8 stands for scale · (q − zero). Its ranges come from images exactly as the service will send them.
# - Count alike: no optimiser's state, one coder for all, and only files from which the model comes back.

# %%
recap("50")

# %% [markdown]
# **Saved:** nothing. The functions are in `kitutils.ship`.
#
# **Next:** lesson 51, where the model leaves Keras, with all that is needed to use it.
