/** MediaTrackConstraints: what scripts write, as types and as conversion (W3C Media Capture and Streams, 4.3.5 and 11). */
import { PROPERTIES, PROPERTY_NAMES, type PropertyName, type PropertyType } from './constrainable-properties.ts';
import type { Point2D } from './track-dictionaries.ts';
import {
  boolean,
  clampedUnsignedLong,
  type DictionaryType,
  dictionary,
  domString,
  double,
  type IdlType,
  sequence,
  union,
  withDefault,
} from './web-idl-types.ts';

export interface ConstrainNumberRange {
  min?: number;
  max?: number;
  exact?: number;
  ideal?: number;
}

interface ExactOrIdeal<T> {
  exact?: T;
  ideal?: T;
}

/** A bare value is `ideal`, in an advanced set `exact`. */
export type ConstrainULong = number | ConstrainNumberRange;
export type ConstrainDouble = number | ConstrainNumberRange;
export type ConstrainBoolean = boolean | ExactOrIdeal<boolean>;
export type ConstrainDOMString = string | string[] | ExactOrIdeal<string | string[]>;
export type ConstrainBooleanOrDOMString = boolean | string | ExactOrIdeal<boolean | string>;
export type ConstrainPoint2D = Point2D[] | ExactOrIdeal<Point2D[]>;

interface ConstraintOf {
  unsignedLong: ConstrainULong;
  double: ConstrainDouble;
  domString: ConstrainDOMString;
  boolean: ConstrainBoolean;
  booleanOrDomString: ConstrainBooleanOrDOMString;
  booleanOrDouble: boolean | ConstrainDouble;
  points: ConstrainPoint2D;
}

export type MediaTrackConstraintSet = {
  [Name in PropertyName]?: ConstraintOf[(typeof PROPERTIES)[Name]['type']];
};

export interface MediaTrackConstraints extends MediaTrackConstraintSet {
  advanced?: MediaTrackConstraintSet[];
}

const range = (name: string, type: IdlType<number>): DictionaryType<ConstrainNumberRange> =>
  dictionary(`Constrain${name}`, { exact: type, ideal: type }, dictionary(name, { min: type, max: type }));

const exactOrIdeal = <T>(name: string, type: IdlType<T>): DictionaryType<ExactOrIdeal<T>> =>
  dictionary(name, { exact: type, ideal: type });

const strings = sequence(domString);
const Point2DType = dictionary<Point2D>('Point2D', { x: withDefault(double, 0), y: withDefault(double, 0) });
const points = sequence(Point2DType);
const ConstrainDoubleRange = range('DoubleRange', double);

const CONSTRAINTS: Readonly<Record<PropertyType, IdlType<unknown>>> = {
  unsignedLong: union(clampedUnsignedLong, range('ULongRange', clampedUnsignedLong)),
  double: union(double, ConstrainDoubleRange),
  domString: union(domString, strings, exactOrIdeal('ConstrainDOMStringParameters', union(domString, strings))),
  boolean: union(boolean, exactOrIdeal('ConstrainBooleanParameters', boolean)),
  booleanOrDomString: union(
    boolean,
    domString,
    exactOrIdeal('ConstrainBooleanOrDOMStringParameters', union(boolean, domString)),
  ),
  booleanOrDouble: union(boolean, double, ConstrainDoubleRange),
  points: union(points, exactOrIdeal('ConstrainPoint2DParameters', points)),
};

const MediaTrackConstraintSetType = dictionary<MediaTrackConstraintSet>(
  'MediaTrackConstraintSet',
  Object.fromEntries(PROPERTY_NAMES.map((name) => [name, CONSTRAINTS[PROPERTIES[name].type]])),
);

export const MediaTrackConstraintsType = dictionary<MediaTrackConstraints>(
  'MediaTrackConstraints',
  { advanced: sequence(MediaTrackConstraintSetType) },
  MediaTrackConstraintSetType,
);
