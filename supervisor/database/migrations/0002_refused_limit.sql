-- A file refused by a limit is tried again once the limit is higher: which one it was.

ALTER TABLE forkdex.files ADD COLUMN refused_limit bigint;  -- seconds (timed_out), bytes (out_of_memory)
