import type { FromSchema } from 'json-schema-to-ts';
import { type Command, command, noMembers, nothing } from './command.ts';
import { encodingRid, session, streamName } from './schemas.ts';

const bySession = {
  type: 'object',
  properties: { id: { type: 'string', minLength: 1, maxLength: 64, description: 'As in `session/list`' } },
  required: ['id'],
  additionalProperties: false,
} as const;

const webRtcSession = {
  type: 'string',
  minLength: 1,
  maxLength: 64,
  description: 'As in the answer to `webrtc/offer`',
} as const;

const offer = {
  type: 'object',
  properties: {
    stream: streamName,
    rid: { ...encodingRid, description: 'Which encoding; default: the first that the viewer can play' },
    sdp: { type: 'string', minLength: 1, maxLength: 60_000, description: 'The offer (RFC 8829), to receive only' },
  },
  required: ['stream', 'sdp'],
  additionalProperties: false,
} as const;

const candidate = {
  type: 'object',
  properties: {
    session: webRtcSession,
    sdpMid: { type: 'string', minLength: 1, maxLength: 64 },
    candidate: { type: 'string', maxLength: 1024, description: 'As in RTCIceCandidate; empty: the last one was there' },
  },
  required: ['session', 'sdpMid', 'candidate'],
  additionalProperties: false,
} as const;

const byWebRtcSession = {
  type: 'object',
  properties: { session: webRtcSession },
  required: ['session'],
  additionalProperties: false,
} as const;

/** What is asked about viewers, and by viewers who have nothing but the broker. */
export const SESSION_COMMANDS: Readonly<Record<string, Command>> = {
  'session/list': command<object>({
    summary: 'The viewers of all streams',
    right: 'control',
    request: noMembers,
    result: {
      type: 'object',
      properties: { sessions: { type: 'array', items: session } },
      required: ['sessions'],
    },
    run: ({ gateway }) => ({ sessions: gateway.sessions.list() }),
  }),
  'session/close': command<FromSchema<typeof bySession>>({
    summary: 'Disconnects a viewer, who may come again',
    right: 'control',
    request: bySession,
    example: { id: 's1' },
    result: session,
    run: ({ gateway }, { id }) => gateway.sessions.close(id),
  }),
  'webrtc/offer': command<FromSchema<typeof offer>>({
    summary: 'Opens a WebRTC session: the offer of a viewer for the answer, which has all candidates',
    right: 'view',
    request: offer,
    example: { stream: 'camera', sdp: 'v=0' },
    result: {
      type: 'object',
      properties: {
        session: { type: 'string', description: 'Whoever knows it may close the session' },
        sdp: { type: 'string', description: 'The answer' },
      },
      required: ['session', 'sdp'],
    },
    run: ({ gateway, allows }, { stream, rid, sdp }) =>
      gateway.signalling.offer({ stream, rid, sdp, kinds: allows('listen') ? ['video', 'audio'] : ['video'] }),
  }),
  'webrtc/candidate': command<FromSchema<typeof candidate>>({
    summary: 'A candidate that the viewer found after its offer',
    right: 'view',
    request: candidate,
    example: {
      session: 'w1',
      sdpMid: '0',
      candidate: 'candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host',
    },
    result: nothing,
    run: ({ gateway }, { session: id, sdpMid, candidate: line }) => {
      gateway.signalling.addCandidate(id, sdpMid, line);
      return {};
    },
  }),
  'webrtc/close': command<FromSchema<typeof byWebRtcSession>>({
    summary: 'Ends a WebRTC session',
    right: 'view',
    request: byWebRtcSession,
    example: { session: 'w1' },
    result: nothing,
    run: ({ gateway }, { session: id }) => {
      gateway.signalling.close(id);
      return {};
    },
  }),
};
