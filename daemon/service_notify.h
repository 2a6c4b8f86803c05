// Tells systemd about this service, by the protocol of sd_notify(3): one datagram to the socket
// that $NOTIFY_SOCKET names.  Written out here, since it is smaller than the library that has it.
//
// Thread-safety: every function may be called from any thread, as long as none changes the
// environment.
#pragma once

#include <string_view>

namespace reposfs {

// Sends `state`, such as "READY=1" or "STATUS=...".  Without a service manager, and if it does not
// listen, nothing happens: the service works all the same.
void NotifyService(std::string_view state);

}  // namespace reposfs
