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
  const auto show_again = [&] { ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before); };
  {
    const Interrupt interrupt("nothing was done", show_again);
    termios hidden = before;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    print_error(prompt);  // whoever sees it may type
    std::getline(std::cin, line);
    show_again();
  }
  print_error("\n");
  return line;
}

}  // namespace qleet::cli
