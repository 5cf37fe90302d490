; Python. worker/parse/syntax.h says what each capture stands for.

(comment) @comment
(decorator) @decorator

; Children of these are statements: borders at which a large definition may be cut.
(module) @block
(block) @block
(dictionary) @block
(list) @block

(function_definition name: (_) @name body: (_) @body) @definition.function
(class_definition name: (_) @name body: (_) @body) @definition.class
(assignment left: (identifier) @name right: (lambda body: (_) @body)) @definition.function
(type_alias_statement left: (type (identifier) @name)) @definition.type
(type_alias_statement left: (type (generic_type . (identifier) @name))) @definition.type

; What stands around a definition belongs to it.
(decorated_definition definition: (_ name: (_) @name)) @outer

; The first statement of a body documents the definition if it is a string:
; worker/parse/python_docstring.h decides.
(function_definition
  name: (_) @name
  body: (block . (comment)* . (expression_statement) @docstring))
(class_definition
  name: (_) @name
  body: (block . (comment)* . (expression_statement) @docstring))
(module . (comment)* . (expression_statement) @docstring)
