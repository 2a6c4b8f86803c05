// What the world can do to a call: a value, or an Error that says why there is none.
//
// A `Result<T>` carries either.  It is [[nodiscard]], so dropping an error does not compile; its
// member names are those of std::expected, which shall replace it when every supported compiler
// has one.  Errors are values: they are returned or logged, never both, and never thrown.
//
// Thread-safety: a Result is as safe as the value in it.
#pragma once

#include <cassert>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace reposfs {

// One code for each decision that a caller can make.
enum class Errc {
  kNotFound,         // It does not exist, and asking again soon will not help.
  kAccessDenied,     // Credentials are missing or were refused.
  kUnreachable,      // The other side can't be reached, or is broken for now.
  kTimedOut,         // The other side was too slow.
  kNoSpace,          // The quota or the disk has no room for it.
  kCorrupt,          // Bytes on disk are not what they should be.
  kStale,            // The name leads elsewhere by now: who asks for it again finds what is there.
  kUnsupported,      // It exists, but this program can't serve it.
  kInvalidArgument,  // The caller, or a user through it, asked for nonsense.
  kInterrupted,      // The caller went away, or the program is stopping.
  kIo,               // The operating system failed us in any other way.
};

// The name of `code` as logs and JSON show it, for example "not-found".
std::string_view ErrcName(Errc code);
// The code of such a name; kIo if there is none.
Errc ErrcOfName(std::string_view name);

struct [[nodiscard]] Error {
  Errc code;
  std::string message;
  // The other side asks to be left alone for so long; 0 if it does not.
  std::chrono::milliseconds retry_after{0};

  // The same error, told from one step further out: "<context>: <message>".
  Error Within(std::string_view context) const {
    return Error{code, std::string(context) + ": " + message, retry_after};
  }
};

// The Error for `errno_value`, about `what`: "<what>: No such file or directory".
Error ErrnoError(int errno_value, std::string_view what);

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  // REQUIRES: has_value().
  T& value() & { return *ValueOrDie(); }
  const T& value() const& { return *const_cast<Result*>(this)->ValueOrDie(); }
  T&& value() && { return std::move(*ValueOrDie()); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return ValueOrDie(); }
  const T* operator->() const { return const_cast<Result*>(this)->ValueOrDie(); }

  // REQUIRES: !has_value().
  const Error& error() const& {
    assert(!has_value());
    return std::get<1>(state_);
  }
  Error&& error() && {
    assert(!has_value());
    return std::get<1>(std::move(state_));
  }

 private:
  T* ValueOrDie() {
    assert(has_value());
    return std::get_if<0>(&state_);
  }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }

  // REQUIRES: !has_value().
  const Error& error() const& {
    assert(error_.has_value());
    return *error_;
  }
  Error&& error() && {
    assert(error_.has_value());
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace reposfs
