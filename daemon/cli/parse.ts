import { Argument, Command as Commander, CommanderError, Option } from 'commander';
import { leavesOf } from '../../config/check.ts';
import { describeSetting } from '../../config/formats.ts';
import { SCHEMA } from '../../config/schema.ts';
import { RIGHTS } from '../access/access.ts';
import {
  type Command,
  type ConfigSource,
  type CtlArguments,
  EX_USAGE,
  type GrantArguments,
  SHELLS,
  type Shell,
} from './command.ts';

/** Of `vedette ctl`, as the parser gives them. */
interface CtlOptions {
  broker?: string;
  json?: true;
  timeout?: string;
  tokenFile?: string;
  output?: string;
  help?: true;
}

const HELP_WIDTH = 80;
const SETTINGS_GROUP = 'Settings (as in the file and the environment, see docs/configuration.md):';
/** What `--latency` sets. */
const LATENCY_STREAM = [
  ['streams.latency.video.device', 'latency'],
  ['streams.latency.audio', 'false'],
] as const;
const DEFAULT_RIGHTS = ['view', 'listen', 'snapshot'];

/** The flag of each setting that has one, and the path that it sets. */
function settingOptions(): { option: Option; path: string }[] {
  return leavesOf(SCHEMA).flatMap(({ path, setting }) => {
    if (setting.arg === undefined) return [];
    const option = new Option(`--${setting.arg} <value>`, describeSetting(setting)).helpGroup(SETTINGS_GROUP);
    return [{ option, path: path.join('.') }];
  });
}

function words(text: string): string[] {
  return text.split(',').map((word) => word.trim());
}

function hasPassword(url: string): boolean {
  return /^\w+:\/\/[^/@]*:[^/@]*@/.test(url);
}

/**
 * @param argv the arguments after the program's own name
 * @param version of Vedette
 */
