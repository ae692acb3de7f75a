from bridge.silence import silent_libraries

with silent_libraries():
    import keras as keras
