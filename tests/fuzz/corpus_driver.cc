// Runs a fuzz target over files and folders of inputs: a corpus as an ordinary test. Each input has its time.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "tests/fuzz/fuzz.h"

namespace {

namespace fs = std::filesystem;

constexpr unsigned kSecondsPerInput = 20;
std::string current;  // the input that runs, for the signal handler

void tell(int signal) {
  const char* what = signal == SIGALRM ? "takes too long: " : "dies of: ";
  (void)!write(STDERR_FILENO, what, std::string_view(what).size());
  (void)!write(STDERR_FILENO, current.data(), current.size());
  (void)!write(STDERR_FILENO, "\n", 1);
  _exit(1);
}

std::vector<fs::path> inputs_of(int argc, char** argv) {
  std::vector<fs::path> inputs;
  for (int i = 1; i < argc; ++i) {
    if (!fs::is_directory(argv[i])) {
      inputs.emplace_back(argv[i]);
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(argv[i]))
      if (entry.is_regular_file()) inputs.push_back(entry.path());
  }
  std::ranges::sort(inputs);
  return inputs;
}

}  // namespace

int main(int argc, char** argv) {
  for (const int signal : {SIGALRM, SIGABRT, SIGSEGV, SIGFPE, SIGILL, SIGBUS}) std::signal(signal, tell);
  const auto inputs = inputs_of(argc, argv);
  if (inputs.empty()) {
    std::fprintf(stderr, "no inputs\n");
    return 1;
  }
  for (const auto& input : inputs) {
    current = input.string();
    std::ifstream in(input, std::ios::binary);
    if (!in) {
      std::fprintf(stderr, "cannot be read: %s\n", current.c_str());
      return 1;
    }
    const std::string data(std::istreambuf_iterator<char>(in), {});
    alarm(kSecondsPerInput);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(data.data()), data.size());
    alarm(0);
  }
  std::printf("%zu inputs\n", inputs.size());
  return 0;
}
