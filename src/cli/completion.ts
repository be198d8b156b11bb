import type { CommandFacts } from './parse.ts';

/** A script for bash (and zsh with bashcompinit): commands, their options, and files. */
export function completionScript(commands: readonly CommandFacts[]): string {
  const cases = commands.map((command) => {
    const options = Object.keys(command.options).map((option) => `--${option}`);
    return `    ${command.name}) options="${options.join(' ')}" ;;`;
  });
  return `# bash completion of filemesh: eval "$(filemesh completion)"
_filemesh() {
  local word="\${COMP_WORDS[COMP_CWORD]}" options=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map((command) => command.name).join(' ')}" -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
  esac
}
complete -o default -F _filemesh filemesh
`;
}
