import type { Command as Commander } from 'commander';
import { COMMANDS } from '../control/commands.ts';
import { SHELLS, type Shell } from './command.ts';
import { LOCAL_COMMANDS } from './ctl/help.ts';

interface Words {
  /** Options of the program, which stand anywhere. */
  options: { flag: string; does: string; takesValue: boolean; takesFile: boolean }[];
  /** Subcommands by what they stand behind: '' is the program itself. */
  subcommands: Map<string, { name: string; does: string }[]>;
}

/** A script that teaches a shell the words of our command line, made from the parser and the command table. */
export function completionScript(shell: Shell, program: Commander): string {
  const words = wordsOf(program);
  return { bash, zsh, fish }[shell](words);
}

function wordsOf(program: Commander): Words {
  const all = [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)];
  const seen = new Set<string>();
  const options = all
    .flatMap(({ options: own }) => own)
    .filter(({ long }) => long && !seen.has(long) && seen.add(long))
    .map((option) => ({
      flag: option.long ?? '',
      does: firstSentence(option.description),
      takesValue: option.required,
      takesFile: /file|output|config$/.test(option.long ?? ''),
    }));
  const subcommands = new Map(
    [program, ...program.commands]
      .filter(({ commands }) => commands.length > 0)
      .map((command) => [
        command === program ? '' : command.name(),
        command.commands.map((sub) => ({ name: sub.name(), does: firstSentence(sub.description()) })),
      ]),
  );
  return { options, subcommands };
}

/** The commands of `vedette ctl`, and for each the beginnings of its words. */
function ctlCommands(): { name: string; does: string; members: string[] }[] {
  const remote = Object.entries(COMMANDS).map(([name, { summary, request }]) => ({
    name,
    does: firstSentence(summary),
    members: Object.entries(request.properties).flatMap(([member, schema]) => {
      const { enum: values, type } = schema as { enum?: unknown[]; type?: unknown };
      if (values !== undefined) return values.map((value) => `${member}=${value}`);
      if (type === 'boolean') return [`${member}=true`, `${member}=false`];
      return [`${member}${type === 'object' ? '.' : '='}`];
    }),
  }));
  const local = Object.entries(LOCAL_COMMANDS).map(([name, does]) => ({
    name,
    does: firstSentence(does),
    members: name === 'snapshot' ? ['name='] : [],
  }));
  return [...remote, ...local];
}

function firstSentence(text: string): string {
  return (text.replaceAll('`', '').split(/[:;.](?:\s|$)/, 1)[0] ?? '').replaceAll("'", '’');
}

/** Words of a shell that need no quotes: nothing else is let in. */
function bare(words: readonly string[]): string {
  return words.filter((word) => /^[\w./=:-]+$/.test(word)).join(' ');
}

function bash({ options, subcommands }: Words): string {
  const commands = ctlCommands();
  const withFile = options.filter(({ takesFile }) => takesFile).map(({ flag }) => flag);
  const withValue = options.filter(({ takesValue, takesFile }) => takesValue && !takesFile).map(({ flag }) => flag);
  const groups = [...subcommands].filter(([name]) => name !== '');
  return `# bash completion for vedette: source <(vedette completion bash)
_vedette() {
  local cur prev words cword
  # A member=value is one word here, a command with a slash or a URL too.
  if declare -F _get_comp_words_by_ref >/dev/null; then _get_comp_words_by_ref -n =: cur prev words cword
  else cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD; fi
  COMPREPLY=()
  case $prev in
    ${[...withFile, '-c', '-o'].join('|')}) COMPREPLY=($(compgen -f -- "$cur")); return;;
    ${withValue.join('|')}) return;;
  esac
  if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '${bare(options.map(({ flag }) => flag))}' -- "$cur")); return; fi
  local -a given=()
  local i skip=0
  for ((i = 1; i < cword; i++)); do
    if ((skip)); then skip=0; continue; fi
    case \${words[i]} in
      ${[...withFile, ...withValue, '-c', '-o'].join('|')}) skip=1;;
      -*) ;;
      *) given+=("\${words[i]}");;
    esac
  done
  local choices=
  case \${given[0]}:\${#given[@]} in
    :0) choices='${bare((subcommands.get('') ?? []).map(({ name }) => name))}';;
    ctl:1) choices='. all';;
    ctl:2) choices='${bare(commands.map(({ name }) => name))}';;
    ctl:*) case \${given[2]} in
${commands
  .filter(({ members }) => members.length > 0)
  .map(({ name, members }) => `      ${name}) choices='${bare(members)}';;`)
  .join('\n')}
      esac;;
    completion:1) choices='${SHELLS.join(' ')}';;
${groups.map(([name, subs]) => `    ${name}:1) choices='${bare(subs.map((sub) => sub.name))}';;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$choices" -- "$cur"))
  if [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == *[=.] && \${COMPREPLY[0]} != . ]]; then compopt -o nospace; fi
  if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions "$cur"; fi
  # Where = parts words, only what stands behind it is replaced.
  if [[ $cur == *=* && $COMP_WORDBREAKS == *=* ]]; then COMPREPLY=("\${COMPREPLY[@]#"\${cur%%=*}="}"); fi
}
complete -F _vedette vedette
`;
}

function zsh({ options, subcommands }: Words): string {
  const described = (entries: readonly { name: string; does: string }[]): string =>
    entries.map(({ name, does }) => `'${name.replaceAll(':', '\\:')}:${does}'`).join(' ');
  const specs = options.map(({ flag, does, takesValue, takesFile }) => {
    const about = does.replaceAll(/[[\]:]/g, ' ');
    return `    '${flag}[${about}]${takesFile ? ':file:_files' : takesValue ? ':value:' : ''}'`;
  });
  const groups = [...subcommands].filter(([name]) => name !== '');
  return `#compdef vedette
