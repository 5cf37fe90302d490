-- The model that every chunk has its text view's vector of. As with code_model: null while that is
-- not known, 0 where the view is switched off.

ALTER TABLE forkdex.repositories ADD COLUMN text_model integer;
