"""TFLite Micro as the reference: runs a .tflite over inputs one at a time, as a device would.

Source: the tflite-micro wheel pinned in requirements.txt (its portable reference kernels).
Does not model: time, memory, or the optimised CMSIS-NN kernels.
Tested by: check.py.
"""

import numpy as np
import tflite_micro


class Model:
    """A .tflite file with batch 1 in TFLite Micro's interpreter: (n, ...) in, (n, ...) out, in the model's own types."""

    def __init__(self, path):
        self.interpreter = tflite_micro.runtime.Interpreter.from_file(str(path))

    def output_quantisation(self):
        """(output scale, output zero point)."""
        q = self.interpreter.get_output_details(0)["quantization_parameters"]
        return float(q["scales"][0]), int(q["zero_points"][0])

    def run(self, rows, reset=True):
        """The model's output for every row.

        An LSTM's state lives in variable tensors, which TFLite Micro keeps from one call to the next. Every sentence
        has to start from zero, so they are reset before each row unless told otherwise.
        """
        outputs = []
        for row in rows:
            if reset:
                self.interpreter.reset()
            self.interpreter.set_input(row[np.newaxis], 0)
            self.interpreter.invoke()
            outputs.append(self.interpreter.get_output(0)[0].copy())
        return np.stack(outputs)
