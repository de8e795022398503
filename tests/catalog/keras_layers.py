"""Prints keras_layers.txt: of every backbone, Keras' layers that have weights, in the order of `model.layers`.

    python3 -m venv /tmp/keras && /tmp/keras/bin/pip install tensorflow-cpu==2.12.1
    /tmp/keras/bin/python keras_layers.py > keras_layers.txt
"""
import textwrap

import tensorflow as tf

APPLICATIONS = {
    'mobilenet_v2': 'MobileNetV2',
    'inception_v3': 'InceptionV3',
    'resnet50': 'ResNet50',
    'vgg16': 'VGG16',
    'densenet121': 'DenseNet121',
    'efficientnet_v2_s': 'EfficientNetV2S',
    'xception': 'Xception',
    'inception_resnet_v2': 'InceptionResNetV2',
}

print(f'# By keras_layers.py with TensorFlow {tf.__version__}.')
for name, application in APPLICATIONS.items():
    tf.keras.backend.clear_session()
    model = getattr(tf.keras.applications, application)(weights=None, include_top=False)
    # EfficientNet's first layers rescale the images.
    layers = [layer.name for layer in model.layers if layer.weights]
    print(f'[{name}]')
    print(textwrap.fill(' '.join(layers), 110, break_long_words=False, break_on_hyphens=False))
