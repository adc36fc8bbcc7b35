import { test } from 'tap';
import {
  CAPTURE_STATES,
  type CaptureStateEvent,
  type CaptureStateName,
  nextCaptureState,
} from '../../daemon/capture/capture-state.ts';

test('the states of a source', async (t) => {
  const table: [CaptureStateName, CaptureStateEvent, CaptureStateName][] = [
    ['idle', 'wanted', 'starting'],
    ['idle', 'lost', 'idle'],
    ['idle', 'packet', 'idle'],
    ['idle', 'refused', 'idle'],
    ['starting', 'packet', 'live'],
    ['starting', 'lost', 'muted'],
    ['starting', 'refused', 'error'],
    ['live', 'wanted', 'live'],
    ['live', 'replaced', 'starting'],
    ['live', 'lost', 'muted'],
    ['muted', 'packet', 'live'],
    ['muted', 'lost', 'muted'],
    ['muted', 'wanted', 'muted'],
    ['muted', 'replaced', 'muted'],
    ['error', 'replaced', 'error'],
    ['error', 'packet', 'live'],
    ['error', 'lost', 'muted'],
  ];
  for (const [state, event, next] of table) t.equal(nextCaptureState(state, event), next, `${state}, ${event}`);
  for (const state of Object.keys(CAPTURE_STATES) as CaptureStateName[])
    t.equal(nextCaptureState(state, 'unwanted'), 'idle', `${state}, unwanted`);
});
