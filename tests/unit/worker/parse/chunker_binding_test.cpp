// What a name is bound to: functions, classes and objects, whatever stands between.

#include <catch2/catch.hpp>

#include <string>
#include <tuple>

#include "tests/unit/worker/parse/chunker_fixture.h"

using namespace forkdex;
using namespace forkdex::test;

namespace {

/// The kind and the qualified name of each definition, one a line.
std::string definitions(std::string_view path, std::string_view source) {
  std::string result;
  for (const Chunk& chunk : parsed(path, source).chunks) {
    if (chunk.qualified_name.empty()) continue;
    result += std::string(name(chunk.kind)) + ' ' + chunk.qualified_name + '\n';
  }
  return result;
}

}  // namespace

TEST_CASE("bindings: a value's own name goes before exports and default", "[parse]") {
  CHECK(definitions("a.js", "module.exports = class Store {\n  add() {}\n};\n") ==
        "class Store\nmethod Store.add\n");
  CHECK(definitions("a.js", "module.exports = function toMajor(a) {\n  return a;\n};\n") ==
        "function toMajor\n");
  CHECK(definitions("a.js", "exports = module.exports = function create() {\n  return 1;\n};\n") ==
        "function create\n");
  CHECK(definitions("a.mjs", "export default (class Printer {\n  print() {}\n});\n") ==
        "class Printer\nmethod Printer.print\n");
  CHECK(definitions("a.mjs", "export default memo(function Panel() {\n  return 1;\n});\n") ==
        "function Panel\n");
  CHECK(definitions("a.cts", "export = class Meter {\n  read() {}\n};\n") ==
        "class Meter\nmethod Meter.read\n");
  CHECK(definitions("a.cts", "export = () => 1;\n") == "function export=\n");
  CHECK(definitions("a.js", "module.exports = () => 1;\n") == "function module.exports\n");
  CHECK(definitions("a.js", "const fold = function foldLines() {\n  return 1;\n};\n") ==
        "function fold\n");
  CHECK(definitions("a.js", "const Invoice = class InvoiceRecord {\n  total() {}\n};\n") ==
        "class Invoice\nmethod Invoice.total\n");
}

TEST_CASE("bindings: a member's key is its name, whatever word it is", "[parse]") {
  for (const std::string key : {"class", "default", "exports", "function"}) {
    INFO(key);
    CHECK(definitions("a.js", "\n\nclass A {\n  " + key + "() {\n    return 1;\n  }\n}\n") ==
          "class A\nmethod A." + key + "\n");
    CHECK(definitions("a.js", "const o = {\n  " + key + ": function inner() {\n  },\n};\n") ==
          "function o." + key + "\n");
    CHECK(definitions("a.js", "class A {\n  static " + key + " = function inner() {\n  };\n}\n") ==
          "class A\nmethod A." + key + "\n");
  }
}

