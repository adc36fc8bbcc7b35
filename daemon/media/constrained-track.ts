/** A track as an object of the ConstrainablePattern (W3C Media Capture and Streams, 11). */
import { type PropertyName, propertyOf, splitSettings } from './constrainable-properties.ts';
import { explainOverconstrained, OverconstrainedError } from './overconstrained-error.ts';
import {
  defaultsFor,
  isConstrained,
  isOverconstrained,
  type Overconstrained,
  type Selection,
  selectSettings,
} from './select-settings.ts';
import { aspectRatioOf } from './settings-candidates.ts';
import { trackCapabilities, withoutPanTiltZoom } from './track-capabilities.ts';
import { type ConfigurableTrack, configure } from './track-configuration.ts';
import type { MediaTrackConstraints } from './track-constraints.ts';
import type { MediaTrackSettings } from './track-dictionaries.ts';
import { isObject } from './web-idl-types.ts';

export interface ConstrainedTrack extends ConfigurableTrack {
  /** Whether pan, tilt and zoom may be told and set. */
  readonly panTiltZoom: boolean;
  /** What holds where the constraints leave a choice. */
  readonly defaults: MediaTrackSettings;
  /** [[Constraints]]. */
  constraints: MediaTrackConstraints;
}

/** What was chosen, and over it what the source says that it delivers. */
export function settingsOf({ configuration, encoded, panTiltZoom }: ConstrainedTrack): MediaTrackSettings {
  const settings = { ...configuration.settings, ...encoded.settings() };
  const { width, height } = settings;
  if (width !== undefined && height !== undefined) settings.aspectRatio = aspectRatioOf(width, height);
  return panTiltZoom ? settings : withoutPanTiltZoom(settings);
}

/** The "list of inherent constrainable track properties", which outlive the track (4.3.1). */
export const inherentOf = (track: ConstrainedTrack): MediaTrackSettings =>
  Object.fromEntries(
    Object.entries(settingsOf(track)).filter(([name]) => ['deviceId', 'facingMode', 'groupId'].includes(name)),
  );

export function selectFor(track: ConstrainedTrack, constraints: MediaTrackConstraints): Selection | Overconstrained {
  const { source, panTiltZoom, configuration, defaults } = track;
  return selectSettings(
    {
      kind: source.kind,
      capabilities: trackCapabilities(source, panTiltZoom),
      modes: source.modes(),
      current: settingsOf(track),
    },
    constraints,
    { ...defaultsFor(configuration.contentHint), ...defaults },
  );
}

function refuse(
  track: ConstrainedTrack,
  selected: Selection | Overconstrained,
  constraints: MediaTrackConstraints,
): asserts selected is Selection {
  if (!isOverconstrained(selected)) return;
  const { failedConstraint } = selected;
  const capabilities = trackCapabilities(track.source, track.panTiltZoom);
  throw new OverconstrainedError(
    failedConstraint,
    explainOverconstrained(failedConstraint, constraints, [capabilities]),
  );
}

/**
 * The controls of a camera that the first advanced set names, as if they were required. SelectSettings leaves a set out
 * that nothing satisfies; but `{ advanced: [{ torch: true }] }` is how programs have always set controls, and browsers
 * tell them when the camera cannot.
 */
function withFirstControlsRequired(constraints: MediaTrackConstraints): MediaTrackConstraints {
  const [first = {}] = constraints.advanced ?? [];
  const required = Object.entries(first).filter(([name, value]) => {
    const { control, type } = propertyOf(name as PropertyName);
    // `zoom: true` asks for a camera that can, not for a value.
    return control && !(name in constraints) && !(type === 'booleanOrDouble' && typeof value === 'boolean');
  });
  if (required.length === 0) return constraints;
  const exact = (value: unknown): unknown => (isObject(value) && !Array.isArray(value) ? value : { exact: value });
  return { ...constraints, ...Object.fromEntries(required.map(([name, value]) => [name, exact(value)])) };
}

/** The ApplyConstraints algorithm. @throws OverconstrainedError, DOMException `NotReadableError`; then nothing has changed. */
export async function applyConstraints(track: ConstrainedTrack, constraints: MediaTrackConstraints): Promise<void> {
  const hasEnded = (): boolean => track.readyState === 'ended';
  if (hasEnded()) return;
  const selected = selectFor(track, constraints);
  refuse(track, selected, constraints);
  const strict = withFirstControlsRequired(constraints);
  if (strict !== constraints) refuse(track, selectFor(track, strict), strict);
  const { own: chosen, controls } = splitSettings(selected.settings);
  // A device that is away has nothing to choose from.
  const own = { ...track.defaults, ...chosen };
  const present = track.encoded.settings() as Record<string, unknown>;
  const changed = Object.entries(controls).filter(
    ([name, value]) => isConstrained(constraints, name) && JSON.stringify(present[name]) !== JSON.stringify(value),
  );
  const before = track.configuration.settings;
  try {
    if (JSON.stringify(own) !== JSON.stringify(before)) await configure(track, { settings: own });
    if (changed.length > 0) await track.source.setControls(Object.fromEntries(changed));
  } catch (error) {
    if (hasEnded()) return;
    // What failed for the first time is told, also when taking it back fails.
    if (track.configuration.settings !== before) await configure(track, { settings: before }).catch(() => undefined);
    const message = error instanceof Error ? error.message : String(error);
    throw new DOMException(message, { name: 'NotReadableError', cause: error });
  }
  track.constraints = constraints;
}
