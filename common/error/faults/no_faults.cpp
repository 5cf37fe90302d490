#include "common/error/fault.h"

namespace forkdex::fault {

Result<void> point(std::string_view, std::string_view) { return {}; }

}  // namespace forkdex::fault
