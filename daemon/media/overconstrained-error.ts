import type { PropertyName } from './constrainable-properties.ts';
import type { MediaTrackConstraints } from './track-constraints.ts';
import type { MediaTrackCapabilities } from './track-dictionaries.ts';
import { defineInterface, requireArguments } from './web-idl.ts';
import { domString } from './web-idl-types.ts';

/** A required constraint that nothing can satisfy (W3C Media Capture and Streams, 4.5). */
export class OverconstrainedError extends DOMException {
  readonly #constraint: string;

  static {
    defineInterface(OverconstrainedError, { brand: (value) => #constraint in value });
  }

  constructor(constraint: string, message = '') {
    requireArguments(arguments, 1, 'OverconstrainedError constructor');
    super(domString.convert(message, 'message'), 'OverconstrainedError');
    this.#constraint = domString.convert(constraint, 'constraint');
  }

  /** The name of a constraint that cannot be satisfied; empty when only several together cannot. */
  get constraint(): string {
    return this.#constraint;
  }
}

/** Names the constraint, what was asked for and what there is. */
export function explainOverconstrained(
  name: PropertyName | '',
  constraints: MediaTrackConstraints,
  capabilities: readonly MediaTrackCapabilities[],
): string {
  if (name === '') return 'each of the required constraints can be satisfied, but not all of them together';
  const there = capabilities.map((all) => JSON.stringify((all as Record<string, unknown>)[name] ?? 'nothing of it'));
  return `${name}: ${JSON.stringify(constraints[name])} is required, there is ${[...new Set(there)].join(' or ')}`;
}
