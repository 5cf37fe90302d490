; What only TypeScript's grammars have; ecma.scm stands before it.

(interface_body) @block
(enum_body) @block
(object_type) @block

(as_expression) @through
(satisfies_expression) @through
(non_null_expression) @through

(class_body (public_field_definition name: (_) @name value: (_) @bound) @binding.method)
(assignment_expression left: (non_null_expression) @name right: (_) @bound) @binding.function
(export_statement "=" @name . (_) @bound) @binding.function
(abstract_class_declaration name: (_) @name body: (_) @body) @definition.class
(interface_declaration name: (_) @name body: (_) @body) @definition.interface
(type_alias_declaration name: (_) @name) @definition.type
(enum_declaration name: (_) @name body: (_) @body) @definition.enum

; Overloads and what has no body: a signature is a chunk of its own.
(function_signature name: (_) @name) @definition.function
(class_body (method_signature name: (_) @name) @definition.method)
(class_body (abstract_method_signature name: (_) @name) @definition.method)

; Namespaces, and declarations without an implementation.
(module name: (_) @name body: (_)) @scope
(internal_module name: (_) @name body: (_)) @scope
(ambient_declaration (_ name: (_) @name)) @outer
(export_statement declaration: (ambient_declaration (_ name: (_) @name))) @outer
