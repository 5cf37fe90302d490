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

; Functions and classes bound to a name.
(variable_declarator
  name: (identifier) @name
  value: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
    (generator_function body: (_) @body)
  ]) @definition.function
(variable_declarator name: (identifier) @name value: (class body: (_) @body)) @definition.class
(assignment_expression
  left: [(identifier) (member_expression)] @name
  right: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
    (generator_function body: (_) @body)
  ]) @definition.function
(assignment_expression
  left: [(identifier) (member_expression)] @name
  right: (class body: (_) @body)) @definition.class
(export_statement
  "default" @name
  value: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
    (generator_function body: (_) @body)
  ]) @definition.function
(export_statement "default" @name value: (class body: (_) @body)) @definition.class

; Object literals bound to a name: the name is a scope, its functions are definitions.
(variable_declarator name: (identifier) @name value: (object)) @scope
(assignment_expression left: [(identifier) (member_expression)] @name right: (object)) @scope
(export_statement "default" @name value: (object)) @scope
(variable_declarator
  value: (object (method_definition name: (_) @name body: (_) @body) @property.method))
(variable_declarator
  value: (object
    (pair
      key: (_) @name
      value: [
        (arrow_function body: (_) @body)
        (function_expression body: (_) @body)
        (generator_function body: (_) @body)
      ]) @property.function))
(assignment_expression
  right: (object (method_definition name: (_) @name body: (_) @body) @property.method))
(assignment_expression
  right: (object
    (pair
      key: (_) @name
      value: [
        (arrow_function body: (_) @body)
        (function_expression body: (_) @body)
        (generator_function body: (_) @body)
      ]) @property.function))
(export_statement
  value: (object (method_definition name: (_) @name body: (_) @body) @property.method))
(export_statement
  value: (object
    (pair
      key: (_) @name
      value: [
        (arrow_function body: (_) @body)
        (function_expression body: (_) @body)
        (generator_function body: (_) @body)
      ]) @property.function))

; What stands around a definition belongs to it: `export`, `const`, the closing semicolon.
(export_statement declaration: (_ name: (_) @name)) @outer
(export_statement declaration: (_ . (variable_declarator name: (_) @name))) @start
(export_statement declaration: (_ (variable_declarator name: (_) @name) .)) @end
(lexical_declaration . (variable_declarator name: (_) @name)) @start
(lexical_declaration (variable_declarator name: (_) @name) .) @end
(variable_declaration . (variable_declarator name: (_) @name)) @start
(variable_declaration (variable_declarator name: (_) @name) .) @end
(expression_statement (assignment_expression left: (_) @name)) @outer
