"""The server of the usual tutorial, which serve.py measures: Flask, and ``model.predict`` for each request.

MODEL=model.keras flask --app benchmarks/_naive_server.py run
"""

import io
import os

import keras
import numpy as np
from flask import Flask, jsonify, request
from PIL import Image

app = Flask(__name__)
model = keras.models.load_model(os.environ["MODEL"])


@app.get("/")
def index():
    return "POST an image to /predict."


@app.post("/predict")
def predict():
    image = Image.open(io.BytesIO(request.data)).convert("RGB").resize((32, 32))
    x = np.expand_dims(np.asarray(image), axis=0)
    logits = model.predict(x)
    probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(logits))[0]
    return jsonify({"class": int(probabilities.argmax()), "probabilities": probabilities.tolist()})
