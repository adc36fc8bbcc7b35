import { captureTest } from './capture-test-source.ts';

// A process of its own that captures, to be killed by a test: tells the worker's process id as soon as media flows.
const { source, track } = captureTest('video');
track.retain();
await source.live();
process.send?.(source.pid);
