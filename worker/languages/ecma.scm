; What JavaScript and TypeScript have in common. worker/parse/syntax.h says what each capture
; stands for.

(comment) @comment
(decorator) @decorator

; Children of these are statements: borders at which a large definition may be cut.
(program) @block
(statement_block) @block
(class_body) @block
(switch_body) @block
(switch_case) @block
(switch_default) @block
(object) @block
(array) @block

; Functions and classes by declaration.
(function_declaration name: (_) @name body: (_) @body) @definition.function
(generator_function_declaration name: (_) @name body: (_) @body) @definition.function
(class_declaration name: (_) @name body: (_) @body) @definition.class

; Members of a class, and methods of an object literal that is bound to a name.
(class_body (method_definition name: (_) @name body: (_) @body) @definition.method)

; What a name can be bound to, and what may stand between the two.
(arrow_function) @value.function
(function_expression) @value.function
(generator_function) @value.function
(class) @value.class
(object) @value.object
(parenthesized_expression) @through
(await_expression) @through
(binary_expression) @through
(ternary_expression) @through
(sequence_expression) @through
(assignment_expression) @through
(augmented_assignment_expression) @through
(member_expression) @through
(subscript_expression) @through
(arguments) @through
(call_expression) @through
(new_expression) @through

; Functions, classes and objects bound to a name.
(variable_declarator name: (identifier) @name value: (_) @bound) @binding.function
(assignment_expression
  left: [
    (identifier)
    (member_expression)
    (subscript_expression index: [(string) (number) (member_expression)])
    (subscript_expression index: (template_string "`" . (string_fragment) . "`"))
    (parenthesized_expression)
  ] @name
  right: (_) @bound) @binding.function
(augmented_assignment_expression
  left: [
    (identifier)
    (member_expression)
    (subscript_expression index: [(string) (number) (member_expression)])
    (subscript_expression index: (template_string "`" . (string_fragment) . "`"))
    (parenthesized_expression)
  ] @name
  operator: ["||=" "??=" "&&="]
  right: (_) @bound) @binding.function

; Defaults of what is taken apart: `const { f = () => {} } = x`, at two depths.
(variable_declarator name: (_ [
  (object_assignment_pattern left: (_) @name right: (_) @bound) @binding.function
  (assignment_pattern left: (identifier) @name right: (_) @bound) @binding.function
  (pair_pattern
    value: (assignment_pattern left: (identifier) @name right: (_) @bound)) @binding.function
]))
(variable_declarator name: (_ [
  (pair_pattern value: (_ [
    (object_assignment_pattern left: (_) @name right: (_) @bound) @binding.function
    (assignment_pattern left: (identifier) @name right: (_) @bound) @binding.function
    (pair_pattern
      value: (assignment_pattern left: (identifier) @name right: (_) @bound)) @binding.function
  ]))
  (array_pattern
    (assignment_pattern left: (identifier) @name right: (_) @bound) @binding.function)
  (object_pattern
    (object_assignment_pattern left: (_) @name right: (_) @bound) @binding.function)
]))
(assignment_expression left: (_ [
  (object_assignment_pattern left: (_) @name right: (_) @bound) @binding.function
  (assignment_pattern left: (identifier) @name right: (_) @bound) @binding.function
  (pair_pattern
    value: (assignment_pattern left: (identifier) @name right: (_) @bound)) @binding.function
]))
(export_statement "default" @name value: (_) @bound) @binding.function

; Elements of a list are no members of what that stands in.
(array) @elements

; An object's members, wherever it stands.
(object (method_definition name: (_) @name body: (_) @body) @property.method)
(pair key: (_) @name value: (_) @bound) @member.function

; What a call is given: a class, or a function with a name of its own.
(expression_statement
  (call_expression arguments: (arguments "(" @name)) @bound) @call.function
(function_expression name: (_) @name) @bound @member.function
(generator_function name: (_) @name) @bound @member.function
(class name: (_) @name) @bound @member.function
(class !name "class" @name) @bound @member.function

; What stands around a definition belongs to it: `export`, `const`, the closing semicolon.
(export_statement declaration: (_ name: (_) @name)) @outer
(export_statement declaration: (_ . (variable_declarator name: (_) @name))) @start
(export_statement declaration: (_ (variable_declarator name: (_) @name) .)) @end
(lexical_declaration . (variable_declarator name: (_) @name)) @start
(lexical_declaration (variable_declarator name: (_) @name) .) @end
(variable_declaration . (variable_declarator name: (_) @name)) @start
(variable_declaration (variable_declarator name: (_) @name) .) @end
(expression_statement (assignment_expression left: (_) @name)) @outer
(expression_statement (augmented_assignment_expression left: (_) @name)) @outer
(lexical_declaration (variable_declarator name: (_) @name)) @statement
(variable_declaration (variable_declarator name: (_) @name)) @statement
(export_statement declaration: (_ (variable_declarator name: (_) @name))) @statement
(lexical_declaration (variable_declarator name: (_ [
  (object_assignment_pattern left: (_) @name)
  (assignment_pattern left: (identifier) @name)
  (pair_pattern value: (assignment_pattern left: (identifier) @name))
]))) @statement
(variable_declaration (variable_declarator name: (_ [
  (object_assignment_pattern left: (_) @name)
  (assignment_pattern left: (identifier) @name)
  (pair_pattern value: (assignment_pattern left: (identifier) @name))
]))) @statement
(export_statement declaration: (_ (variable_declarator name: (_ [
  (object_assignment_pattern left: (_) @name)
  (assignment_pattern left: (identifier) @name)
  (pair_pattern value: (assignment_pattern left: (identifier) @name))
])))) @statement
