#pragma once

namespace forkdex {

/// Opens /dev/null under each of the descriptors 0, 1 and 2 that this process was started without,
/// so that no file or socket opened later has such a number and is taken for standard input, output
/// or error. What reads or writes them fails as on a closed descriptor (EBADF): standard input is
/// opened for writing only, the other two for reading only. Ends the process with status 70 where
/// nothing can be opened. REQUIRES to be called before anything else opens a descriptor.
void open_missing_streams();

}  // namespace forkdex
