-- The head whose history begins with root_commit: from a later one only what is new is looked at.

ALTER TABLE forkdex.repositories ADD COLUMN root_commit_head text;
