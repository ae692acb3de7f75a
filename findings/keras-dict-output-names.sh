#!/usr/bin/env bash
# output_names of a Keras model with a dict of outputs are not its keys, and not in its order.
#
# Expected: output_names are the dict's keys, in its order, as in model.output and what the model returns.
# Seen 2026-11-30 with keras 3.15.1, jax 0.10.2: output_names, and outputs, are in the order of the sorted
# keys, and the names are those of the layers. So dict(zip(model.output_names, model(x).values())) has
# scores under "boxes", and the reverse.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 keras==3.15.1 jax==0.10.2 scipy==1.17.1
cd "$work"
cat > names.py <<'PY'
import keras
import numpy as np

x = keras.Input((3,))
for layer_names in (("scores", "boxes"), ("first", "second")):
    scores, boxes = (
        keras.layers.Rescaling(factor, name=name)(x)
        for factor, name in zip((2, 7), layer_names, strict=True)
    )
    model = keras.Model(x, {"scores": scores, "boxes": boxes})
    results = model(np.ones((1, 3), np.float32))
    values = {name: float(y[0, 0]) for name, y in results.items()}
    zipped = dict(zip(model.output_names, values.values(), strict=True))
    print("returned:", values, " by output_names:", zipped)
    assert list(model.output) == list(results) == ["scores", "boxes"], "it changed"
    assert values == {"scores": 2, "boxes": 7}, "it changed"
    assert tuple(model.output_names) == layer_names[::-1], "it changed"
    assert [id(y) for y in model.outputs] == [id(boxes), id(scores)], "it changed"
PY
KERAS_BACKEND=jax env/bin/python names.py
echo "as seen"
