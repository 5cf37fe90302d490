"""Where a benchmark that runs a server keeps everything it makes."""

import contextlib
import shutil
import signal
import sys
import tempfile
from pathlib import Path


@contextlib.contextmanager
def bench_folder(name):
    """A folder under TMPDIR that goes with the block, however that ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))  # cleans up behind it
    folder = Path(tempfile.mkdtemp(prefix=f"forkdex-{name}-"))
    try:
        folder.chmod(0o711)  # the server may be another user's
        yield folder
    finally:
        shutil.rmtree(folder)
