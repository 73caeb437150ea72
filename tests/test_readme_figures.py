"""The README quotes the records, not somebody's memory of them."""

import json
import statistics

import pytest

from kitutils import settings

ROOT = settings.root()


def results(name):
    return json.loads((ROOT / "benchmarks" / "records" / f"{name}.json").read_text(encoding="utf8"))


@pytest.fixture(scope="module")
def rows():
    """First words of a row of the README's tables → the whole row."""
    lines = (ROOT / "README.md").read_text(encoding="utf8").splitlines()
    return {line.split("|")[1].strip(): line for line in lines if line.startswith("| ")}


def row(rows, start):
    (found,) = [line for first, line in rows.items() if first.startswith(start)]
    return found


def test_start_up(rows):
    found = results("startup")["results"]
    assert f"| {1000 * found['import']['seconds']:.0f} ms |" in row(rows, "`import kitutils`")
    assert f"| {found['help']['seconds']:.2f} s |" in row(rows, "`kit --help`")
    first = found["first_model"]
    quoted = f"| {first['seconds']:.0f} s, of which {first['parts']['environment']:.0f} s installing with "
    assert quoted + f"{first['installer']} |" in row(rows, "from a fresh clone")
    assert f"| {found['course']['seconds']:.0f} s |" in row(rows, "the whole course in `ci`")


def test_lesson_01_in_full(rows):
    record = results("lesson_01_full")
    assert f"| {100 * record['results']['digits.cnn_mean']:.1f} % |" in row(rows, "lesson 01 in `full`")
    (said,) = record["said"]
    numbers = said.split(": ")[1].replace("-", "−").replace(" (", ", interval ").rstrip(")")
    assert f"| {numbers} |" in row(rows, "its difference to")


def test_shapes10(rows):
    found = results("shapes10")["results"]
    cnn = statistics.mean(found["reference_cnn"])
    quoted = f"| {100 * found['linear_C1']:.0f} %, {100 * cnn:.0f} %, {100 * found['good_cnn']:.1f} % |"
    assert quoted in row(rows, "`shapes10`, the generated")


def test_audit_and_clean(rows):
    found = results("data_quality")["results"]
    median, worst, over = (found["shop"][key] for key in ("median", "worst", "times_the_recipe"))
    assert f"| {median['f1']['all']:.3f}, {worst['f1']:.3f} |" in row(rows, "`audit` on the spoiled shop")
    assert f"| {median['f1']['all but missing']:.3f}, {worst['f1_but_missing']:.3f} |" in row(rows, "the same without")
    assert f"| {over['as it is']:.2f}, {over['numbers coerced']:.2f} |" in row(rows, "its F1 over")
    repairs = f"| {100 * median['share_right']['all']:.1f} %, {100 * worst['share_right']:.1f} %; "
    assert repairs + f"{100 * worst['share_altered']:.2f} % |" in row(rows, "`clean`: repairs right")
    others = [found[name]["median"]["f1"]["all"] for name in ("penguins", "california_housing", "bike_sharing")]
    assert f"| {', '.join(f'{f1:.3f}' for f1 in others)} |" in row(rows, "the same on penguins")


def test_a_large_audit(rows):
    found = results("data_speed")["results"]
    quoted = f"| {found['seconds']:.0f} s, {found['extra_over_table']:.2f} |"
    assert quoted in row(rows, "`audit` of 1,000,000 rows")


def test_labels_augmentation_and_features(rows):
    labels = results("data_labels")["results"]
    means = ", ".join(f"{labels[name]['mean']:.2f}" for name in ("precision", "recall", "won_back"))
    assert f"| {means} |" in row(rows, "wrong labels found in digits")
    assert f"| {results('data_augment')['results']['ratio']:.1f} × |" in row(rows, "augmentation in `tf.data`")
    ours = results("data_features")["results"]["ours_minus"]["gradient boosting"]
    numbers = "| {mean:+.3f}, interval {low:+.3f} to {high:+.3f} |".format(**ours).replace("-", "−")
    assert numbers in row(rows, "PR-AUC of the shop model")


def test_images_race(rows):
    found = results("images_race")["results"]
    errors = {
        name: statistics.median(100 * run["error"] for run in found[name]) for name in ("reference", "fast", "sprint")
    }
    line = row(rows, "CIFAR-10, test error of the reference CNN")
    assert f"| {errors['reference']:.1f} %, {errors['fast']:.1f} % |" in line
    line = row(rows, "its error over the reference's")
    assert f"| {found['fast_error_ratio']:.2f} × at {found['fast_time_ratio']:.2f} × the time; " in line
    assert f"{found['fast_error_ratio_both_sides']:.2f} × with both sides |" in line
    line = row(rows, "time in which it is as good as the reference")
    assert f"| {found['sprint_time_ratio']:.2f} ×, with {errors['sprint']:.1f} % error |" in line