# zsh completion for vedette: vedette completion zsh > a file _vedette in a folder of $fpath
_vedette() {
  local -a options=(
${specs.join('\n')}
  )
  _arguments -s $options '*:: :_vedette_words'
}
_vedette_words() {
  local -a choices
  local i=$CURRENT
  if ((i == 1)); then choices=(${described(subcommands.get('') ?? [])}); _describe command choices; return; fi
  case $words[1] in
    ctl)
      if ((i == 2)); then choices=('.:this machine’s gateway' 'all:every gateway of the broker'); _describe gateway choices
      elif ((i == 3)); then choices=(${described(ctlCommands())}); _describe command choices
      else case $words[3] in
${ctlCommands()
  .filter(({ members }) => members.length > 0)
  .map(({ name, members }) => `        ${name}) compadd -S '' -- ${bare(members)};;`)
  .join('\n')}
        esac
      fi;;
    completion) ((i == 2)) && compadd -- ${SHELLS.join(' ')};;
${groups.map(([name, subs]) => `    ${name}) if ((i == 2)); then choices=(${described(subs)}); _describe command choices; fi;;`).join('\n')}
  esac
}
if [[ $funcstack[1] == _vedette ]]; then _vedette "$@"; else compdef _vedette vedette; fi
`;
}

function fish({ options, subcommands }: Words): string {
  const lines = ['# fish completion for vedette: vedette completion fish > ~/.config/fish/completions/vedette.fish'];
  lines.push(
    'function __vedette_words',
    // The words before the cursor, without options; an option that takes a value takes the next word along.
    '  set -l all (commandline -opc)[2..-1]',
    '  set -l skip 0',
    '  for word in $all',
    '    if test $skip = 1; set skip 0; continue; end',
    `    switch $word`,
    `      case ${options
      .filter(({ takesValue }) => takesValue)
      .map(({ flag }) => flag)
      .join(' ')} -c -o; set skip 1`,
    "      case '-*'",
    "      case '*'; echo $word",
    '    end',
    '  end',
    'end',
    // How many words stand before the cursor (`more`: at least 3), then places and the words that stand there.
    'function __vedette_at',
    '  set -l words (__vedette_words)',
    '  if test $argv[1] = more; test (count $words) -ge 3; or return 1',
    '  else; test (count $words) -eq $argv[1]; or return 1; end',
    '  for i in (seq 2 2 (count $argv)); test "$words[$argv[$i]]" = $argv[(math $i + 1)]; or return 1; end',
    'end',
    'complete -c vedette -f',
  );
  for (const { flag, does, takesValue, takesFile } of options) {
    lines.push(`complete -c vedette -l ${flag.slice(2)} ${takesFile ? '-rF' : takesValue ? '-x' : ''} -d '${does}'`);
  }
  const offer = (condition: string, name: string, does: string): void => {
    lines.push(`complete -c vedette -n '${condition}' -a '${name}' -d '${does}'`);
  };
  for (const { name, does } of subcommands.get('') ?? []) offer('__vedette_at 0', name, does);
  for (const [group, subs] of subcommands) {
    if (group !== '') for (const { name, does } of subs) offer(`__vedette_at 1 1 ${group}`, name, does);
  }
  for (const shell of SHELLS) offer('__vedette_at 1 1 completion', shell, '');
  offer('__vedette_at 1 1 ctl', '.', 'this machine’s gateway');
  offer('__vedette_at 1 1 ctl', 'all', 'every gateway of the broker');
  for (const { name, does, members } of ctlCommands()) {
    offer('__vedette_at 2 1 ctl', name, does);
    for (const member of members) offer(`__vedette_at more 1 ctl 3 ${name}`, member, '');
  }
  return `${lines.join('\n')}\n`;
}
