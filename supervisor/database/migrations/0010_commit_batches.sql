-- Counts the batches of commits that were ever written. A walk that ends compares it with what it saw
-- as it began: only where nobody else wrote meanwhile is every commit one that it knows of.

ALTER TABLE forkdex.repositories ADD COLUMN commit_batches bigint NOT NULL DEFAULT 0;
