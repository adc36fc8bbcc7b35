/** The getUserMedia() algorithm (W3C Media Capture and Streams, 10.2), after its argument was read. */
import type { PropertyName } from './constrainable-properties.ts';
import { splitSettings } from './constrainable-properties.ts';
import type { ProvidedDevice, ProvidedInput } from './device-provider.ts';
import { requiredNames } from './fitness-distance.ts';
import { capabilitiesOf } from './media-device-info.ts';
import { createTrack, type MediaStreamTrack } from './media-stream-track.ts';
import { explainOverconstrained, OverconstrainedError } from './overconstrained-error.ts';
import type { PermissionStore } from './permission-store.ts';
import { isOverconstrained, normalizeSet, type Selection, selectSettings } from './select-settings.ts';
import type { MediaTrackConstraints } from './track-constraints.ts';
import type { TrackSource } from './track-source.ts';

export type Kind = 'audio' | 'video';

/** What one kind of media was asked for. */
export type Requests = ReadonlyMap<Kind, MediaTrackConstraints>;

export interface CaptureContext {
  readonly devices: readonly ProvidedDevice[];
  readonly permissions: PermissionStore;
  /** The live tracks of getUserMedia(), clones included, by kind. */
  readonly captured: Readonly<Record<Kind, Set<MediaStreamTrack>>>;
  /** Permission was given: more may be told of these devices from now on. */
  allowed(kinds: readonly Kind[]): void;
  /** Among several devices that fit a person would have to choose. */
  readonly userChooses: boolean;
}

interface Candidate {
  readonly device: ProvidedInput;
  readonly selection: Selection;
}

/** A camera may take seconds to open and to deliver its first picture; the source goes on trying, we do not. */
const OPEN_TIMEOUT_MS = 10_000;
const KIND_OF_DEVICE = { audio: 'audioinput', video: 'videoinput' } as const;
export const NAME_OF_KIND = { audio: 'microphone', video: 'camera' } as const;

/** "Allowed required constraints for device selection". */
const ALLOWED_REQUIRED: ReadonlySet<PropertyName> = new Set([
  'width',
  'height',
  'aspectRatio',
  'frameRate',
  'facingMode',
  'resizeMode',
  'sampleRate',
  'sampleSize',
  'echoCancellation',
  'autoGainControl',
  'noiseSuppression',
  'latency',
  'channelCount',
  'deviceId',
  'groupId',
] as const);

/**
 * @returns A live track of each kind, delivering.
 * @throws As rejections: TypeError for a required constraint that does not select devices; DOMException `NotFoundError`,
 *   `NotAllowedError`, `NotReadableError`, `AbortError`; OverconstrainedError.
 */
export async function captureTracks(requests: Requests, context: CaptureContext): Promise<MediaStreamTrack[]> {
  const { permissions, devices } = context;
  const kinds = [...requests.keys()];
  for (const [kind, constraints] of requests) expectSelecting(kind, constraints);
  const denied = kinds.filter((kind) => permissions.state({ name: NAME_OF_KIND[kind] }) === 'denied');
  // "Specific failure is [not] allowed": who may not use a kind of device does not learn what there is either.
  if (denied.length > 0) throw notAllowed(denied);
  const candidates = new Map<Kind, Candidate[]>();
  for (const [kind, constraints] of requests) {
    const ofKind = devices.filter((device): device is ProvidedInput => device.kind === KIND_OF_DEVICE[kind]);
    if (ofKind.length === 0) throw new DOMException(`there is no ${NAME_OF_KIND[kind]}`, 'NotFoundError');
    candidates.set(kind, findCandidates(kind, constraints, ofKind, permissions));
  }
  const undecided = kinds.filter((kind) => permissions.state({ name: NAME_OF_KIND[kind] }) !== 'granted');
  if (undecided.length > 0) throw notAllowed(undecided);
  for (const [kind, found] of candidates)
    if (context.userChooses && found.length > 1)
      throw new DOMException(
        `${found.length} ${NAME_OF_KIND[kind]}s fit, and there is nobody to choose one: ask for a deviceId`,
        'NotAllowedError',
      );
  context.allowed(kinds);
  return openAll(requests, candidates, context);
}

/** @throws TypeError for a required constraint that is none for device selection. */
function expectSelecting(kind: Kind, { advanced: _, ...basic }: MediaTrackConstraints): void {
  const wrong = requiredNames(normalizeSet(basic, 'ideal', kind)).find((name) => !ALLOWED_REQUIRED.has(name));
  if (wrong !== undefined)
    throw new TypeError(`getUserMedia: ${kind}.${wrong} cannot be required while a device is looked for`);
}