def test_images_small(rows):
    found = results("images_small")["results"]
    line = row(rows, "CIFAR-10, test accuracy of a network in an int8 file")
    assert f"file of {found['median_litert_int8_bytes'] / 1000:.1f} kB; " in line
    accuracies = [100 * found[f"median_{form}_accuracy"] for form in ("litert_int8", "litert")]
    assert "| " + ", ".join(f"{accuracy:.1f} %" for accuracy in accuracies) + " |" in line
    least = min(run["litert_int8_accuracy"] for run in found["runs"])
    assert f"the least in int8 {100 * least:.1f} % |" in line
    share = found["median_litert_int8_bytes"] / found["median_litert_bytes"]
    assert f"| {share:.3f} × |" in row(rows, "its bytes over those in float32")


def test_images_ladder(rows):
    found = results("images_ladder")["results"]
    resnet, fast = found["resnet20, 4 epochs"], found["fast, 24 epochs"]
    quoted = f"{100 * resnet['median_accuracy']:.1f} % in {resnet['median_seconds']:.0f} s; "
    quoted += f"{100 * fast['median_accuracy']:.1f} %, {100 * fast['median_accuracy_both_sides']:.1f} %"
    assert f"| {quoted} in {fast['median_seconds']:.0f} s |" in row(rows, "CIFAR-10, test accuracy of longer trainings")


def test_images_changes(rows):
    found = results("images_changes")["results"]
    means = ", ".join(f"{100 * statistics.mean(errors):.1f} %" for errors in found.values())
    assert f"| {means} |" in row(rows, "test error of the reference CNN with batch norm")


FLOAT32 = ("keras", "savedmodel", "litert", "onnx")
KIT = ("kit", "kit, mixed_bfloat16")


def test_images_speed(rows):
    found = results("images_speed")["results"]
    pairs = [(found[f"{name} over plain"], found[f"{name} over plain, best rounds"]) for name in KIT]
    quoted = "; ".join(f"{median:.2f} ×, best rounds {best:.2f} ×" for median, best in pairs)
    assert f"| {quoted} |" in row(rows, "images a second of the reference CNN")


def test_images_fashion(rows):
    found = results("images_fashion")["results"]
    errors = 100 * (1 - found["median error"]), 100 * (1 - found["median error_both_sides"])
    quoted = f"| {errors[0]:.1f} %, {errors[1]:.1f} % in {found['median seconds']:.0f} s |"
    assert quoted in row(rows, "Fashion-MNIST, test accuracy of a network")


def test_text_fewshot(rows):
    found = results("text_fewshot")["results"]
    for labels, start in (("1000", "doc strings with 1,000 labels"), ("100", "the same with 100 labels")):
        gains = found[labels]["gains"]
        quoted = f"| {gains['over random']:+.1f}, {gains['over tfidf_lr']:+.1f} |".replace("-", "−")
        assert quoted in row(rows, start)


def test_text_speed(rows):
    found = results("text_speed")["results"]
    quoted = f"| {found['ratio']:.1f} ×, best rounds {found['best over best']:.1f} × |"
    assert quoted in row(rows, "real tokens a second of masked language modelling")


def test_text_reviews(rows):
    found = results("text_reviews")["results"]
    counts = f"{100 * found['nb_svm'][0]:.1f} %, {100 * found['tfidf_lr'][0]:.1f} %"
    mean = 100 * statistics.mean(found["encoder"])  # the record's own mean is rounded already
    quoted = f"| {mean:.1f} % in {statistics.median(found['seconds'])} s beside other work; {counts} |"
    assert quoted in row(rows, "SST-2, sentences of the development set")


def test_text_layers(rows):
    record = results("text_layers")
    found = record["results"]["all"]
    assert record["runs_of_all_labels"] == len(found["nothing"]) == len(found["tfidf_lr"]) == 1
    quoted = f"| {100 * found['nothing'][0]:.1f} %, {100 * found['tfidf_lr'][0]:.1f} % |"
    assert quoted in row(rows, "doc strings with all labels, one run")


