import { stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { readSmallFile } from '../daemon/lib/small-file.ts';
import { parseYaml, YamlError } from '../daemon/lib/yaml.ts';
import { leavesOf } from './check.ts';
import { ConfigError } from './config-error.ts';
import { Layers, MAX_YAML_BYTES, REMOTE } from './layers.ts';
import { isMap } from './map.ts';
import { redact } from './redact.ts';
import { localOnlyProblems, type RemoteLayer } from './remote-layer.ts';
import { resolveSettings } from './resolve.ts';
import { crossFieldProblems } from './rules.ts';
import { DEFAULT_FILES, DEFAULT_STREAMS, SCHEMA } from './schema.ts';
import type { LoadedConfig, Settings } from './settings.ts';

export interface LoadOptions {
  /** The file to read; without it the first of {@link DEFAULT_FILES} that exists, or none; `false`: none. */
  file?: string | false | undefined;
  /** Texts by path, for example `rtsp.port` or `streams.front.video.width`. They win over everything else. */
  flags?: ReadonlyMap<string, string>;
  /** Default: those of the process. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  hostname?: string;
}

/** What stands at this machine, read once: the file, the environment and the flags. */
export interface LocalConfig {
  /** The streams that there are without a remote layer, as they are written. */
  readonly streams: Readonly<Record<string, unknown>>;
  /**
   * The effective configuration: defaults, then the file, then the remote layer, then the environment, then flags.
   * Secrets are read from their files again.
   * @throws ConfigError with everything that is wrong
   */
  load(remote?: RemoteLayer): Promise<LoadedConfig>;
}

/** @throws ConfigError for a file that cannot be read. */
export async function readLocalConfig(options: LoadOptions = {}): Promise<LocalConfig> {
  const { cwd = process.cwd(), env = process.env } = options;
  const file = options.file === false ? undefined : await findFile(options.file, cwd);
  const content = file === undefined ? undefined : await readYamlFile(file);
  const load = async (remote: RemoteLayer = {}): Promise<LoadedConfig> => {
    const layers = new Layers(env);
    if (file !== undefined) layers.file(file, content);
    layers.remote(remote);
    await layers.environment();
    for (const [name, text] of options.flags ?? []) await layers.flag(name, text);
    const settings = layers.finish();
    const base = (name: string) => (file !== undefined && layers.originOf(name) === 'file' ? dirname(file) : cwd);
    const problems = [
      ...localOnlyProblems(remote).map((problem) => ({ ...problem, source: REMOTE })),
      ...layers.problems,
      ...crossFieldProblems(settings, { mqttPasswordFile: settings.mqtt.passwordFile }),
      ...(await resolveSettings(settings, layers.origins, { env, base, hostname: options.hostname ?? hostname() })),
    ];
    if (problems.length > 0) throw new ConfigError('invalid', problems);
    const { passwordFile, ...mqtt } = settings.mqtt;
    const received: Settings = { ...settings, mqtt };
    return { settings: received, origins: layers.origins, redacted: redact(received, leavesOf(SCHEMA)) };
  };
  const { streams } = isMap(content) ? content : {};
  return { streams: isMap(streams) ? streams : DEFAULT_STREAMS, load };
}

/** The configuration as it stands at this machine. @throws ConfigError with everything that is wrong */
export async function loadConfig(options: LoadOptions = {}): Promise<LoadedConfig> {
  return (await readLocalConfig(options)).load();
}

async function findFile(named: string | undefined, cwd: string): Promise<string | undefined> {
  if (named !== undefined) return resolve(cwd, named);
  for (const candidate of DEFAULT_FILES) {
    const path = resolve(cwd, candidate);
    if ((await stat(path).catch(() => undefined))?.isFile()) return path;
  }
  return undefined;
}

async function readYamlFile(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readSmallFile(path, MAX_YAML_BYTES);
  } catch (error) {
    throw new ConfigError('unreadable', [
      { path: '', message: `cannot be read: ${(error as Error).message}`, source: path },
    ]);
  }
  try {
    return await parseYaml(text, MAX_YAML_BYTES);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    throw new ConfigError('invalid', [{ path: '', message: `is not YAML: ${error.message}`, source: path }]);
  }
}
