import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { Command } from './command.ts';
import { ControlError } from './gateway-port.ts';
import { withSharedParts } from './shared-schema.ts';

/** Bytes of a request; looked at before it is parsed. */
export const MAX_PAYLOAD = 64 * 1024;
/** Levels of objects and arrays in a request; looked at before it is parsed. */
export const MAX_DEPTH = 16;

/** What every request may carry besides the members of its command. */
const MAX_TRANSACTION = 200;

/** A request that is JSON and within the limits; its members have not passed the command's schema yet. */
export interface ParsedRequest {
  /** Echoed in the answer. */
  transaction: string | undefined;
  /** Unix milliseconds after which it must not be carried out. */
  deadline: number | undefined;
  members: Record<string, unknown>;
}

/**
 * Reads a request's text. Nothing at all is an empty request.
 * @throws ControlError `invalid_request`; the caller finds the transaction, where there is one, by {@link transactionOf}.
 */
export function parseRequest(payload: Buffer): ParsedRequest {
  if (payload.length > MAX_PAYLOAD) {
    throw invalid(`is ${payload.length} bytes long; at most ${MAX_PAYLOAD} are allowed`, '');
  }
  if (payload.length === 0) return { transaction: undefined, deadline: undefined, members: {} };
  if (nestingOf(payload) > MAX_DEPTH)
    throw invalid(`is nested deeper than the ${MAX_DEPTH} levels that are allowed`, '');
  const value = parseJson(payload);
  if (!isObject(value)) throw invalid(`is ${show(value)}; must be a JSON object`, '');
  const { transaction, deadline, ...members } = value;
  return { transaction: readTransaction(transaction), deadline: readDeadline(deadline), members };
}

/** The transaction of a request that may be wrong otherwise, so that its error answer can carry it. */
export function transactionOf(payload: Buffer): string | undefined {
  try {
    if (payload.length > MAX_PAYLOAD || nestingOf(payload) > MAX_DEPTH) return undefined;
    const value: unknown = JSON.parse(payload.toString('utf8'));
    return isObject(value) ? readTransaction(value.transaction) : undefined;
  } catch {
    return undefined;
  }
}

/** Checks requests against their command's schema; each schema is compiled when its command is first used. */
export class RequestValidator {
  readonly #ajv = new Ajv({ verbose: true, strict: true, allowUnionTypes: true });
  readonly #compiled = new Map<Command, ValidateFunction>();

  /** @throws ControlError `invalid_request` that names the member, its value and what is allowed. */
  check(command: Command, members: Record<string, unknown>): void {
    let validate = this.#compiled.get(command);
    if (validate === undefined) {
      validate = this.#ajv.compile(withSharedParts(command.request));
      this.#compiled.set(command, validate);
    }
    if (validate(members)) return;
    const error = validate.errors?.[0];
    if (error === undefined) throw invalid('does not fit its schema', '');
    throw describe(error);
  }
}

/** JSON Schema keywords that compare with a limit, in words. */
const LIMITS: Readonly<Record<string, string>> = {
  minimum: 'at least',
  maximum: 'at most',
  minLength: 'of at least this many characters:',
  maxLength: 'of at most this many characters:',
};

function describe(error: ErrorObject): ControlError {
  const { keyword, instancePath, params, parentSchema, data } = error;
  const schema = parentSchema as Record<string, unknown>;
  if (keyword === 'additionalProperties') {
    const name = String(params.additionalProperty);
    const allowed = Object.keys((schema.properties ?? {}) as object);
    return invalid(
      `is not known here; ${allowed.length === 0 ? 'nothing' : allowed.join(', ')} is allowed`,
      `${instancePath}/${name}`,
    );
  }
  if (keyword === 'required') return invalid('is missing', `${instancePath}/${params.missingProperty}`);
  if (keyword === 'enum') {
    return invalid(`is ${show(data)}; allowed are ${(params.allowedValues as unknown[]).join(', ')}`, instancePath);
  }
  if (keyword === 'type') return invalid(`is ${show(data)}; must be of type ${params.type}`, instancePath);
  if (keyword in LIMITS) return invalid(`is ${show(data)}; must be ${LIMITS[keyword]} ${params.limit}`, instancePath);
  return invalid(`is ${show(data)}; it ${error.message ?? 'is not allowed'}`, instancePath);
}

function invalid(what: string, path: string): ControlError {
  return new ControlError('invalid_request', `${path === '' ? 'the request' : path} ${what}`, path);
}

/** A value as it appears in a message: short, and never something that a terminal would act on. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function parseJson(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch {
    throw invalid('is not JSON', '');
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readTransaction(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value.length > MAX_TRANSACTION) {
    throw invalid(`is ${show(value)}; must be a string of at most ${MAX_TRANSACTION} characters`, '/transaction');
  }
  return value;
}

function readDeadline(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  // With a zone: a local time would mean something else on the two machines.
  const time = typeof value === 'string' && /T.*(Z|[+-]\d\d:?\d\d)$/.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(time)) throw invalid(`is ${show(value)}; must be a time as 2026-01-31T12:00:00Z`, '/deadline');
  return time;
}

/** The deepest nesting, counted in the bytes: a parser would have recursed already. */
function nestingOf(payload: Buffer): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < payload.length; i++) {
    const byte = payload[i];
    if (inString) {
      if (byte === 0x5c) i += 1;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x7b || byte === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (byte === 0x7d || byte === 0x5d) depth -= 1;
  }
  return deepest;
}
