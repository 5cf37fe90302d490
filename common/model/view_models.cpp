#include "common/model/view_models.h"

namespace forkdex {

bool is_one_model(const ViewModels& models) {
  return models.code && models.text && models.code->fingerprint == models.text->fingerprint;
}

}  // namespace forkdex
