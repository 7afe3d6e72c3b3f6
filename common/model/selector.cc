#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "common/model/model.h"

namespace qleet::model {
namespace {

using Labels = google::protobuf::Map<std::string, std::string>;

struct Term {
  enum class Op { kEqual, kNotEqual, kIn, kNotIn, kExists, kAbsent };
  Op op;
  std::string_view key;
  std::vector<std::string_view> values;
};

bool word_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.' || c == '/';
}

class SelectorParser {
 public:
  explicit SelectorParser(std::string_view text) : all_(text), rest_(text) {}

  Result<std::vector<Term>> parse() {
    std::vector<Term> terms;
    skip_spaces();
    while (!rest_.empty()) {
      auto term = parse_term();
      if (!term) return std::unexpected(std::move(term).error());
      terms.push_back(*std::move(term));
      skip_spaces();
      if (rest_.empty()) break;
      if (!take(",")) return wrong("a comma is missing between two terms");
      skip_spaces();
      if (rest_.empty()) return wrong("it ends with a comma");
    }
    return terms;
  }

 private:
  std::unexpected<Error> wrong(std::string_view why) const {
    return fail(
        Code::kInvalid,
        fmt::format("\"{}\" is not a label selector: {}; write for example \"tier=prod,geo in (eu,us)\"",
                    all_, why));
  }

  void skip_spaces() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
  }

  bool take(std::string_view what) {
    if (!rest_.starts_with(what)) return false;
    rest_.remove_prefix(what.size());
    return true;
  }

  std::string_view take_word() {
    skip_spaces();
    const auto end = std::ranges::find_if_not(rest_, word_char);
    const auto word = rest_.substr(0, static_cast<size_t>(end - rest_.begin()));
    rest_.remove_prefix(word.size());
    return word;
  }

  Result<Term> parse_term() {
    if (take("!")) {
      const auto key = take_word();
      if (key.empty()) return wrong("a label's name is missing after \"!\"");
      return Term{Term::Op::kAbsent, key, {}};
    }
    const auto key = take_word();
    if (key.empty()) return wrong("a label's name is missing");
    skip_spaces();
    if (take("!=")) return Term{Term::Op::kNotEqual, key, {take_word()}};
    if (take("==") || take("=")) return Term{Term::Op::kEqual, key, {take_word()}};
    if (rest_.empty() || rest_.front() == ',') return Term{Term::Op::kExists, key, {}};
    const auto op = take_word();
    if (op != "in" && op != "notin") return wrong(fmt::format("after \"{}\" comes =, !=, in or notin", key));
    skip_spaces();
    if (!take("(")) return wrong(fmt::format("after \"{}\" come values in parentheses", op));
    Term term{op == "in" ? Term::Op::kIn : Term::Op::kNotIn, key, {}};
    do {
      term.values.push_back(take_word());
      skip_spaces();
    } while (take(","));
    if (!take(")")) return wrong("a closing parenthesis is missing");
    return term;
  }

  std::string_view all_;
  std::string_view rest_;
};

bool holds(const Term& term, const Labels& labels) {
  const auto found = labels.find(std::string(term.key));
  const bool present = found != labels.end();
  const bool named = present && std::ranges::find(term.values, found->second) != term.values.end();
  switch (term.op) {
    case Term::Op::kEqual:
    case Term::Op::kIn:
      return named;
    case Term::Op::kNotEqual:
    case Term::Op::kNotIn:
      return !named;
    case Term::Op::kExists:
      return present;
    case Term::Op::kAbsent:
      return !present;
  }
  return false;
}

}  // namespace

Result<> check_selector(std::string_view selector) {
  auto terms = SelectorParser(selector).parse();
  if (!terms) return std::unexpected(std::move(terms).error());
  return {};
}

bool matches(std::string_view selector, const Labels& labels) {
  const auto terms = SelectorParser(selector).parse();
  return terms && std::ranges::all_of(*terms, [&](const Term& term) { return holds(term, labels); });
}

int selector_terms(std::string_view selector) {
  const auto terms = SelectorParser(selector).parse();
  return terms ? static_cast<int>(terms->size()) : 0;
}

}  // namespace qleet::model
