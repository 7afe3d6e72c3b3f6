// What a resolution draws on beside profiles, as it stands in the store.
#pragma once

#include <string_view>

#include "hub/controllers/resolver.h"
#include "hub/controllers/store_holdings.h"
#include "hub/controllers/store_offers.h"
#include "hub/controllers/store_secrets.h"
#include "hub/store/store.h"

namespace qleet::hub::controllers {

// Must not outlive `reader`. Each thing is read once, so one serves several resolutions.
class StoreSources {
 public:
  explicit StoreSources(const Reader& reader) : holdings_(reader), offers_(reader), secrets_(reader) {}

  // Points into this and into what it is given: all of it must outlive the input.
  ResolveInput input(std::string_view application, const v1::ApplicationSpec& definition,
                     const v1::Environment& environment, const v1::Region& region, ProfileSource& profiles) {
    ResolveInput input;
    input.application = application;
    input.definition = &definition;
    input.environment = &environment;
    input.region = &region;
    input.profiles = &profiles;
    input.holdings = &holdings_;
    input.offers = &offers_;
    input.secrets = &secrets_;
    return input;
  }

 private:
  StoreHoldings holdings_;
  StoreOffers offers_;
  StoreSecrets secrets_;
};

}  // namespace qleet::hub::controllers
