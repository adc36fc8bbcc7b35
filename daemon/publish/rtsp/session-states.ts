import { RtspError } from './rtsp-error.ts';

/** Methods that we answer (RFC 2326, 10). */
export const METHODS = [
  'OPTIONS',
  'DESCRIBE',
  'SETUP',
  'PLAY',
  'PAUSE',
  'GET_PARAMETER',
  'SET_PARAMETER',
  'TEARDOWN',
] as const;
export type Method = (typeof METHODS)[number];
/** Methods that exist and that a server which only plays does not allow. */
const OTHER_METHODS: ReadonlySet<string> = new Set(['ANNOUNCE', 'RECORD', 'REDIRECT']);

/** The server's states of a session (RFC 2326, appendix A.2); `init` is the state of having none. */
export type SessionState = 'init' | 'ready' | 'playing';

/** The state after a method, for each method that is legal in a state. */
const TRANSITIONS = {
  init: { OPTIONS: 'init', DESCRIBE: 'init', SETUP: 'ready', GET_PARAMETER: 'init', SET_PARAMETER: 'init' },
  ready: {
    OPTIONS: 'ready',
    DESCRIBE: 'ready',
    SETUP: 'ready',
    PLAY: 'playing',
    PAUSE: 'ready',
    GET_PARAMETER: 'ready',
    SET_PARAMETER: 'ready',
    TEARDOWN: 'init',
  },
  playing: {
    OPTIONS: 'playing',
    DESCRIBE: 'playing',
    PLAY: 'playing',
    PAUSE: 'ready',
    GET_PARAMETER: 'playing',
    SET_PARAMETER: 'playing',
    TEARDOWN: 'init',
  },
} as const satisfies Record<SessionState, Partial<Record<Method, SessionState>>>;

/** @throws RtspError `method_not_allowed` or `not_implemented` for a method that is not ours. */
export function methodOf(name: string): Method {
  const method = METHODS.find((candidate) => candidate === name);
  if (method !== undefined) return method;
  const headers = [['Allow', METHODS.join(', ')]] as const;
  if (OTHER_METHODS.has(name))
    throw new RtspError('method_not_allowed', `${name} is not allowed: streams are played only`, { headers });
  throw new RtspError('not_implemented', `unknown method; known: ${METHODS.join(', ')}`, { headers });
}

/** The state after a method. @throws RtspError `wrong_state` when the method is not legal in the state. */
export function nextState(state: SessionState, method: Method): SessionState {
  const legal: Partial<Record<Method, SessionState>> = TRANSITIONS[state];
  const next = legal[method];
  if (next !== undefined) return next;
  const allowed = METHODS.filter((candidate) => legal[candidate] !== undefined).join(', ');
  throw new RtspError('wrong_state', `${method} is not valid in state ${state}; valid are ${allowed}`, {
    headers: [['Allow', allowed]],
  });
}
