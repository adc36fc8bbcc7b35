import type { FromSchema } from 'json-schema-to-ts';
import { type Command, type CommandContext, command, START_TIME_LIMIT } from './command.ts';
import { limitAspectRatios, trackConstraints } from './constraints-schema.ts';
import { ControlError, type TrackReport } from './gateway-port.ts';
import { encodingRid, streamName } from './schemas.ts';

const whichTrack = {
  name: streamName,
  kind: { enum: ['video', 'audio'], description: 'Its track of this kind' },
  rid: { ...encodingRid, description: 'Of which encoding; default: the first' },
  id: { type: 'string', minLength: 1, maxLength: 64, description: 'Instead of `kind`: the id of a track' },
} as const;

const byTrack = {
  type: 'object',
  properties: whichTrack,
  required: ['name'],
  additionalProperties: false,
} as const;

const constraintsChange = {
  type: 'object',
  properties: { ...whichTrack, constraints: trackConstraints },
  required: ['name', 'constraints'],
  additionalProperties: false,
} as const;

const dictionary = { type: 'object', additionalProperties: true } as const;

/** What an answer tells of a track: which it is, and these dictionaries. */
const resultOf = <Name extends 'constraints' | 'settings' | 'capabilities'>(...names: Name[]) =>
  ({
    type: 'object',
    properties: {
      id: { type: 'string' },
      kind: { enum: ['video', 'audio'] },
      ...Object.fromEntries(names.map((name) => [name, dictionary])),
    },
    required: ['id', 'kind', ...names],
  }) as const;

type Request = FromSchema<typeof byTrack>;

/** @throws ControlError `not_found`, `invalid_request` for neither `kind` nor `id`. */
function trackOf({ gateway }: CommandContext, { name, kind, rid, id }: Request): TrackReport {
  if ((kind === undefined) === (id === undefined))
    throw new ControlError('invalid_request', '/kind is missing: either kind or id says which track', '/kind');
  return gateway.tracks.get({ stream: name, kind, rid, id });
}

const byKind = { name: 'camera', kind: 'video' } as const;

/** The W3C dictionaries of the tracks of streams. */
export const TRACK_COMMANDS: Readonly<Record<string, Command>> = {
  'track/capabilities': command<Request>({
    summary: 'What a track can be constrained to (MediaStreamTrack.getCapabilities)',
    right: 'view',
    request: byTrack,
    example: byKind,
    result: resultOf('capabilities'),
    run: (context, request) => {
      const { id, kind, capabilities } = trackOf(context, request);
      return { id, kind, capabilities };
    },
  }),
  'track/settings': command<Request>({
    summary: 'What a track is like now (MediaStreamTrack.getSettings)',
    right: 'view',
    request: byTrack,
    example: byKind,
    result: resultOf('settings'),
    run: (context, request) => {
      const { id, kind, settings } = trackOf(context, request);
      return { id, kind, settings };
    },
  }),
  'track/constraints': command<Request>({
    summary: 'What was applied to a track last (MediaStreamTrack.getConstraints)',
    right: 'view',
    request: byTrack,
    example: byKind,
    result: resultOf('constraints'),
    run: (context, request) => {
      const { id, kind, constraints } = trackOf(context, request);
      return { id, kind, constraints };
    },
  }),
  'track/apply-constraints': command<FromSchema<typeof constraintsChange>>({
    summary:
      'Constrains a track (MediaStreamTrack.applyConstraints), over what the configuration wishes, until the stream is restarted',
    right: 'control',
    request: constraintsChange,
    example: { ...byKind, constraints: { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { max: 15 } } },
    result: resultOf('constraints', 'settings'),
    timeLimit: START_TIME_LIMIT,
    run: async (context, { constraints: wanted, ...request }) => {
      limitAspectRatios(wanted);
      const track = trackOf(context, request);
      const { id, kind, constraints, settings } = await context.gateway.tracks.applyConstraints(track, wanted);
      return { id, kind, constraints, settings };
    },
  }),
};
