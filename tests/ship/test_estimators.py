"""scikit-learn classifiers as exports: the same answers from raw inputs, and no file that could run anything."""

import json
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from kitutils.models.baselines import nb_svm, tfidf_lr
from kitutils.ship import (
    BadExport,
    BadInput,
    CannotHold,
    ParityFailed,
    ShipError,
    embedded,
    export_estimator,
    load,
    verify,
)

RNG = np.random.default_rng(0)
TEXTS = [" ".join(RNG.choice(["late", "torn", "fine", "warm", "red", "dress"], 8)) for _ in range(80)]
PRAISED = np.array([text.count("fine") + text.count("warm") > 2 for text in TEXTS]).astype(int)
TABLE = pd.DataFrame(
    {
        "price": RNG.normal(40, 20, 80).astype("float32"),
        "age": np.where(RNG.random(80) < 0.2, np.nan, RNG.integers(18, 80, 80)).astype("float32"),
        "size": RNG.choice(["S", "M", "L", ""], 80),
    }
)
KEPT = (TABLE["price"] > 40).to_numpy().astype(int)


def of_rows():
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["price", "age"]),
        (OneHotEncoder(handle_unknown="ignore"), ["size"]),
    )
    return make_pipeline(columns, LogisticRegression()).fit(TABLE, KEPT), TABLE, TABLE.to_dict("records")


def of_texts():
    return tfidf_lr().fit(TEXTS, PRAISED), TEXTS, TEXTS


def of_arrays():
    x = TABLE[["price", "age"]].fillna(0).to_numpy()
    return RandomForestClassifier(20, random_state=0).fit(x, KEPT), x, list(x)


MAKERS = {"rows": of_rows, "texts": of_texts, "arrays": of_arrays}


@pytest.mark.parametrize("kind", MAKERS)
def test_raw_inputs_get_the_estimators_own_answers(kind, tmp_path):
    estimator, samples, raw = MAKERS[kind]()
    manifest = export_estimator(estimator, tmp_path / "it", samples=samples, labels=["kept", "returned"], name="it")
    expected = estimator.predict_proba(samples)
    predictor = load(tmp_path / "it")
    assert predictor.format == "skops" and manifest.labels == ("kept", "returned")
    for answer, probabilities in zip(predictor.predict(raw), expected, strict=True):
        assert answer.label == manifest.labels[probabilities.argmax()]
        assert list(answer.probabilities.values()) == pytest.approx(probabilities, abs=1e-5)
    assert verify(tmp_path / "it")["skops"].passed
    assert embedded(tmp_path / "it" / "model.skops")["labels"] == ["kept", "returned"]


@pytest.mark.parametrize(
    "estimator",
    [
        CalibratedClassifierCV(nb_svm()),
        make_pipeline(TfidfVectorizer(), TruncatedSVD(3), HistGradientBoostingClassifier(max_iter=5)),
        make_pipeline(TfidfVectorizer(), TruncatedSVD(3), GradientBoostingClassifier(n_estimators=5)),
    ],
    ids=["nb_svm", "hist_boosting", "boosting"],
)
def test_usual_classifiers_are_trusted_by_their_names(estimator, tmp_path):
    export_estimator(estimator.fit(TEXTS, PRAISED), tmp_path / "it", samples=TEXTS)
    answers = load(tmp_path / "it").predict(TEXTS[:5])
    assert [float(answer.label) for answer in answers] == estimator.predict(TEXTS[:5]).tolist()


def test_what_was_not_seen_is_answered_and_what_is_wrong_refused(tmp_path):
    estimator, samples, raw = of_rows()
    export_estimator(estimator, tmp_path / "it", samples=samples)
    predictor = load(tmp_path / "it")
    assert predictor.predict([raw[0] | {"size": "XXL", "age": None}])[0].label in ("0", "1")
    with pytest.raises(BadInput, match="Input 1: price is a number"):
        predictor.predict([raw[0], raw[0] | {"price": "cheap"}])
    estimator, samples, _ = of_texts()
    export_estimator(estimator, tmp_path / "texts", samples=samples)
    with pytest.raises(BadInput, match="Input 0: a text is str"):
        load(tmp_path / "texts").predict([b"late"])


def test_code_of_others_is_not_written(tmp_path):
    strange = make_pipeline(FunctionTransformer(np.tanh), FunctionTransformer(lambda x: x), LogisticRegression())
    x = TABLE[["price"]].to_numpy()
    with pytest.raises(CannotHold, match="scikit-learn's own classes"):
        export_estimator(strange.fit(x, KEPT), tmp_path / "it", samples=x)
    assert not list(tmp_path.iterdir())


