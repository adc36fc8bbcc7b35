import convict from 'convict';
import { parseYaml, YamlError } from '../daemon/lib/yaml.ts';
import { complete, givenIn, type Leaf, leavesOf, type Path, pointer } from './check.ts';
import type { Problem } from './config-error.ts';
import { checkSetting, describeSetting, FORMATS } from './formats.ts';
import { isMap } from './map.ts';
import { mergePatch } from './merge-patch.ts';
import { nearest } from './near-miss.ts';
import { SCHEMA } from './schema.ts';
import type { Setting } from './setting.ts';
import type { Origin, Settings } from './settings.ts';

/** Of the file, and of a map in the environment, in bytes. */
export const MAX_YAML_BYTES = 256 * 1024;

/** The settings as they stand in the file: with what the rooms do not receive. */
export type FileSettings = Settings & { mqtt: { passwordFile: string } };

const LEAVES: readonly Leaf[] = leavesOf(SCHEMA);
const LEAF_BY_NAME: ReadonlyMap<string, Leaf> = new Map(LEAVES.map((leaf) => [leaf.path.join('.'), leaf]));

convict.addFormats(
  Object.fromEntries(
    Object.entries(FORMATS).map(([name, { coerce }]) => [
      name,
      {
        coerce,
        validate: (value: unknown, setting: Setting) => {
          if (!checkSetting(setting, value)) throw new Error(`must be ${describeSetting(setting)}`);
        },
      },
    ]),
  ),
);

/** What messages call the layer that was set from afar. */
export const REMOTE = 'remote configuration';

/** Where the value at a path comes from: it, or what it is a part of. */
export function originIn(origins: ReadonlyMap<string, Origin>, name: string): Origin {
  for (let at = name; ; at = at.slice(0, at.lastIndexOf('.'))) {
    const origin = origins.get(at);
    if (origin !== undefined) return origin;
    if (!at.includes('.')) return 'default';
  }
}

