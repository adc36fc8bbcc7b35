/** MediaTrackConstraints (W3C Media Capture and Streams, 4.3.5) as a JSON Schema, from the table of the properties. */
import { PROPERTIES, PROPERTY_NAMES, type PropertyType } from '../media/constrainable-properties.ts';
import { ControlError } from './gateway-port.ts';

/** What a list may hold. */
const MAX_ITEMS = 16;
const MAX_ADVANCED = 4;
/** Every width of every mode is tried with each aspect ratio that is spoken of. */
const MAX_ASPECT_RATIOS = 4;

const text = { type: 'string', maxLength: 128 } as const;
const word = { type: 'boolean' } as const;
const unsignedLong = { type: 'integer', minimum: 0, maximum: 2 ** 32 - 1 } as const;
const double = { type: 'number', minimum: -1e9, maximum: 1e9 } as const;
const texts = { ...text, type: ['string', 'array'], maxItems: MAX_ITEMS, items: text } as const;
const booleanOrText = { ...text, type: ['boolean', 'string'] } as const;
const points = {
  type: 'array',
  maxItems: MAX_ITEMS,
  items: { type: 'object', properties: { x: double, y: double }, additionalProperties: false },
} as const;

/** A bare value, or an object of such values. */
function orObject(
  { type, ...limits }: { readonly type: string | readonly string[] },
  names: readonly string[],
): object {
  const value = { type, ...limits };
  return {
    ...limits,
    type: [type, 'object'].flat(),
    properties: Object.fromEntries(names.map((name) => [name, value])),
    additionalProperties: false,
  };
}

const range = ['min', 'max', 'exact', 'ideal'];
const exactOrIdeal = ['exact', 'ideal'];

const CONSTRAINTS: Readonly<Record<PropertyType, object>> = {
  unsignedLong: orObject(unsignedLong, range),
  double: orObject(double, range),
  domString: orObject(texts, exactOrIdeal),
  boolean: orObject(word, exactOrIdeal),
  booleanOrDomString: orObject(booleanOrText, exactOrIdeal),
  booleanOrDouble: { ...orObject(double, range), type: ['boolean', 'number', 'object'] },
  points: orObject(points, exactOrIdeal),
};

const properties = Object.fromEntries(PROPERTY_NAMES.map((name) => [name, CONSTRAINTS[PROPERTIES[name].type]]));

export const trackConstraints = {
  type: 'object',
  properties: {
    ...properties,
    advanced: {
      type: 'array',
      maxItems: MAX_ADVANCED,
      items: { type: 'object', properties, additionalProperties: false },
    },
  },
  additionalProperties: false,
  description: `MediaTrackConstraints; none: what the configuration wishes. At most ${MAX_ASPECT_RATIOS} different aspect ratios`,
} as const;

/**
 * What a schema cannot say of constraints that fit it: how many different aspect ratios there may be.
 * @throws ControlError `invalid_request`
 */
export function limitAspectRatios({ advanced = [], ...basic }: { advanced?: readonly object[] }): void {
  const ratios = new Set(
    [basic, ...advanced].flatMap((set: { aspectRatio?: unknown }) =>
      typeof set.aspectRatio === 'object' && set.aspectRatio !== null
        ? Object.values(set.aspectRatio)
        : (set.aspectRatio ?? []),
    ),
  );
  if (ratios.size <= MAX_ASPECT_RATIOS) return;
  const path = '/constraints/aspectRatio';
  const message = `${path} has ${ratios.size} different values with the advanced sets; at most ${MAX_ASPECT_RATIOS} are allowed`;
  throw new ControlError('invalid_request', message, path);
}