def test_text_all(rows):
    found = results("text_all")["results"]
    ours = [
        100 * statistics.mean(found[kind]["accuracy"])
        for kind in ("encoder", "mean of the runs", "encoder and tfidf_lr")
    ]
    counts = [100 * found[kind] for kind in ("tfidf_lr", "tfidf_pieces", "nb_svm")]
    quoted = (
        f"| {', '.join(f'{points:.1f} %' for points in ours)}; {', '.join(f'{points:.1f} %' for points in counts)} |"
    )
    assert quoted in row(rows, "doc strings with all labels, trained longer")


def test_text_pretraining(rows):
    found = results("text_pretraining")["results"]

    def gain(way):
        return max(recipe["gain"] for name, recipe in found[way].items() if name != "guessed")

    ways = (
        "words-from-start",
        "words-grown",
        "both-from-start",
        "both-from-start-alike",
        "both-grown",
        "both-no-blocks",
    )
    quoted = "; ".join(f"{gain(way):+.1f}, {100 * found[way]['guessed']:.1f} %" for way in ways)
    assert f"| {quoted} |".replace("-", "−") in row(rows, "points that a shorter pretraining brings")


def test_export(rows):
    found = results("export")["results"]
    exact = [forms[form]["difference"] for forms in found["parity"].values() for form in FLOAT32 if form in forms]
    assert f"| {max(exact):.1e} |" in row(rows, "largest difference of a float32 export")
    over = found["predict over"]
    for form, start in (
        ("litert", "ResNet-20, one image, time of `predict` over that of LiteRT"),
        ("litert_int8", "the same in int8"),
    ):
        quoted = f"| {over[f'{form}, 1 thread']:.0f} ×, {over[f'{form}, 2 threads']:.0f} × |"
        assert quoted in row(rows, start)
    accuracy = found["accuracy"]
    lost = 100 * (accuracy["litert"] - accuracy["litert_int8"])
    quoted = f"| {lost:.2f}; {found['int8 bytes over float32']:.3f} × |"
    assert quoted in row(rows, "its int8 form on all test images")


def test_compress(rows):
    found = results("compress")["results"]
    [name] = [way for way in found if "zeros" in way and way.endswith("values")]
    both, values = found[name], name.split()[-2]
    right = f"{100 * found['baseline']['accuracy']:.1f} % right"
    start = f"ResNet-20 on CIFAR-10, {right}, with {name[:4]} zeros and {values}"
    low, high = both["interval"]
    signed = f"{both['points lost']:.2f}, interval {low:+.2f} to {high:+.2f}".replace("-", "−")
    assert f"| {both['times smaller']:.1f} ×; {signed} |" in row(rows, start)
    line = row(rows, "the same network only trained on")
    ways = "trained on", "int8", "int8, rounded in training", "without half of the inner filters", "16 values"
    quoted = "; ".join(f"{found[way]['points lost']:.2f} at {found[way]['times smaller']:.1f} ×" for way in ways)
    assert f"| {quoted} |".replace("-", "−") in line
    line = row(rows, "a network half as wide, in int8, alone; taught by it")
    ways = "student, int8", "student, taught, int8"
    quoted = "; ".join(f"{found[way]['points lost']:.2f} at {found[way]['times smaller']:.1f} ×" for way in ways)
    assert f"| {quoted} |".replace("-", "−") in line


def test_serve(rows):
    found = results("serve")["results"]
    models = [found[name] for name in ("reference_cnn", "resnet20")]

    def both(numbers, form):
        return "| " + "; ".join(format(number, form) for number in numbers)

    line = row(rows, "requests a second of `kit serve` at 64 connections over those of a Flask server")
    assert " ×; ".join(f"{model['kit over naive']:.0f}" for model in models) + " × |" in line
    slow = [model["kit's p99 over naive p50"] for model in models]
    assert both(slow, ".3f") + " |" in row(rows, "its p99 there over the Flask server's p50")
    line = row(rows, "its requests a second over those of an empty FastAPI handler")
    assert " ×; ".join(f"{model['kit over empty']:.2f}" for model in models) + " × |" in line
    gains = " ×; ".join(f"{model['batching']['service over runtime']:.2f}" for model in models)
    assert f"| {gains} × |" in row(rows, "its gain from batches of up to 32")
    added = f"| {100 * found['one client']['added']:+.0f} % |".replace("-", "−")
    assert added in row(rows, "p50 of a single client")
    beyond = [found["overload"][name] for name in ("reference_cnn", "resnet20")]
    told = [f"{one['goodput over peak']:.2f}, {one['hung']:,}, {one['5xx other than 503']}" for one in beyond]
    assert f"| {'; '.join(told)} |" in row(rows, "twice its capacity in an open loop")
    assert f"| {found['memory']['last over first']:.3f} × |" in row(rows, "memory after 100,000 requests")
