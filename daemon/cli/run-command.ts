import { ConfigError } from '../../config/config-error.ts';
import { loadConfig } from '../../config/loader.ts';
import { type OpenConfig, openConfig } from '../../config/open-config.ts';
import { type CtlArguments, EX_CONFIG } from './command.ts';
import type { CtlContext } from './ctl/run-ctl.ts';
import { parseCommandLine } from './parse.ts';

/** The standard streams of a command. */
export interface Terminal {
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WritableStream;
  stderr: NodeJS.WritableStream;
}

export interface CommandLineOptions extends Partial<Terminal> {
  /** The arguments after the program's own name. */
  argv: readonly string[];
  /** Of Vedette. */
  version: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

/** The gateway is to run with this configuration, or the command was carried out and the process is to end. */
export type Outcome = { run: OpenConfig } | { exitCode: number };

/** Carries out what a command line asks for, except running the gateway. */
export async function runCommandLine(options: CommandLineOptions): Promise<Outcome> {
  const { argv, version, env = process.env, cwd = process.cwd() } = options;
  const { stdin = process.stdin, stdout = process.stdout, stderr = process.stderr } = options;
  const command = parseCommandLine(argv, version);
  if (command.name === 'text') {
    (command.exitCode === 0 ? stdout : stderr).write(command.text);
    return { exitCode: command.exitCode };
  }
  if (command.name === 'ctl help') {
    const { helpText } = await import('./ctl/help.ts');
    stdout.write(helpText(command));
    return { exitCode: 0 };
  }
  if (command.name === 'completion') {
    stdout.write(await command.script());
    return { exitCode: 0 };
  }
  const terminal = { stdin, stdout, stderr };
  let opened: OpenConfig;
  try {
    if (command.name === 'ctl' && command.request.broker !== undefined) {
      const loaded = await loadConfig({ ...command.config, env, cwd });
      return { exitCode: await ctl(command.request, { config: loaded, terminal, env }) };
    }
    opened = await openConfig({ ...command.config, env, cwd });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    stderr.write(`${error.message}\n`);
    return { exitCode: EX_CONFIG };
  }
  const { config, fault } = opened;
  switch (command.name) {
    case 'run':
      return { run: opened };
    case 'check-config':
      stdout.write('The configuration is right.\n');
      return { exitCode: 0 };
    case 'print-config': {
      if (fault !== undefined) stderr.write(`Shown is what stands at this machine alone.\n${fault.message}\n`);
      const { printConfig } = await import('../../config/print.ts');
      stdout.write(printConfig(config));
      return { exitCode: 0 };
    }
    case 'ctl':
      return { exitCode: await ctl(command.request, { config, terminal, env }) };
    default: {
      // Its own module, so that a start of the gateway does not load it.
      const { runAccessCommand } = await import('./access-commands.ts');
      return { exitCode: await runAccessCommand(command, config.settings.access.usersFile, terminal) };
    }
  }
}

/** Its own module, as others: it loads the client of the broker. */
async function ctl(request: CtlArguments, context: CtlContext): Promise<number> {
  const { runCtl } = await import('./ctl/run-ctl.ts');
  return runCtl(request, context);
}
