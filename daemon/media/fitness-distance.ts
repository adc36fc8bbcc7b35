/** The fitness distance between a setting and a constraint (W3C Media Capture and Streams, 11.3). */
import type { PropertyName } from './constrainable-properties.ts';

type Value = number | string | boolean | readonly object[];

/** A constraint whose bare value has become `exact` or `ideal`; no members: there is no constraint. */
export interface NormalizedConstraint {
  readonly exact?: Value | readonly string[];
  readonly ideal?: Value | readonly string[];
  readonly min?: number;
  readonly max?: number;
  /** Asks only whether a numeric property is there (`pan: true`; Image Capture, 9.3). */
  readonly exists?: boolean;
}

/** The constraints of a set that constrain something, by name. */
export type NormalizedSet = ReadonlyMap<PropertyName, NormalizedConstraint>;

/**
 * @param bare What a bare value means: `ideal` in the basic set, `exact` in an advanced one.
 * @param numeric Whether the property is a number, of which a boolean asks the existence.
 */
export function normalizeConstraint(
  constraint: unknown,
  bare: 'ideal' | 'exact',
  numeric: boolean,
): NormalizedConstraint | undefined {
  if (typeof constraint === 'boolean' && numeric) return { exists: constraint };
  const members: object =
    typeof constraint !== 'object' || Array.isArray(constraint) ? { [bare]: constraint } : (constraint as object);
  // "If an empty list has been given as the value for a constraint, it MUST be interpreted as if [it] were not specified."
  const present = Object.entries(members).filter(([, value]) => !(Array.isArray(value) && value.length === 0));
  return present.length === 0 ? undefined : Object.fromEntries(present);
}

export const isRequired = ({ exact, min, max }: NormalizedConstraint): boolean =>
  exact !== undefined || min !== undefined || max !== undefined;

/** @returns 0 for what fits best, Infinity for what a required constraint forbids. */
export function fitnessDistance(
  actual: Value | undefined,
  constraint: NormalizedConstraint,
  bare: 'ideal' | 'exact' = 'ideal',
): number {
  if (constraint.exists !== undefined) {
    if (constraint.exists === (actual !== undefined)) return 0;
    return bare === 'exact' ? Infinity : 1;
  }
  if (isRequired(constraint) && !satisfies(actual, constraint)) return Infinity;
  if (actual === undefined) return 1;
  const { ideal } = constraint;
  if (ideal === undefined) return 0;
  if (typeof actual === 'number' && typeof ideal === 'number') return numericDistance(actual, ideal);
  return isOneOf(actual, ideal) ? 0 : 1;
}

export const numericDistance = (actual: number, ideal: number): number =>
  actual === ideal ? 0 : Math.abs(actual - ideal) / Math.max(Math.abs(actual), Math.abs(ideal));

function satisfies(actual: Value | undefined, { exact, min, max }: NormalizedConstraint): boolean {
  if (actual === undefined) return false;
  if (exact !== undefined && !isOneOf(actual, exact)) return false;
  if (typeof actual !== 'number') return min === undefined && max === undefined;
  return actual >= (min ?? -Infinity) && actual <= (max ?? Infinity);
}

function isOneOf(actual: Value, wanted: Value | readonly string[]): boolean {
  // Points are compared as a whole; of words one suffices.
  if (typeof actual === 'object') return JSON.stringify(actual) === JSON.stringify(wanted);
  return Array.isArray(wanted) ? (wanted as readonly unknown[]).includes(actual) : actual === wanted;
}

/** Names of the constraints of a set that are required. */
export const requiredNames = (set: NormalizedSet): PropertyName[] =>
  [...set].filter(([, constraint]) => isRequired(constraint)).map(([name]) => name);
