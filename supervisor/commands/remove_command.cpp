#include "supervisor/commands/remove_command.h"

#include "supervisor/database/access.h"
#include "supervisor/database/repositories.h"
#include "supervisor/repository/remote/clone.h"

namespace forkdex {

Result<int> run_remove(const Invocation& invocation) {
  const std::string& name = invocation.arguments.front();
  auto database = DatabaseAccess::open(invocation.settings.database_url, "forkdex query");
  if (!database) return database.error();
  const auto root = repository_root(database->connection(), name);
  if (!root) return root.error();
  if (auto removed = remove_repository(database->connection(), name); !removed)
    return removed.error();
  if (auto removed = remove_clone(*root); !removed) return removed.error();
  return kExitOk;
}

}  // namespace forkdex
