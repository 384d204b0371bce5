import type { Command } from 'commander'
import { type Terminal, UsageError } from './context.ts'

export function addCompletion(program: Command, { stdout }: Terminal): void {
  program
    .command('completion')
    .description('print completion for a shell: eval "$(vision completion bash)"')
    .argument('<shell>', 'bash or zsh')
    .action((shell: string) => {
      if (shell !== 'bash' && shell !== 'zsh')
        throw new UsageError(`There is completion for bash and zsh, not for ${shell}.`)
      stdout.write(completion(program, shell))
    })
}

/** Completes commands, then their options, then files. */
function completion(program: Command, shell: 'bash' | 'zsh'): string {
  const commands = program.commands.map((command) => command.name()).join(' ')
  const cases = program.commands.map((command) => {
    const options = command.options.flatMap(({ short, long }) => [short, long]).filter((name) => name !== undefined)
    return `    ${command.name()}) options="${[...options, '--help'].join(' ')}" ;;`
  })
  return (shell === 'bash' ? forBash : forZsh)(commands, cases.join('\n'))
}

const forBash = (commands: string, cases: string) => `_vision() {
  local options word=\${COMP_WORDS[COMP_CWORD]}
  case "\${COMP_WORDS[1]}" in
${cases}
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands}" -- "$word"))
  elif [ "\${word#-}" != "$word" ]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -o filenames -F _vision vision
`

const forZsh = (commands: string, cases: string) => `#compdef vision
_vision() {
  local options
  case "$words[2]" in
${cases}
  esac
  if (( CURRENT == 2 )); then
    compadd -- ${commands}
  elif [[ $PREFIX == -* ]]; then
    compadd -- \${=options}
  else
    _files
  fi
}
compdef _vision vision
`
