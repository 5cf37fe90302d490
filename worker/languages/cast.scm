; What TypeScript's grammar has and TSX's has not: there `<T>x` would begin an element.

(type_assertion) @through