function notAllowed(kinds: readonly Kind[]): DOMException {
  const names = kinds.map((kind) => NAME_OF_KIND[kind]).join(' and ');
  return new DOMException(`the permission to use the ${names} is not given`, 'NotAllowedError');
}

/** The devices that can satisfy the constraints, the best first; of equal ones the system's default. */
function findCandidates(
  kind: Kind,
  constraints: MediaTrackConstraints,
  devices: readonly ProvidedInput[],
  permissions: PermissionStore,
): Candidate[] {
  const panTiltZoom = permissions.state({ name: 'camera', panTiltZoom: true }) === 'granted';
  const capabilities = devices.map((device) => capabilitiesOf(device, panTiltZoom));
  const results = devices.map((device, index) => ({
    device,
    result: selectSettings(
      { kind, capabilities: capabilities[index] ?? {}, modes: device.modes(), current: {} },
      constraints,
    ),
  }));
  const fitting = results.flatMap(({ device, result }) =>
    isOverconstrained(result) ? [] : [{ device, selection: result }],
  );
  if (fitting.length > 0) return fitting.sort((a, b) => a.selection.distance - b.selection.distance);
  const failed = new Set(results.map(({ result }) => ('failedConstraint' in result ? result.failedConstraint : '')));
  // One that fails on every device; where they differ none is to blame alone.
  const [name = ''] = failed.size === 1 ? failed : [''];
  // The name tells of the devices: only to those who may use them ("if device information can be exposed").
  throw permissions.state({ name: NAME_OF_KIND[kind] }) === 'granted'
    ? new OverconstrainedError(name, explainOverconstrained(name, constraints, capabilities))
    : new OverconstrainedError('');
}

async function openAll(
  requests: Requests,
  candidates: ReadonlyMap<Kind, Candidate[]>,
  context: CaptureContext,
): Promise<MediaStreamTrack[]> {
  const opening = [...requests].map(([kind, constraints]) =>
    openFirst(kind, constraints, candidates.get(kind) ?? [], context),
  );
  const results = await Promise.allSettled(opening);
  const tracks = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failure = results.find((result) => result.status === 'rejected');
  if (failure === undefined) return tracks;
  for (const track of tracks) track.stop();
  throw failure.reason;
}

/** A track of the best device that can be opened. */
async function openFirst(
  kind: Kind,
  constraints: MediaTrackConstraints,
  candidates: readonly Candidate[],
  { permissions, captured }: CaptureContext,
): Promise<MediaStreamTrack> {
  let failure: DOMException | undefined;
  for (const { device, selection } of candidates) {
    const source = device.source();
    const { own } = splitSettings(selection.settings);
    const track = createTrack(
      source,
      { settings: own },
      {
        captured: captured[kind],
        panTiltZoom: permissions.state({ name: 'camera', panTiltZoom: true }) === 'granted',
      },
    );
    try {
      await untilLive(source);
      // Once more on the open device, which knows its controls.
      await track.applyConstraints(constraints);
      if (track.readyState === 'live') return track;
      failure ??= new DOMException(`${device.label} went away`, 'AbortError');
    } catch (error) {
      track.stop();
      if (error instanceof OverconstrainedError) throw error;
      failure ??= await openFailure(device, error as Error);
    }
  }
  throw failure;
}

async function openFailure(device: ProvidedInput, error: Error): Promise<DOMException> {
  const reason = (await device.explain?.(error.message)) ?? error.message;
  const name = error.name === 'AbortError' ? 'AbortError' : 'NotReadableError';
  return new DOMException(`${device.label} cannot be used: ${reason}`, { name, cause: error });
}

/** Resolves when media flows; rejects as soon as the source says that it cannot deliver. */
async function untilLive(source: TrackSource): Promise<void> {
  const abort = new AbortController();
  const timeout = `no media within ${OPEN_TIMEOUT_MS / 1000} s`;
  const timer = setTimeout(
    () =>
      abort.abort(new DOMException(source.mutedReason ?? timeout, source.muted ? 'NotReadableError' : 'AbortError')),
    OPEN_TIMEOUT_MS,
  );
  const stopObserving = source.observe({
    mutedChanged: () => {
      if (source.muted) abort.abort(new DOMException(source.mutedReason ?? 'the device is silent', 'NotReadableError'));
    },
    ended: () => abort.abort(new DOMException('the device went away', 'AbortError')),
  });
  try {
    await source.live(abort.signal);
  } finally {
    clearTimeout(timer);
    stopObserving();
  }
}
