"""Opens an event file with TensorBoard's own reader and compares it with what was written.

    pip install tensorboard
    cargo run --release -p marque-events --example curves -- FOLDER
    python crates/events/tests/read_with_tensorboard.py FOLDER

The example writes `curve/square` = step² / 7 and `curve/root` = √step for steps 1 to 500.
"""

import sys
from pathlib import Path

import numpy as np
import tensorboard
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

folder = Path(sys.argv[1])
file = next(folder.glob("*tfevents*"))
events = list(EventFileLoader(str(file)).Load())
assert events[0].file_version == "brain.Event:2", events[0]
accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0})
accumulator.Reload()
curves = {"curve/square": lambda step: step * step / 7, "curve/root": np.sqrt}
assert sorted(accumulator.Tags()["scalars"]) == sorted(curves), accumulator.Tags()
for tag, value in curves.items():
    read = accumulator.Scalars(tag)
    assert [event.step for event in read] == list(range(1, 501)), tag
    assert all(event.wall_time == 1.7e9 for event in read), tag
    assert all(np.float32(event.value) == np.float32(value(float(event.step))) for event in read), tag
    print(f"{tag}: {len(read)} values, all equal")
print(f"TensorBoard {tensorboard.__version__} read {len(events)} events of {file.name}")
