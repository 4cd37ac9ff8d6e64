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

    def quantisation(self):
        """(input scale, input zero point, output scale, output zero point); int8 models only."""
        ends = (self.interpreter.get_input_details(0), self.interpreter.get_output_details(0))
        numbers = []
        for end in ends:
            q = end["quantization_parameters"]
            numbers += [float(q["scales"][0]), int(q["zero_points"][0])]
        return tuple(numbers)

    def run(self, rows):
        """The model's output for every row."""
        outputs = []
        for row in rows:
            self.interpreter.set_input(row[np.newaxis], 0)
            self.interpreter.invoke()
            outputs.append(self.interpreter.get_output(0)[0].copy())
        return np.stack(outputs)