def test_a_file_that_asks_for_other_code_is_not_loaded(tmp_path):
    estimator, samples, _ = of_arrays()
    export_estimator(estimator, tmp_path / "it", samples=samples)
    file = tmp_path / "it" / "model.skops"
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = members["schema.json"].replace(b'"RandomForestClassifier"', b'"Popen"', 1)
    schema = schema.replace(b'"sklearn.ensemble._forest"', b'"subprocess"', 1)
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in (members | {"schema.json": schema}).items():
            archive.writestr(name, content)
    with pytest.raises(BadExport, match="its sha256 differs"):
        load(tmp_path / "it")
    # Whoever can change the file can change the manifest.
    import hashlib

    record = json.loads((tmp_path / "it" / "manifest.json").read_text())
    record["files"]["model.skops"]["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    (tmp_path / "it" / "manifest.json").write_text(json.dumps(record))
    with pytest.raises(BadExport, match=r"subprocess\.Popen"):
        load(tmp_path / "it")


def test_an_estimator_that_cannot_answer_is_refused_with_the_way_round(tmp_path):
    x = TABLE[["price"]].to_numpy()
    with pytest.raises(ShipError, match="CalibratedClassifierCV"):
        export_estimator(LinearSVC().fit(x, KEPT), tmp_path / "it", samples=x)
    with pytest.raises(ShipError, match="not fitted"):
        export_estimator(LogisticRegression(), tmp_path / "it", samples=x)
    with pytest.raises(ShipError, match="no samples"):
        export_estimator(LogisticRegression().fit(x, KEPT), tmp_path / "it", samples=x[:0])
    with pytest.raises(ShipError, match="2 classes"):
        export_estimator(LogisticRegression().fit(x, KEPT), tmp_path / "it", samples=x, labels=["only"])
    assert not list(tmp_path.iterdir())


def test_columns_that_have_no_names_are_refused_before_anything_is_written(tmp_path):
    x = TABLE[["price", "age"]].fillna(0).to_numpy()
    estimator = LogisticRegression().fit(x, KEPT)
    with pytest.raises(ShipError, match=r"columns are named 0 \(int\), 1 \(int\).*to_numpy\(\)"):
        export_estimator(estimator, tmp_path / "it", samples=pd.DataFrame(x))
    with pytest.raises(ShipError, match="each once; got price, price"):
        export_estimator(estimator, tmp_path / "it", samples=pd.DataFrame(x, columns=["price", "price"]))
    assert not list(tmp_path.iterdir())
    assert export_estimator(estimator, tmp_path / "it", samples=pd.DataFrame(x).to_numpy()).labels == ("0", "1")


def test_a_column_of_yes_and_no_is_one_of_numbers(tmp_path):
    table = pd.DataFrame({"price": TABLE["price"], "gift": RNG.random(80) < 0.5})
    estimator = LogisticRegression().fit(table, table["gift"])
    manifest = export_estimator(estimator, tmp_path / "it", samples=table)
    assert manifest.preprocessing["numbers"] == ["price", "gift"] and manifest.preprocessing["flags"] == ["gift"]
    assert [entry["dtype"] for entry in manifest.inputs] == ["float32", "float32"]
    answers = load(tmp_path / "it").predict([{"price": 3.0, "gift": True}, {"price": 3.0, "gift": 1}])
    assert answers[0] == answers[1]
    assert [answer.label for answer in load(tmp_path / "it").predict(table)] == table["gift"].astype(str).tolist()
    with pytest.raises(BadInput, match="price is a number or missing; got True"):
        load(tmp_path / "it").predict([{"price": True, "gift": True}])


def test_what_the_preparation_would_lose_is_found_before_anything_is_written(tmp_path):
    table = TABLE.assign(size=TABLE["size"].replace("", None))  # missing arrives as "", which this one never saw
    columns = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["size"]))
    estimator = make_pipeline(columns, LogisticRegression()).fit(table, table["size"].isna())
    with pytest.raises(ParityFailed, match="'' where missing"):
        export_estimator(estimator, tmp_path / "it", samples=table)
    assert not list(tmp_path.iterdir())


def test_an_older_export_is_replaced_only_when_told(tmp_path):
    estimator, samples, _ = of_arrays()
    export_estimator(estimator, tmp_path / "it", samples=samples)
    with pytest.raises(ShipError, match="replace=True"):
        export_estimator(estimator, tmp_path / "it", samples=samples)
    assert export_estimator(estimator, tmp_path / "it", samples=samples, version="2", replace=True).version == "2"


def test_neither_tensorflow_nor_keras_is_needed(tmp_path):
    estimator, samples, _ = of_texts()
    export_estimator(estimator, tmp_path / "it", samples=samples)
    code = (
        "import sys; from kitutils.ship import load; print(load(sys.argv[1]).predict(['late'])[0].label);"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "it"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.strip() in ("0", "1"), done.stderr
