from bridge.errors import UsageError, words_of
from bridge.public.extras import pip_install
from bridge.suppress_output import quiet_libraries

try:
    with quiet_libraries():
        import keras as keras
except Exception as error:  # of an unknown backend Keras says so with a ValueError, or others
    raise UsageError(
        "Keras and a backend are needed for this",
        received=words_of(error),
        hint=f"{pip_install('keras')}; or its extra jax or torch, "
        "with KERAS_BACKEND=jax or torch in the environment",
    ) from error
