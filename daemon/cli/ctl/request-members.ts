import { nearest } from '../../../config/near-miss.ts';
import { COMMANDS } from '../../control/commands.ts';
import { ControlError } from '../../control/gateway-port.ts';
import { RequestValidator } from '../../control/request.ts';
import { CtlError } from './exit-codes.ts';

type Members = Record<string, unknown>;

/** The parts of a JSON Schema that say how a typed word is meant. */
interface ValueSchema {
  type?: string | readonly string[];
  enum?: readonly unknown[];
  properties?: Readonly<Record<string, ValueSchema>>;
}

/** @throws CtlError `usage` for a command that is not in the table. */
export function checkCommand(name: string): void {
  if (Object.hasOwn(COMMANDS, name)) return;
  const meant = nearest(name, Object.keys(COMMANDS));
  const hint = meant === undefined ? 'vedette ctl --help lists them' : `did you mean ${meant}?`;
  throw new CtlError('usage', `there is no command ${name}: ${hint}`);
}

/**
 * The request that words of a command line stand for: JSON objects, and `member=value` where a member inside another one
 * has a dotted path. Values are read as the command's schema wants them; where it does not say, JSON is JSON and anything
 * else a text.
 * @throws CtlError `usage` in the gateway's own words, before anything is sent
 */
export function requestMembers(command: string, words: readonly string[]): Members {
  const definition = COMMANDS[command];
  const members: Members = {};
  for (const word of words) {
    if (word.trimStart().startsWith('{')) {
      for (const [name, value] of Object.entries(parseObject(word))) put(members, [name], value);
      continue;
    }
    const equals = word.indexOf('=');
    if (equals < 1) throw new CtlError('usage', `"${word}" is neither member=value nor a JSON object`);
    const path = word.slice(0, equals).split('.');
    put(members, path, typedValue(word.slice(equals + 1), schemaAt(definition?.request, path)));
  }
  if (definition === undefined) return members;
  try {
    new RequestValidator().check(definition, members);
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    throw new CtlError('usage', `${command}: ${error.message}\nvedette ctl ${command} --help says what it takes`);
  }
  return members;
}

function parseObject(text: string): Members {
  try {
    return JSON.parse(text) as Members;
  } catch (error) {
    throw new CtlError('usage', `this is not JSON (${(error as Error).message}): ${text}`);
  }
}

function schemaAt(schema: ValueSchema | undefined, path: readonly string[]): ValueSchema | undefined {
  return path.reduce<ValueSchema | undefined>((at, name) => at?.properties?.[name], schema);
}

function put(members: Members, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path;
  const inner = Object.hasOwn(members, name) ? members[name] : undefined;
  let result = value;
  if (rest.length > 0) {
    result = typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? inner : {};
    put(result as Members, rest, value);
  }
  // Not an assignment: a member may be called __proto__, and is then refused by name.
  Object.defineProperty(members, name, { value: result, enumerable: true, configurable: true, writable: true });
}

const SWITCHES: ReadonlyMap<string, boolean> = new Map([
  ['on', true],
  ['yes', true],
  ['off', false],
  ['no', false],
]);

function typedValue(text: string, schema: ValueSchema | undefined): unknown {
  const types = [schema?.type ?? []].flat();
  if (schema?.enum?.includes(text) || (types.length === 1 && types[0] === 'string')) return text;
  if (types.includes('boolean') && SWITCHES.has(text)) return SWITCHES.get(text);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