/** One pass over the layers of a configuration. */
export class Layers {
  readonly problems: Problem[] = [];
  readonly origins = new Map<string, Origin>();
  readonly #env: NodeJS.ProcessEnv;
  readonly #config: convict.Config<Record<string, unknown>>;
  /** Name of the file, variable or flag that a setting comes from. */
  readonly #sources = new Map<string, string>();

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
    this.#config = convict(SCHEMA as convict.Schema<Record<string, unknown>>, { env, args: [] });
  }

  originOf(name: string): Origin {
    return originIn(this.origins, name);
  }

  /** @param path name of the file, for messages */
  file(path: string | undefined, content: unknown): void {
    const problems: Problem[] = [];
    for (const [leaf, value] of givenIn(SCHEMA, content, problems)) this.#set(leaf.path.join('.'), value, 'file', path);
    this.problems.push(...problems.map((problem) => (path === undefined ? problem : { ...problem, source: path })));
  }

  /** What was set from afar. In a map of groups it says only what differs from the file; `null` takes an entry away. */
  remote(layer: unknown): void {
    const problems: Problem[] = [];
    for (const [{ path, setting }, value] of givenIn(SCHEMA, layer, problems)) {
      const name = path.join('.');
      if (setting.of === undefined) {
        this.#set(name, value, 'remote', REMOTE);
        continue;
      }
      const below: unknown = this.#config.get(name);
      this.#config.set(name, mergePatch(below, value));
      this.#sayInner(path, below, value);
    }
    // The password wins over the file that another one stands in.
    if (this.origins.get('mqtt.password') === 'remote') this.#set('mqtt.passwordFile', '', 'remote', undefined);
    this.problems.push(...problems.map((problem) => ({ ...problem, source: REMOTE })));
  }

  async environment(): Promise<void> {
    for (const [name, { setting }] of LEAF_BY_NAME) {
      const { env } = setting;
      if (env !== undefined && this.#env[env] !== undefined) this.#say(name, 'env', env);
    }
    // Whatever it loads, convict puts the environment over it.
    this.#config.load({});
    for (const { path, setting } of LEAVES) {
      const name = path.join('.');
      const value: unknown = this.#config.get(name);
      if (setting.of !== undefined && typeof value === 'string') await this.#setYaml(name, value);
    }
  }

  async flag(name: string, text: string): Promise<void> {
    const leaf = LEAF_BY_NAME.get(name);
    if (leaf?.setting.sensitive) {
      const message = `must not stand on a command line, which every process can read; ${leaf.setting.env} or a file`;
      this.problems.push({ path: pointer(leaf.path), message, source: '--set' });
      return;
    }
    if (leaf !== undefined) {
      this.#say(name, 'flag', leaf.setting.arg === undefined ? `--set ${name}` : `--${leaf.setting.arg}`);
      if (leaf.setting.of === undefined) this.#config.set(name, text);
      else await this.#setYaml(name, text);
      return;
    }
    const [root = '', ...inner] = name.split('.');
    const nested = LEAF_BY_NAME.get(root)?.setting.of !== undefined && inner.every((part) => part !== '');
    if (!nested) {
      const meant = nearest(name, LEAF_BY_NAME.keys());
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
      this.problems.push({ path: pointer(name.split('.')), message: `is not a setting${hint}`, source: '--set' });
      return;
    }
    const value = await this.#parse(name, text);
    this.#config.set(root, put(this.#config.get(root), inner, value));
    this.#say(name, 'flag', `--set ${name}`);
  }

  /** The settings with every default; what is wrong stands in {@link problems}. */
  finish(): FileSettings {
    const result: Record<string, unknown> = {};
    for (const { path, setting } of LEAVES) {
      const name = path.join('.');
      const observer = {
        problem: (problem: Problem) => {
          const source = this.#sourceOf(problem.path);
          this.problems.push(source === undefined ? problem : { ...problem, source });
        },
        given: (inner: Path) => {
          const innerName = inner.join('.');
          const origin = this.originOf(innerName);
          if (origin !== 'default') this.origins.set(innerName, origin);
        },
      };
      const value = complete(setting, this.#config.get(name), path, observer);
      Object.assign(result, put(result, path, value));
    }
    return result as unknown as FileSettings;
  }

  #set(name: string, value: unknown, origin: Origin, source: string | undefined): void {
    this.#config.set(name, value);
    this.#say(name, origin, source);
  }

  #say(name: string, origin: Origin, source: string | undefined): void {
    for (const inner of this.origins.keys()) if (inner.startsWith(`${name}.`)) this.origins.delete(inner);
    this.origins.set(name, origin);
    if (source !== undefined) this.#sources.set(pointer(name.split('.')), source);
  }

  /** Of what a merge patch gave inside a setting: the values, and groups that were not there. */
  #sayInner(path: Path, below: unknown, value: unknown): void {
    if (isMap(value) && isMap(below)) {
      for (const [key, item] of Object.entries(value)) this.#sayInner([...path, key], below[key], item);
    } else if (value !== null) this.#say(path.join('.'), 'remote', REMOTE);
  }

  /** That of the setting, or of the one that it is a part of. */
  #sourceOf(path: string): string | undefined {
    for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
      const source = this.#sources.get(at);
      if (source !== undefined) return source;
    }
    return undefined;
  }

  async #setYaml(name: string, text: string): Promise<void> {
    this.#config.set(name, await this.#parse(name, text));
  }

  async #parse(name: string, text: string): Promise<unknown> {
    try {
      return (await parseYaml(text, MAX_YAML_BYTES)) ?? {};
    } catch (error) {
      if (!(error instanceof YamlError)) throw error;
      this.problems.push({ path: pointer(name.split('.')), message: `is not YAML: ${error.message}` });
      return {};
    }
  }
}

/** A copy of a tree with one value put at a path; what stands in the way is replaced. */
function put(tree: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  if (/^\d$/.test(key) && (tree === undefined || Array.isArray(tree))) {
    const copy: unknown[] = [...(tree ?? [])];
    copy[Number(key)] = put(copy[Number(key)], rest, value);
    return Array.from(copy);
  }
  const map: object = typeof tree === 'object' && tree !== null && !Array.isArray(tree) ? tree : {};
  const inner: unknown = Object.hasOwn(map, key) ? (map as Record<string, unknown>)[key] : undefined;
  return { ...map, [key]: put(inner, rest, value) };
}
