; What only JavaScript's grammar has; ecma.scm stands before it.

(class_body (field_definition property: (_) @name value: (_) @bound) @binding.method)
