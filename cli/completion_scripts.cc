// What each shell is given to read: it asks `qleet __complete WORDS...` for a line per candidate, with a tab
// and a description where there is one. The one line ":files" means: names of files.
#include <string>

#include "cli/completion.h"

namespace qleet::cli {
namespace {

constexpr const char* kBash = R"bash(# Completion of qleet in bash: source <(qleet completion bash)
_qleet() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == ":files" ]]; then
      compopt -o default 2>/dev/null
      return
    fi
    line=${line%%$'\t'*}
    COMPREPLY+=("$line")
  done < <(command qleet __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  # What ends so is gone on with.
  if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[/=] ]]; then
    compopt -o nospace 2>/dev/null
  fi
}
complete -F _qleet qleet
)bash";

constexpr const char* kZsh = R"zsh(#compdef qleet
# Completion of qleet in zsh: source <(qleet completion zsh)
_qleet() {
  local -a described open
  local line word
  for line in "${(@f)$(command qleet __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == ":files" ]]; then
      _files
      return
    fi
    [[ -n $line ]] || continue
    word=${line%%$'\t'*}
    if [[ $word == *[/=] ]]; then
      open+=("$word")
    elif [[ $line == *$'\t'* ]]; then
      described+=("${word//:/\\:}:${line#*$'\t'}")
    else
      described+=("${word//:/\\:}")
    fi
  done
  (( $#open )) && compadd -S '' -- $open
  (( $#described )) && _describe 'qleet' described
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
if [[ ${funcstack[1]:-} == _qleet ]]; then
  _qleet "$@"
else
  compdef _qleet qleet
fi
)zsh";

constexpr const char* kFish = R"fish(# Completion of qleet in fish: qleet completion fish | source
function __qleet_complete
    set -l words (commandline -opc)
    set -l lines (command qleet __complete $words[2..-1] (commandline -ct) 2>/dev/null)
    if test "$lines[1]" = ":files"
        __fish_complete_path (commandline -ct)
        return
    end
    if set -q lines[1]
        printf '%s\n' $lines
    end
end
complete -c qleet -f -a '(__qleet_complete)'
)fish";

}  // namespace

std::string completion_script(const std::string& shell) {
  if (shell == "fish") return kFish;
  return shell == "zsh" ? kZsh : kBash;
}

}  // namespace qleet::cli
