#include "cli/hidden_input.h"

#include <termios.h>
#include <unistd.h>

#include <iostream>

#include "cli/interrupt.h"
#include "cli/output.h"

namespace qleet::cli {

std::string read_hidden(const std::string& prompt) {
  std::string line;
  termios before{};
  if (::tcgetattr(STDIN_FILENO, &before) != 0) {
    std::getline(std::cin, line);
    return line;
  }
  const auto show_again = [&] { ::tcsetattr(STDIN_FILENO, TCSANOW, &before); };
  {
    const Interrupt interrupt("nothing was done", show_again);
    // Before it is asked for: what is typed or pasted at once is not shown either, and nothing of it is lost.
    termios hidden = before;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &hidden);
    print_error(prompt);
    std::getline(std::cin, line);
    show_again();
  }
  print_error("\n");
  return line;
}

}  // namespace qleet::cli
