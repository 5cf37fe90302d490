#pragma once

// Signals counted as they come, for code that waits outside the event loop: the loop learns of a
// signal only when it turns.

namespace forkdex {

/// From now on `signal` is counted before the handler it has at this moment runs. The third one of
/// any that are counted ends the process at once by its default action: whatever it waits for.
/// REQUIRES a handler; THREAD the main one.
void count_signal(int signal);

/// Signals counted so far.
int signals_seen();

/// The last of them; 0 for none.
int last_signal();

/// Dies of `signal`, having written what standard streams hold; as PID 1, which signals do not end
/// by default, gives the status that a shell would report.
int end_by(int signal);

}  // namespace forkdex