TEST_CASE("bindings: a chain of names is read in time that grows with it", "[parse]") {
  for (const std::string link : {"a=\n", "memo(a=\n"}) {
    std::string source;
    for (int i = 0; i < 9'000; ++i) source += link;
    Chunker chunker(count_words, {});
    CHECK(chunker.chunk("a.js", source + "function(){\n}").ok());
  }
}

TEST_CASE("bindings: a value is found behind what wraps it", "[parse]") {
  for (const std::string value :
       {"(() => {\n})", "memo(() => {\n})", "React.memo(forwardRef((props, ref) => {\n}))",
        "throttle(async () => {\n}, 60_000)", "function () {\n}.bind(this)",
        "x || function () {\n}", "x ?\? (() => {\n})", "x ? y : () => {\n}",
        "new Proxy(function () {\n}, {})", "await wrap(async () => {\n})", "(0, function () {\n})",
        "g ||= () => {\n}", "wrap(() => {\n})[0]", "styled(a)(() => {\n})",
        "compose(a, b)(function* () {\n})"}) {
    INFO(value);
    CHECK(definitions("a.js", "const f = " + value + ";\n") == "function f\n");
    CHECK(definitions("a.js", "a.f = " + value + ";\n") == "function a.f\n");
    CHECK(definitions("a.js", "class A { f = " + value + "; }\n") == "class A\nmethod A.f\n");
    CHECK(definitions("a.js", "const o = { f: " + value + " };\n") == "function o.f\n");
  }
  for (const std::string value :
       {"(() => {\n}) as Handler", "<Handler>(() => {\n})", "(() => {\n}) satisfies Handler",
        "(() => {\n})!", "wrap<A, B>((a: A) => {\n})", "(function (this: X) {\n}) as any as Y"}) {
    INFO(value);
    CHECK(definitions("a.ts", "const f = " + value + ";\n") == "function f\n");
    CHECK(definitions("a.ts", "export default " + value + ";\n") == "function default\n");
  }
}

TEST_CASE("bindings: a member on one line stays with the text around it", "[parse]") {
  CHECK(outline("a.js", "const o = { f: (x) => x.name, g: wrap(() => 1) };\nconst y = 2;\n") ==
        "module 1-2 @1\n");
  CHECK(outline("a.js", "export const f = dual(2, (x) => x.name);\nconst y = 2;\n") ==
        "function f 1-1 @1\nmodule 2-2 @2\n");
}

TEST_CASE("bindings: a condition, an operand and an element are not bound to the name", "[parse]") {
  CHECK(definitions("a.js", "const f = a.some(() => {\n  g();\n}) ? 1 : 2;\n").empty());
  CHECK(definitions("a.js", "const f = [() => {\n  g();\n}];\n").empty());
  CHECK(definitions("a.js", "const f = `${() => {\n  g();\n}}`;\n").empty());
  CHECK(definitions("a.js", "const f = !function () {\n  g();\n}();\n").empty());
}

TEST_CASE("bindings: an assignment names by its members and literal subscripts", "[parse]") {
  for (const auto& [target, name] : {std::pair{"G.prototype.reset", "G.prototype.reset"},
                                     {"G.prototype['reset']", "G.prototype.reset"},
                                     {"exports[\"read\"]", "exports.read"},
                                     {"window['a'].b", "window.a.b"},
                                     {"handlers[404]", "handlers.404"},
                                     {"this.run", "this.run"},
                                     {"a\n  .b", "a.b"}}) {
    INFO(target);
    for (const std::string op : {" = ", " ||= ", " ?\?= ", " &&= "}) {
      CHECK(definitions("a.js", target + op + "function () {\n  return 1;\n};\n") ==
            "function " + std::string(name) + "\n");
    }
  }
  CHECK(definitions("a.ts", "(window as any).start = () => {\n};\n") == "function window.start\n");
  CHECK(definitions("a.ts", "a!.b = () => {\n};\n") == "function a.b\n");
  CHECK(definitions("a.js", "handlers[kind] = function () {\n};\n").empty());
  CHECK(definitions("a.js", "f += function () {\n};\n").empty());
  CHECK(only("a.js", "exports['read'] = () => 1;", "exports.read").name == "read");
  CHECK(only("a.js", "a.b = c.d = () => {\n};", "a.b").source == "a.b = c.d = () => {\n};");
}

TEST_CASE(
    "bindings: what is assigned to in parentheses, casts and comments has the name of its "
    "members",
    "[parse]") {
  for (const auto& [target, name] : {std::pair{"(<any>w).f", "w.f"},
                                     {"(a.b as any).c", "a.b.c"},
                                     {"((w as any)).d", "w.d"},
                                     {"(w!).e", "w.e"},
                                     {"(w as any)!.f", "w.f"},
                                     {"(w as unknown as { f: () => void }).f", "w.f"},
                                     {"(w as Map<string, (a: A) => B>)['f']", "w.f"},
                                     {"(<any><unknown>w).a.b", "w.a.b"},
                                     {"((<any>w).a as B).b", "w.a.b"},
                                     {"(window as typeof window & { 'a)': 1 }).f", "window.f"},
                                     {"(this.a satisfies B).c", "this.a.c"},
                                     {"( w\n  as any )\n  .f", "w.f"},
                                     {"(/* don't (( */ w as any).f", "w.f"},
                                     {"(w as any) = (w as any)", "w"},
                                     {"(w as any).f", "w.f"},
                                     {"w!", "w"},
                                     {"(w)", "w"}}) {
    INFO(target);
    const std::string source = std::string(target) + " = function () {\n  return 1;\n};\n";
    CHECK(definitions("a.ts", source) == "function " + std::string(name) + "\n");
  }
  CHECK(definitions("a.js", "(/** @type {any} */ (window)).f = function () {\n};\n") ==
        "function window.f\n");
  CHECK(definitions("a.js", "/** @type {any} */ (window).f = () => 1;\n") == "function window.f\n");
  CHECK(definitions("a.ts", "(w as any).f ||= class {\n  m() {}\n};\n") ==
        "class w.f\nmethod w.f.m\n");
  // What is no chain of members is called what is written.
  CHECK(definitions("a.js", "(a || b).f = function () {\n};\n") == "function (a || b).f\n");
  CHECK(definitions("a.js", "(a < b).f = function () {\n};\n") == "function (a < b).f\n");
  CHECK(definitions("a.js", "f().g = function () {\n};\n") == "function f().g\n");
}

TEST_CASE("bindings: an object names its members at any depth", "[parse]") {
  CHECK(definitions("a.js", R"(const resolvers = {
  Query: {
    parcel: async (_, { number }) => {
      return number;
    },
    depots(_, args) {
      return args;
    },
  },
  'Mutation': { reroute: wrap(async () => {
    return true;
  }) },
};
)") == "function resolvers.Query.parcel\nmethod resolvers.Query.depots\n"
       "function resolvers.Mutation.reroute\n");
  CHECK(definitions("a.js", R"(export default {
  methods: {
    async refresh() {
      return 1;
    },
  },
};
)") == "method default.methods.refresh\n");
  CHECK(definitions("a.ts", R"(export const jobSlice = createSlice({
  reducers: {
    jobFinished(state, action) {
      state.done = 1;
    },
  },
} as const);
)") == "method jobSlice.reducers.jobFinished\n");
  CHECK(definitions("a.js", R"(app.component('x', {
  setup() {
    return 1;
  },
});
)") == "method setup\n");
  CHECK(definitions("a.js", R"(class A {
  static handlers = {
    onClick() {
      return 1;
    },
  };
}
)") == "class A\nmethod A.handlers.onClick\n");
}

