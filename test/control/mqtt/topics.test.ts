import { test } from 'tap';
import { Topics } from '../../../daemon/control/mqtt/topics.ts';

const topics = new Topics('vedette', 'porch');

const commands: [topic: string, command: string | undefined][] = [
  ['vedette/porch/request/stream/get', 'stream/get'],
  ['vedette/porch/request/x', 'x'],
  ['vedette/porch/request/', undefined],
  ['vedette/porch/request', undefined],
  ['vedette/porch2/request/x', undefined],
  ['vedette/porch/response/x', undefined],
];
const streams: [topic: string, stream: string | undefined][] = [
  ['vedette/porch/streams/camera/availability', 'camera'],
  ['vedette/porch/streams/camera/state', undefined],
  ['vedette/porch/availability', undefined],
];
const responses: [topic: string, allowed: boolean][] = [
  ['answers/1', true],
  ['vedette/porch/response/mine', true],
  ['vedette/other/x', true],
  ['homeassistants', true],
  ['', false],
  ['a'.repeat(1025), false],
  ['answers/+', false],
  ['answers/#', false],
  ['a\0b', false],
  ['$SYS/x', false],
  ['homeassistant', false],
  ['homeassistant/device/x/config', false],
  ['vedette/porch', false],
  ['vedette/porch/info', false],
  ['vedette/porch/request/gateway/restart', false],
  ['vedette/porch/responses', false],
];

test('topics', (t) => {
  for (const [topic, command] of commands) t.equal(topics.commandOf(topic), command, topic);
  for (const [topic, stream] of streams) t.equal(topics.streamOf(topic), stream, topic);
  for (const [topic, allowed] of responses) t.equal(topics.responseTopicProblem(topic) === undefined, allowed, topic);
  t.end();
});
