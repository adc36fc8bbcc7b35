import { test } from 'tap';
import { Topics } from '../../../daemon/control/mqtt/topics.ts';

const topics = new Topics('vedette', 'porch', 'homeassistant');

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
const properties: [topic: string, found: object | undefined][] = [
  ['vedette/porch/streams/camera/set/bitrate', { stream: 'camera', property: 'bitrate' }],
  ['vedette/porch/streams/camera/set/a/b', undefined],
  ['vedette/porch/streams/camera/set', undefined],
  ['vedette/porch/streams/camera/state', undefined],
  ['vedette/other/streams/camera/set/bitrate', undefined],
];
const responses: [topic: string, allowed: boolean][] = [
  ['answers/1', true],
  ['vedette/porch/response/mine', true],
  ['vedette/other/response/x', true],
  ['vedette/other/x', false],
  ['vedette/other/request/gateway/restart', false],
  ['vedette/porch/response/', true],
  ['vedette/porch/response', false],
  ['vedette', false],
  ['vedettes/other', true],
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
  t.equal(topics.discoveries, 'homeassistant/device/porch/+/config');
  t.equal(topics.discoveredOn('homeassistant/device/porch/stream-camera/config'), 'stream-camera');
  for (const topic of [
    'homeassistant/device/other/x/config',
    'homeassistant/device/porch/config',
    'homeassistant/status',
  ])
    t.equal(topics.discoveredOn(topic), undefined, topic);
  for (const [topic, found] of properties) t.same(topics.propertyOf(topic), found, topic);
  for (const [topic, allowed] of responses) t.equal(topics.responseTopicProblem(topic) === undefined, allowed, topic);
  t.end();
});
