import type { Command } from '../../control/command.ts';
import { COMMANDS } from '../../control/commands.ts';
import { columns } from './answer-text.ts';
import { EXIT_CODES } from './exit-codes.ts';

/** What is not asked of a gateway but done here, beside the table. */
export const LOCAL_COMMANDS = {
  watch:
    'Shows state, viewers, bit rate, frame rate and health until q: of all gateways a line each, of one its streams',
  snapshot:
    'Takes a picture and writes it to a file, `-o FILE` (`-`: standard output); `name=STREAM` where there are several',
} as const;

const EXAMPLES: readonly (readonly [line: string, does: string])[] = [
  ['vedette ctl . stream/list', "the streams of this machine's gateway"],
  ['vedette ctl --broker mqtt://10.0.0.2 all gateway/health', 'how every gateway on that broker is'],
  ["vedette ctl 'porch-*' stream/restart name=camera", 'for those whose id begins with porch-'],
  ['vedette ctl porch config/patch patch.rtsp.port=8555 dryRun=true', 'members of members have dots'],
  [`vedette ctl porch stream/encoding '{"name":"camera","maxBitrate":500000}'`, 'or the request as JSON'],
  ['vedette ctl all gateway/info --json | jq -r .data.versions.gateway', 'a line of JSON for each gateway'],
  ['vedette ctl porch snapshot -o porch.jpg', 'a picture'],
  ['vedette ctl all watch', 'the fleet, live'],
];

const BROKER = `The broker is that of this machine's configuration, or of the gateway that runs here. Its user, password and TLS are
given as to the gateway: --mqtt-username, VEDETTE_MQTT_PASSWORD or --mqtt-password-file, --mqtt-tls-ca-file,
--mqtt-tls-cert-file, --mqtt-tls-key-file, --mqtt-base-topic and --mqtt-protocol-version, or the same in a file
(--config FILE). With --broker the file of this machine's gateway is not read, so that its password goes nowhere else.`;

/** `vedette ctl --help`, or about one command. */
export function helpText({ about = '', usage }: { about: string | undefined; usage: string }): string {
  const command = Object.hasOwn(COMMANDS, about) ? COMMANDS[about] : undefined;
  return `${command === undefined ? `${usage}\n${overview()}` : commandHelp(about, command)}\n`;
}

function overview(): string {
  const commands = Object.entries(COMMANDS).map(([name, { summary }]) => [`  ${name}`, plain(summary)]);
  const local = Object.entries(LOCAL_COMMANDS).map(([name, summary]) => [`  ${name}`, plain(summary)]);
  const examples = EXAMPLES.map(([line, does]) => `  ${line}\n      ${does}`);
  const codes = Object.values(EXIT_CODES).map(({ code, means }) => [`  ${code}`, means]);
  return [
    "Gateways: an id, a pattern such as 'porch-*', all, or . for the one of this machine.",
    `Commands (vedette ctl COMMAND --help says what one takes):\n${columns([...commands, ...local]).join('\n')}`,
    `Examples:\n${examples.join('\n')}`,
    BROKER,
    `Exit codes:\n${columns(codes).join('\n')}`,
  ].join('\n\n');
}

/** What one command takes and answers. */
function commandHelp(name: string, command: Command): string {
  const members = Object.entries(command.request.properties);
  const rows = members.map(([member, schema]) => {
    const needed = command.request.required?.includes(member) ? 'required' : '';
    return [`  ${member}`, typeOf(schema), needed, plain((schema as { description?: string }).description ?? '')];
  });
  const example = wordsOf(command.example ?? {});
  return [
    `Usage: vedette ctl <gateway|pattern|all|.> ${name}${members.length === 0 ? '' : ' [member=value ...]'}`,
    `${plain(command.summary)}. Needs the right '${command.right}'; answered within ${command.timeLimit / 1000} s.`,
    rows.length === 0 ? 'It takes nothing.' : `Members:\n${columns(rows).join('\n')}`,
    `Example:\n  vedette ctl porch ${[name, ...example].join(' ')}`,
  ].join('\n\n');
}

/** A request as words of a command line, quoted for a shell. */
function wordsOf(request: object, prefix = ''): string[] {
  return Object.entries(request).flatMap(([name, value]: [string, unknown]): string[] => {
    const path = prefix + name;
    if (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0) {
      return wordsOf(value, `${path}.`);
    }
    const word = `${path}=${typeof value === 'string' ? value : JSON.stringify(value)}`;
    return [/^[\w./:=@,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`];
  });
}

/** Markdown of the table, for a terminal. */
function plain(text: string): string {
  return text.replaceAll('`', '');
}

function typeOf(schema: object): string {
  const { type, enum: values, minimum, maximum } = schema as Record<string, unknown>;
  if (Array.isArray(values)) return values.join('|');
  const name = Array.isArray(type) ? type.join('|') : String(type ?? 'any');
  if (minimum !== undefined && maximum !== undefined) return `${name} ${minimum}..${maximum}`;
  return minimum === undefined ? name : `${name} from ${minimum}`;
}
