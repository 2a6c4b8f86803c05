// How messages of the wire protocol travel: HTTP requests, or a child's pipes.
//
// A connection serves one call of a Transport for one repository.
//
// Thread-safety: none.
// Errors of every call: those of the reader and of the meter; kNotFound, kAccessDenied,
// kUnreachable, kTimedOut as the server or the network says.  A message does not name the URL.
#pragma once

#include <string_view>

#include "base/result.h"
#include "cache/transfer_meter.h"
#include "cache/wire_response.h"

namespace reposfs {

class WireConnection {
 public:
  virtual ~WireConnection() = default;

  // Whether requests can be made before Advertise().
  virtual bool can_skip_advertisement() const = 0;

  // Asks for the capabilities.  Returns once `reader` is complete.
  virtual Status Advertise(AdvertisementReader& reader) = 0;

  // Sends `message`, a whole request.  Returns once `reader` is complete.  REQUIRES: called once,
  // if !can_skip_advertisement().
  virtual Status Request(std::string_view message, WireReader& reader) = 0;

  // Whether the server has answered the last request with something that another request might
  // change: it is neither overloaded nor gone, nor has it refused our credentials.
  virtual bool answered() const = 0;

  // How old the last answer was when it was given; only a peer's may be.
  virtual milliseconds answer_age() const { return milliseconds(0); }
};

}  // namespace reposfs
