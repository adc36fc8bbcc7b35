import { test } from 'tap';
import { METHODS, methodOf, nextState, type SessionState } from '../../../daemon/publish/rtsp/session-states.ts';

/** RFC 2326, appendix A.2, for a server that plays; `-` is 455. */
const TABLE: Record<string, Record<SessionState, string>> = {
  OPTIONS: { init: 'init', ready: 'ready', playing: 'playing' },
  DESCRIBE: { init: 'init', ready: 'ready', playing: 'playing' },
  SETUP: { init: 'ready', ready: 'ready', playing: '-' },
  PLAY: { init: '-', ready: 'playing', playing: 'playing' },
  PAUSE: { init: '-', ready: 'ready', playing: 'ready' },
  GET_PARAMETER: { init: 'init', ready: 'ready', playing: 'playing' },
  SET_PARAMETER: { init: 'init', ready: 'ready', playing: 'playing' },
  TEARDOWN: { init: '-', ready: 'init', playing: 'init' },
};

test('every method in every state', async (t) => {
  t.same(Object.keys(TABLE).sort(), [...METHODS].sort());
  for (const method of METHODS) {
    for (const [state, expected] of Object.entries(TABLE[method] ?? {}) as [SessionState, string][]) {
      if (expected !== '-') t.equal(nextState(state, method), expected, `${method} in ${state}`);
      else
        t.throws(
          () => nextState(state, method),
          { code: 'wrong_state', headers: [['Allow', String]] },
          `${method} in ${state}`,
        );
    }
  }
});

test('methods', async (t) => {
  for (const method of METHODS) t.equal(methodOf(method), method);
  const allow = [['Allow', METHODS.join(', ')]];
  for (const name of ['ANNOUNCE', 'RECORD', 'REDIRECT'])
    t.throws(() => methodOf(name), { code: 'method_not_allowed', headers: allow }, name);
  for (const name of ['play', 'GET', 'constructor', 'PLAY_NOTIFY'])
    t.throws(() => methodOf(name), { code: 'not_implemented', headers: allow }, name);
});