TEST_CASE("bindings: what a function returns is named by it when the function is cut", "[parse]") {
  std::string source = "export const useJobs = create((set, get) => ({\n  queue: [],\n";
  for (const std::string member : {"retryJob", "dropJob"}) {
    source += "  " + member + ": (id) => {\n";
    for (int i = 0; i < 6; ++i) source += "    set({ queue: [...get().queue, id, 1, 2, 3] });\n";
    source += "  },\n";
  }
  source += "}));\n";
  CHECK(definitions("a.js", source) ==
        "function useJobs\nfunction useJobs.retryJob\nfunction useJobs.dropJob\n");
}

TEST_CASE("bindings: a class that is given to a call is a class", "[parse]") {
  CHECK(outline("a.js", R"(/** A button. */
customElements.define('count-button', class extends HTMLElement {
  connectedCallback() {
    this.bump();
  }
});
)") == "class class@2 1-2 @2\nmethod class@2.connectedCallback 3-6 @3\n");
  CHECK(definitions("a.js", "register(class Box {\n  open() {}\n});\n") ==
        "class Box\nmethod Box.open\n");
  CHECK(definitions("a.js", "export const D = mixin(class Box {\n  open() {}\n});\n") ==
        "class D\nmethod D.open\n");
  CHECK(definitions("a.js", "const r = {\n  Meter: class {\n    read() {}\n  },\n};\n") ==
        "class r.Meter\nmethod r.Meter.read\n");
  CHECK(definitions("a.js", "const h = (B) => class extends B {\n  undo() {}\n};\n") ==
        "function h\n");
  CHECK(definitions("a.js", "emitter.on('x', function onX() {\n  g();\n});\n") == "function onX\n");
  CHECK(definitions("a.js", "emitter.on('x', function () {\n  g();\n});\n").empty());
}

TEST_CASE("bindings: a class that stands beside the value of a name is no member of it",
          "[parse]") {
  const std::string one = "class {\n  a() {}\n}";
  const std::string two = "class {\n  b() {}\n}";
  for (const auto& [before, between, after] :
       {std::tuple{"const X = cond ? ", " : ", ";\n"},
        {"const X = mixin(", ", ", ");\n"},
        {"let X = outer(inner(", "), inner(", "));\n"},
        {"X = ", " || ", ";\n"},
        {"export const X = c ? ", " : d ? null : ", ";\n"}}) {
    INFO(before << between);
    CHECK(definitions("a.js", before + one + between + two + after) ==
          "class X\nmethod X.a\nclass class@3\nmethod class@3.b\n");
  }
  CHECK(definitions("a.js", "mixin(" + one + ", " + two + ");\n") ==
        "class class@1\nmethod class@1.a\nclass class@3\nmethod class@3.b\n");
  CHECK(
      definitions("a.js", "export default c ? class A {\n  a() {}\n} : class B {\n  b() {}\n};") ==
      "class A\nmethod A.a\nclass B\nmethod B.b\n");
  CHECK(definitions("a.js", "class A {\n  static X = c ? " + one + " : " + two + ";\n}\n") ==
        "class A\nclass A.X\nmethod A.X.a\nclass A.class@4\nmethod A.class@4.b\n");
  CHECK(definitions("a.js", "const o = {\n  X: c ? " + one + " : " + two + ",\n};\n") ==
        "class o.X\nmethod o.X.a\nclass o.class@4\nmethod o.class@4.b\n");
  // What stands in the value is its own.
  CHECK(definitions("a.js",
                    "const X = mixin(class {\n  static Y = class B {\n    b() {}\n  };\n});") ==
        "class X\nclass X.Y\nmethod X.Y.b\n");
  // An object beside the value is what the name is bound to, too.
  CHECK(definitions("a.js", "const X = mixin(" + one + ", {\n  b() {\n  },\n});\n") ==
        "class X\nmethod X.a\nmethod X.b\n");
}

TEST_CASE("bindings: a default of what is taken apart is bound to its name", "[parse]") {
  for (const std::string f : {"() => {\n  g();\n}", "memo(function () {\n})", "() => 1"}) {
    INFO(f);
    for (const auto& [before, after] : {std::pair{"const { a = ", " } = x;"},
                                        {"const {\n  b,\n  c = 1,\n  a = ", ",\n  d,\n} = x();"},
                                        {"let { b: a = ", " } = x;"},
                                        {"var [a = ", "] = x;"},
                                        {"export const { b, a = ", ", ...c } = x;"},
                                        {"const { b: { a = ", " } } = x;"},
                                        {"const { b: [c, a = ", "] } = x;"},
                                        {"const [{ a = ", " }] = x;"},
                                        {"const { b: { c: a = ", " } } = x;"},
                                        {"({ a = ", " } = x);"},
                                        {"[a = ", "] = x;"}}) {
      INFO(before);
      const std::string source = before + f + after;
      for (const std::string path : {"a.js", "a.ts"}) {
        const auto chunks = parsed(path, source).chunks;
        REQUIRE(chunks.size() == 1);
        CHECK(chunks[0].qualified_name == "a");
        CHECK(chunks[0].source == source);
      }
    }
  }
  CHECK(definitions("a.js", "const { a = class {\n  m() {}\n}, b = { n() {\n} } } = x;") ==
        "class a\nmethod a.m\nmethod b.n\n");
  CHECK(definitions("a.js", "const { a = 1, b = {}, c = [] } = x;").empty());
  // A parameter's default is its function's.
  CHECK(outline("a.js", "function f({ a = () => {\n}, b }, c = () => {\n}) {\n}\n") ==
        "function f 1-4 @1\n");
}

TEST_CASE("bindings: subscripts that say what they are name an assignment", "[parse]") {
  for (const std::string path : {"a.js", "a.ts"}) {
    for (const auto& [target, name] :
         {std::pair{"A.prototype[Symbol.iterator]", "A.prototype[Symbol.iterator]"},
          {"A[Symbol.asyncIterator]", "A[Symbol.asyncIterator]"},
          {"A[ Symbol.iterator ].b", "A[ Symbol.iterator ].b"},
          {"handlers[Events.OPEN]", "handlers[Events.OPEN]"},
          {"x[`y`]", "x.y"},
          {"x[`y`].z", "x.y.z"},
          {"exports[`a-b`]", "exports.a-b"}}) {
      INFO(target);
      CHECK(definitions(path, std::string(target) + " = function () {\n};\n") ==
            "function " + std::string(name) + "\n");
    }
    CHECK(definitions(path, "x[`a${b}`] = function () {\n};\n").empty());
    for (const std::string key : {"y", "y.z", "this.key", "y().z", "_y.z"}) {
      INFO(key);
      CHECK(definitions(path, "x[" + key + "] = function () {\n};\n").empty());
      CHECK(definitions(path, "x[" + key + "] = {\n  m() {\n  },\n};\n") == "method m\n");
    }
    CHECK(definitions(path, "const o = { [`y`]: () => {\n}, [`a${b}`]: () => {\n} };\n") ==
          "function o.y\nfunction o.[`a${b}`]\n");
    CHECK(definitions(path, "class A {\n  [`y`]() {}\n  ['z']() {}\n}\n") ==
          "class A\nmethod A.y\nmethod A.z\n");
  }
  CHECK(only("a.js", "A.prototype[Symbol.iterator] = function* () {\n};",
             "A.prototype[Symbol.iterator]")
            .name == "[Symbol.iterator]");
}

TEST_CASE("bindings: in a static block `this` is the class", "[parse]") {
  CHECK(definitions("a.js", "class A {\n  static {\n    this.x = function () {};\n  }\n}\n") ==
        "class A\nmethod A.x\n");
  CHECK(definitions("a.js",
                    "class A {\n  static {\n    if (y) {\n      this.x.z = () => {};\n    }\n"
                    "    this['w'] = class {\n      m() {}\n    };\n  }\n}\n") ==
        "class A\nmethod A.x.z\nclass A.w\nmethod A.w.m\n");
  CHECK(
      definitions("a.js", "const B = class {\n  static {\n    this.x ?\?= () => {};\n  }\n};\n") ==
      "class B\nmethod B.x\n");
  CHECK(definitions("a.js", "this.x = function () {};\n") == "function this.x\n");
}

TEST_CASE("bindings: elements of a list are no members of what the list stands in", "[parse]") {
  const std::string elements =
      "[\n  { load() {\n    a();\n  } },\n  { load: () => {\n    b();\n  } },\n]";
  const std::string two = "method load\nfunction load\n";
  CHECK(definitions("a.js", "const o = { routes: " + elements + " };\n") == two);
  CHECK(definitions("a.js", "const o = { a: { b: " + elements + " } };\n") == two);
  CHECK(definitions("a.js", "const o = { routes: wrap(" + elements + ") };\n") == two);
  CHECK(definitions("a.js", "export default { routes: [" + elements + "] };\n") == two);
  CHECK(definitions("a.ts", "export const o = { routes: " + elements + " as const };\n") == two);
  CHECK(definitions("a.js", "class A {\n  static routes = " + elements + ";\n}\n") ==
        "class A\n" + two);
  CHECK(definitions("a.js", "const o = { list: [{ a: { load() {\n} } }], b() {\n} };\n") ==
        "method a.load\nmethod o.b\n");
  CHECK(definitions("a.js", "const o = { list: [class B {\n  m() {}\n}] };\n") ==
        "class B\nmethod B.m\n");
  CHECK(definitions("a.js", "const o = { list: [1], a: { b() {\n} } };\n") == "method o.a.b\n");
}

TEST_CASE("bindings: no fragment of a statement is a chunk", "[parse]") {
  CHECK(outline("a.js", "let a, f = function () {\n  return a;\n}, b;\n") == "function f 1-3 @1\n");
  CHECK(outline("a.js",
                "/** About both. */\nvar a,\n    b = 2,\n    f = () => 1,\n    g = () => 2;\n") ==
        "function f 1-4 @4\nfunction g 5-5 @5\n");
  CHECK(outline("a.js", "x = 1;\nmodule.exports = {\n  grow() {\n    return 1;\n  },\n};\n") ==
        "module 1-1 @1\nmethod module.exports.grow 2-6 @3\n");
  CHECK(outline("a.js", "module.exports.grow = module.exports.more = function grow() {\n};\n") ==
        "function module.exports.grow 1-2 @1\n");
  CHECK(outline("a.js",
                "/** Both. */\nconst r = {\n  Query: {\n    a() {\n      return 1;\n    },\n  "
                "},\n};\n") == "method r.Query.a 1-8 @4\n");
}
