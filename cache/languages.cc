#include "cache/languages.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/text.h"

namespace reposfs {
namespace {

struct Known {
  std::string_view key;
  std::string_view language;
};

// Whole names, in lower case and in order.
constexpr Known kNames[] = {
    {"build", "Starlark"},           {"build.bazel", "Starlark"},    {"cmakelists.txt", "CMake"},
    {"containerfile", "Dockerfile"}, {"dockerfile", "Dockerfile"},   {"gemfile", "Ruby"},
    {"gnumakefile", "Makefile"},     {"jenkinsfile", "Groovy"},      {"justfile", "Just"},
    {"kbuild", "Makefile"},          {"kconfig", "Kconfig"},         {"makefile", "Makefile"},
    {"meson.build", "Meson"},        {"meson_options.txt", "Meson"}, {"rakefile", "Ruby"},
    {"vagrantfile", "Ruby"},         {"workspace", "Starlark"},
};

// What follows the last dot, in lower case and in order.
constexpr Known kEndings[] = {
    {"ada", "Ada"},
    {"adb", "Ada"},
    {"adoc", "AsciiDoc"},
    {"ads", "Ada"},
    {"am", "Makefile"},
    {"asciidoc", "AsciiDoc"},
    {"asm", "Assembly"},
    {"awk", "Awk"},
    {"bash", "Shell"},
    {"bat", "Batch"},
    {"bzl", "Starlark"},
    {"c", "C"},
    {"c++", "C++"},
    {"cc", "C++"},
    {"cl", "OpenCL"},
    {"clj", "Clojure"},
    {"cljs", "Clojure"},
    {"cmake", "CMake"},
    {"coffee", "CoffeeScript"},
    {"cpp", "C++"},
    {"cr", "Crystal"},
    {"cs", "C#"},
    {"css", "CSS"},
    {"cu", "CUDA"},
    {"cxx", "C++"},
    {"d", "D"},
    {"dart", "Dart"},
    {"dts", "Device tree"},
    {"dtsi", "Device tree"},
    {"el", "Emacs Lisp"},
    {"elm", "Elm"},
    {"erb", "HTML"},
    {"erl", "Erlang"},
    {"ex", "Elixir"},
    {"exs", "Elixir"},
    {"f", "Fortran"},
    {"f90", "Fortran"},
    {"fish", "Shell"},
    {"fs", "F#"},
    {"glsl", "GLSL"},
    {"go", "Go"},
    {"gradle", "Groovy"},
    {"graphql", "GraphQL"},
    {"groovy", "Groovy"},
    {"h", "C"},
    {"h++", "C++"},
    {"hcl", "HCL"},
    {"hh", "C++"},
    {"hpp", "C++"},
    {"hs", "Haskell"},
    {"htm", "HTML"},
    {"html", "HTML"},
    {"hxx", "C++"},
    {"ipynb", "Jupyter"},
    {"java", "Java"},
    {"jl", "Julia"},
    {"js", "JavaScript"},
    {"json", "JSON"},
    {"jsx", "JavaScript"},
    {"kt", "Kotlin"},
    {"kts", "Kotlin"},
    {"less", "CSS"},
    {"lisp", "Common Lisp"},
    {"lua", "Lua"},
    {"m", "Objective-C"},
    {"m4", "M4"},
    {"mak", "Makefile"},
    {"markdown", "Markdown"},
    {"md", "Markdown"},
    {"mjs", "JavaScript"},
    {"mk", "Makefile"},
    {"ml", "OCaml"},
    {"mli", "OCaml"},
    {"mm", "Objective-C++"},
    {"nim", "Nim"},
    {"nix", "Nix"},
    {"pas", "Pascal"},
    {"perl", "Perl"},
    {"php", "PHP"},
    {"pl", "Perl"},
    {"pm", "Perl"},
    {"proto", "Protocol Buffers"},
    {"ps1", "PowerShell"},
    {"py", "Python"},
    {"pyi", "Python"},
    {"pyx", "Cython"},
    {"r", "R"},
    {"rb", "Ruby"},
    {"rs", "Rust"},
    {"rst", "reStructuredText"},
    {"s", "Assembly"},
    {"sass", "CSS"},
    {"scala", "Scala"},
    {"scm", "Scheme"},
    {"scss", "CSS"},
    {"sh", "Shell"},
    {"sol", "Solidity"},
    {"sql", "SQL"},
    {"sv", "SystemVerilog"},
    {"svelte", "Svelte"},
    {"swift", "Swift"},
    {"t", "Perl"},
    {"tcl", "Tcl"},
    {"tex", "TeX"},
    {"tf", "HCL"},
    {"toml", "TOML"},
    {"ts", "TypeScript"},
    {"tsx", "TypeScript"},
    {"v", "Verilog"},
    {"vala", "Vala"},
    {"vb", "Visual Basic"},
    {"vhd", "VHDL"},
    {"vhdl", "VHDL"},
    {"vim", "Vim script"},
    {"vue", "Vue"},
    {"wat", "WebAssembly"},
    {"xml", "XML"},
    {"yaml", "YAML"},
    {"yml", "YAML"},
    {"zig", "Zig"},
    {"zsh", "Shell"},
};

constexpr bool InOrder(const auto& table) {
  return std::is_sorted(std::begin(table), std::end(table),
                        [](const Known& a, const Known& b) { return a.key < b.key; });
}
static_assert(InOrder(kNames) && InOrder(kEndings));

std::string_view Find(const auto& table, std::string_view key) {
  const auto found = std::lower_bound(
      std::begin(table), std::end(table), key,
      [](const Known& known, std::string_view wanted) { return known.key < wanted; });
  return found != std::end(table) && found->key == key ? found->language : std::string_view();
}

}  // namespace

std::string_view LanguageOf(std::string_view path) {
  constexpr std::size_t kNameMaxBytes = 64;
  std::string_view name = path.substr(path.rfind('/') + 1);
  if (name.size() > kNameMaxBytes) name.remove_prefix(name.size() - kNameMaxBytes);
  const std::string lower = AsciiLower(name);
  if (const auto language = Find(kNames, lower); !language.empty()) return language;
  // Of a group of files: Makefile.am, Kconfig.debug, Dockerfile.test.
  const std::size_t first_dot = lower.find('.');
  if (first_dot != std::string::npos && first_dot > 0) {
    const auto language = Find(kNames, lower.substr(0, first_dot));
    if (!language.empty() && language != "Starlark") return language;
  }
  const std::size_t dot = lower.rfind('.');
  if (dot == std::string::npos) return {};
  return Find(kEndings, lower.substr(dot + 1));
}

}  // namespace reposfs
