// What applications offer to each other, as it stands in the store: what the release says that an environment
// wants, and where that does not offer the id (yet), what was applied last.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/result/result.h"
#include "hub/controllers/offers.h"
#include "hub/controllers/work.h"
#include "hub/store/store.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::controllers {

// Must not outlive `reader`.
class StoreOffers final : public Offers {
 public:
  explicit StoreOffers(const Reader& reader) : reader_(reader) {}
  Result<std::optional<Offered>> find(std::string_view environment, std::string_view id) override;

 private:
  const Reader& reader_;
};

// Another application than `application` that offers this id there.
Result<std::optional<std::string>> offered_by_other(const Reader& reader, std::string_view environment,
                                                    std::string_view id, std::string_view application);

// x/offer holds what an application says, and what those of its releases say that are wanted: only what rolls
// out withdraws an offer. After index_application(): what a wanted release offers goes on.
Result<> keep_wanted_offers(Txn& txn, const v1::Application* before, const v1::Application& after);

// Where what an application offers has changed, those who ask for services in its environments are looked at
// again. Null: it was not there, or is no more.
Result<> wake_askers(Work& work, const v1::Application* before, const v1::Application* after);
// Where another release of a deployment is wanted: what it offers stands in x/offer, and those who ask are
// looked at again. Null: there was none.
Result<> follow_offers(Work& work, const v1::Deployment* before, const v1::Deployment& after);

}  // namespace qleet::hub::controllers
