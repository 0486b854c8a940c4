"""Writes a scikit-learn pipeline as a model for `cloud-runner upload --model`; model.md describes the format.

    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    columns = make_column_transformer((numbers, ["age", "income"]), (OneHotEncoder(handle_unknown="ignore"), ["city"]))
    pipeline = make_pipeline(columns, LogisticRegression()).fit(features, labels)
    export(pipeline, "label column", "model.json")
"""
import json


def export(pipeline, label, file):
    encoder, regression = pipeline[0], pipeline[-1]
    (_, (imputer, scaler), numbers), (_, one_hot, texts) = encoder.transformers_[:2]
    unit = [{"mean": float(m), "scale": float(s)} for m, s in zip(scaler.mean_, scaler.scale_)]
    indicated = list(imputer.indicator_.features_) if imputer.add_indicator else []
    missing = {number: unit[len(numbers) + place] for place, number in enumerate(indicated)}
    levels = [[str(level) for level in known if level is not None and level == level] for known in one_hot.categories_]
    weights = [[*map(float, row), float(bias)] for row, bias in zip(regression.coef_, regression.intercept_)]
    if len(weights) == 1:  # log odds of the second of two classes: half for it, half against the first
        weights = [[-w / 2 for w in weights[0]], [w / 2 for w in weights[0]]]
    rows = [{"numSteps": 0, "learningRate": 0, "weights": [[-w for w in row]]} for row in weights]
    model = {"name": "LogisticRegression", "numSteps": 0, "learningRate": 0, "numberClasses": len(rows), "classifiers": rows}
    json.dump({"format": "cloud-runner/logistic-regression", "version": 1, "label": label,
               "classes": [str(name) for name in regression.classes_],
               "preprocessing": {
                   "numbers": [{"column": name, "transform": {"kind": "identity"}, "median": float(imputer.statistics_[i]),
                                **unit[i], "missing": missing.get(i)} for i, name in enumerate(numbers)],
                   "categories": [{"column": name, "levels": own, "pooled": False, "missing": len(own) < len(known)}
                                  for name, own, known in zip(texts, levels, one_hot.categories_)]},
               "model": model}, open(file, "w"), indent=2)
