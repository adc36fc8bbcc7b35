#!/usr/bin/env -S MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=66000 MALLOC_TRIM_THRESHOLD_=66000 node --max-semi-space-size=1
// For small boards: memory that was needed once, to compile, goes back to the system (for what libuv reads into, 64 KiB,
// the heap serves as ever), and the young generation is small, since the gateway makes few objects a second.
import { readFileSync } from 'node:fs';
import { ConfigError } from '../config/config-error.ts';
import {
  type OpenConfig,
  openConfig,
  type RecoveredConfig,
  recoverConfig,
  reopenConfig,
  setAside,
  undoLast,
} from '../config/open-config.ts';
import { AccessError } from './access/access-error.ts';
import { EX_CONFIG } from './cli/command.ts';
import { parseCommandLine } from './cli/parse.ts';
import { type CommandLineOptions, runCommandLine } from './cli/run-command.ts';
import type { Gateway } from './gateway.ts';
import { PortTakenError } from './lib/listen.ts';
import { createLogger, type Logger } from './telemetry/logger.ts';

/** sysexits.h: a resource is unavailable; systemd tries again. */
const EX_UNAVAILABLE = 69;
/** What is left to do after everything was stopped must not take longer, in milliseconds. */
const EXIT_DEADLINE_MS = 3000;

type End = 'stop' | 'restart' | 'reload';

const commandLine: CommandLineOptions = { argv: process.argv.slice(2), version: readVersion() };
const outcome = await runCommandLine(commandLine);
if ('exitCode' in outcome) process.exitCode = outcome.exitCode;
else process.exitCode = await run(outcome.run);

/** Runs gateways one after the other, until one is to be the last. */
async function run(first: OpenConfig): Promise<number> {
  const logger = await createLogger(first.config.settings.log);
  const { log } = logger;
  process.on('uncaughtException', (error) => crash(error, logger));
  for (let config = await recoverConfig(first); ; ) {
    const end = await runGateway(config, logger);
    if (typeof end === 'number') return end;
    log.info({ reason: end }, `gateway ended: ${end}`);
    // Under a supervisor a restart is a new process, without whatever made somebody ask for it.
    if (end === 'stop' || (end === 'restart' && supervised())) {
      logger.flush();
      setTimeout(() => process.exit(), EXIT_DEADLINE_MS).unref();
      return 0;
    }
    config = await recoverConfig(await reload(config, logger));
  }
}

/** One gateway from its start to its end; a number is the exit code of one that could not start. */
async function runGateway(config: RecoveredConfig, logger: Logger): Promise<End | number> {
  const { log } = logger;
  let end = (_how: End): void => undefined;
  const ended = new Promise<End>((resolve) => {
    end = resolve;
  });
  const stop = (): void => end('stop');
  /** While it can take over another configuration. */
  let gateway: Gateway | undefined;
  const hangup = async (): Promise<void> => {
    const { local } = await reload(config, logger);
    if (!(await gateway?.reload(local))) end('reload');
  };
  process.on('SIGTERM', stop).on('SIGINT', stop).on('SIGHUP', hangup);
  try {
    const running = await startGateway(config, logger, () => end('restart'));
    gateway = running;
    await greet(running.reports);
    const how = await ended;
    gateway = undefined;
    await running.stop(how === 'reload' ? how : undefined);
    return how;
  } catch (error) {
    const code = exitCodeOf(error);
    if (code === undefined) throw error;
    log.error({ exitCode: code }, (error as Error).message);
    logger.flush();
    return code;
  } finally {
    process.off('SIGTERM', stop).off('SIGINT', stop).off('SIGHUP', hangup);
  }
}

/** What was set from afar does not keep a gateway from starting: where it does not start with it, it does without. */
async function startGateway(config: RecoveredConfig, logger: Logger, restart: () => void): Promise<Gateway> {
  const { log } = logger;
  const start = async (recovered: RecoveredConfig): Promise<Gateway> => {
    // Loaded only here, so that commands like `vedette user add` are quick.
    const { Gateway } = await import('./gateway.ts');
    const options = { config: recovered, log, logPort: logger, version: commandLine.version, restart };
    const gateway = new Gateway(options);
    await gateway.start();
    return gateway;
  };
  try {
    return await start(config);
  } catch (error) {
    const { store, local, incidents } = config;
    if (Object.keys(store.current.layer).length === 0) throw error;
    const reason = `the gateway does not start with it: ${(error as Error).message}`;
    const incident = await setAside(store, reason);
    try {
      return await start({ ...config, config: await local.load(), incidents: [...incidents, incident] });
    } catch {
      await undoLast(store, 'it was not to blame');
      throw error;
    }
  }
}

/** Of failures that a person has to mend; undefined for a fault of the program. */
function exitCodeOf(error: unknown): number | undefined {
  if (error instanceof PortTakenError) return EX_UNAVAILABLE;
  if (error instanceof AccessError && error.code === 'invalid_file') return EX_CONFIG;
  return undefined;
}

/** The configuration anew; where it has become wrong, the one that was right. */
async function reload(previous: OpenConfig, { log }: Logger): Promise<OpenConfig> {
  const command = parseCommandLine(commandLine.argv, commandLine.version);
  if (command.name !== 'run') return reopenConfig(previous);
  try {
    return await openConfig(command.config);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    log.error({ problems: error.problems }, 'the configuration has become wrong: the one before stays in force');
    return reopenConfig(previous);
  }
}

/** Tells a person at a terminal, in a container's log or over SSH what runs; the journal has the log lines. */
async function greet(reports: { banner: (command: string) => Parameters<typeof import('./banner.ts').banner>[0] }) {
  if (process.env.JOURNAL_STREAM !== undefined) return;
  const { banner } = await import('./banner.ts');
  process.stderr.write(
    banner(reports.banner(process.env.npm_lifecycle_event === undefined ? 'vedette' : 'npx vedette')),
  );
}

/** systemd, or a container engine whose first process we are, starts us again. */
function supervised(): boolean {
  return process.env.INVOCATION_ID !== undefined || process.pid === 1;
}

function crash(error: Error, { log, flush }: Logger): void {
  log.error({ err: error }, 'uncaught error: the process ends');
  flush();
  process.exit(1);
}

/** Of the package that this file belongs to: two folders up where compiled, one where not. */
function readVersion(): string {
  for (const path of ['../../package.json', '../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as Record<
        string,
        string
      >;
      if (name === 'vedette' && version !== undefined) return version;
    } catch {
      // Not here.
    }
  }
  return '0.0.0';
}