export function parseCommandLine(argv: readonly string[], version: string): Command {
  let result: Command | undefined;
  let output = '';
  const write = (text: string) => {
    output += text;
  };
  const assignments: string[] = [];
  const settings = settingOptions();

  const program = new Commander('vedette')
    .description('Edge camera gateway: cameras and microphones to RTSP and WebRTC, controlled over MQTT.')
    .exitOverride()
    // The same everywhere, since docs/cli.md is made of it.
    .configureOutput({ writeOut: write, writeErr: write, getOutHelpWidth: () => HELP_WIDTH })
    .version(version, '-V, --version')
    .option('-c, --config <file>', 'the configuration file')
    .option('--check-config', 'name everything that is wrong with the configuration and exit')
    .option('--print-config', 'show the effective configuration, with where each value comes from, and exit')
    .option('--set <path=value>', 'set any setting, for example streams.front.video.width=1920', (text: string) => {
      assignments.push(text);
    });
  program.option('--latency', 'one more stream, `latency`: a test picture that shows when it was made');
  for (const { option } of settings) program.addOption(option);

  const config = (): ConfigSource => {
    const values: Record<string, unknown> = program.opts();
    const flags = new Map<string, string>();
    for (const { option, path } of settings) {
      const value = values[option.attributeName()];
      if (typeof value === 'string') flags.set(path, value);
    }
    if (values.latency === true) for (const [path, text] of LATENCY_STREAM) flags.set(path, text);
    for (const assignment of assignments) {
      const equals = assignment.indexOf('=');
      if (equals < 1) program.error(`error: --set ${assignment}: it takes PATH=VALUE`);
      flags.set(assignment.slice(0, equals), assignment.slice(equals + 1));
    }
    return { file: values.config as string | undefined, flags };
  };

  program.action((options: { checkConfig?: true; printConfig?: true }) => {
    const name = options.checkConfig ? 'check-config' : options.printConfig ? 'print-config' : 'run';
    result = { name, config: config() };
  });

  const user = program.command('user').description('who may sign in').exitOverride();
  const token = program.command('token').description('tokens for programs (Authorization: Bearer)').exitOverride();
  const grantOptions = (command: Commander) =>
    command
      .option('--rights <list>', `of ${RIGHTS.join(', ')}`, words, DEFAULT_RIGHTS)
      .option('--streams <list>', 'names of streams, or * for all and for the gateway itself', words, ['*']);
  const passwordOption = [
    '--password-file <file>',
    'its first line is the password; else asked for, or read from standard input',
  ] as const;

  grantOptions(user.command('add <name>').option(...passwordOption))
    .description('add a user')
    .action((name: string, { passwordFile, rights, streams }: GrantArguments & { passwordFile?: string }) => {
      result = { name: 'user add', config: config(), user: name, passwordFile, grant: { rights, streams } };
    });
  user
    .command('passwd <name>')
    .description('change a password')
    .option(...passwordOption)
    .action((name: string, { passwordFile }: { passwordFile?: string }) => {
      result = { name: 'user passwd', config: config(), user: name, passwordFile };
    });
  user
    .command('remove <name>')
    .description('remove a user')
    .action((name: string) => {
      result = { name: 'user remove', config: config(), user: name };
    });
  user
    .command('list')
    .description('list users and their rights')
    .action(() => {
      result = { name: 'user list', config: config() };
    });

  grantOptions(token.command('add <name>'))
    .description('make a token and show it, once')
    .option('--expires <moment>', 'ISO 8601, for example 2027-01-31 or 2027-01-31T12:00Z')
    .action((name: string, { expires, rights, streams }: GrantArguments & { expires?: string }) => {
      result = { name: 'token add', config: config(), token: name, expires, grant: { rights, streams } };
    });
  token
    .command('remove <name>')
    .description('remove a token')
    .action((name: string) => {
      result = { name: 'token remove', config: config(), token: name };
    });
  token
    .command('list')
    .description('list tokens and their rights')
    .action(() => {
      result = { name: 'token list', config: config() };
    });

  const ctl: Commander = program
    .command('ctl')
    .description('commands and watches gateways over their MQTT broker')
    .usage('[options] <gateway|pattern|all|.> <command> [json|member=value ...]')
    .argument('[words...]')
    .option('--broker <url>', 'mqtt://, mqtts://, ws:// or wss://; default: that of the gateway of this machine')
    .option('--json', 'a line of JSON for each gateway instead of text')
    .option('--timeout <seconds>', 'how long each gateway has for its answer; default: what the command needs')
    .option('--token-file <file>', 'its first line is a signed token (mqtt.acl); else VEDETTE_CTL_TOKEN')
    .option('-o, --output <file>', 'where the picture of snapshot goes; default: GATEWAY-STREAM.jpg')
    // Ours, since it depends on the words.
    .helpOption(false)
    .option('-h, --help', 'this, or about a command: vedette ctl stream/encoding --help')
    .exitOverride()
    .action((words: string[], options: CtlOptions) => {
      const [target, command, ...rest] = words;
      if (options.help) result = { name: 'ctl help', about: words.at(-1), usage: ctl.helpInformation() };
      else if (target === undefined || command === undefined) {
        const missing = target === undefined ? 'which gateway, and what' : `what ${target} is to do`;
        program.error(`error: say ${missing}; vedette ctl --help shows how`);
      } else result = { name: 'ctl', ...ctlArguments(target, command, rest, options) };
    });

  const ctlArguments = (
    target: string,
    command: string,
    words: string[],
    options: CtlOptions,
  ): { config: ConfigSource; request: CtlArguments } => {
    const { broker, json = false, timeout, tokenFile, output: picture } = options;
    const { file, flags } = config();
    if (broker !== undefined && hasPassword(broker)) {
      program.error(
        'error: a password on the command line can be read by every process: VEDETTE_MQTT_PASSWORD or --mqtt-password-file',
      );
    }
    const seconds = Number(timeout);
    if (timeout !== undefined && !(seconds > 0 && seconds <= 3600)) {
      program.error(`error: --timeout ${timeout}: it takes seconds, more than 0 and up to 3600`);
    }
    return {
      // Another broker does not get the password that stands in the file of this machine's gateway.
      config:
        broker === undefined
          ? { file, flags }
          : { file: file ?? false, flags: new Map([...flags, ['mqtt.url', broker]]) },
      request: {
        broker,
        target,
        command,
        words,
        json,
        timeout: timeout === undefined ? undefined : seconds * 1000,
        tokenFile,
        output: picture,
      },
    };
  };

  program
    .command('completion')
    .description('a script that completes our words in a shell')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .exitOverride()
    .action((shell: Shell) => {
      const script = async () => (await import('./completion.ts')).completionScript(shell, program);
      result = { name: 'completion', script };
    });

  try {
    program.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { name: 'text', text: output, exitCode: error.exitCode === 0 ? 0 : EX_USAGE };
  }
  return result ?? { name: 'text', text: output, exitCode: EX_USAGE };
}
