// Runs in the machine of the lab: prints how much a Node process still holds after a garbage collection, in KiB. What
// grows in it is a leak; what grows beside it is V8 that takes its time.
//
//   node --experimental-websocket heap.mjs PID
import { setTimeout as sleep } from 'node:timers/promises';

const [pid] = process.argv.slice(2);
// It opens its inspector, and keeps it open.
process.kill(Number(pid), 'SIGUSR1');
let targets;
for (let left = 100; targets === undefined; left--) {
  await sleep(100);
  targets = await fetch('http://127.0.0.1:9229/json/list').then(
    (response) => response.json(),
    (error) => (left > 0 ? undefined : Promise.reject(error)),
  );
}
const socket = new WebSocket(targets[0].webSocketDebuggerUrl);
await new Promise((resolve, reject) => {
  socket.onopen = resolve;
  socket.onerror = reject;
});
let last = 0;
const ask = (method) =>
  new Promise((resolve, reject) => {
    const id = ++last;
    socket.onmessage = ({ data }) => {
      const answer = JSON.parse(data);
      if (answer.id !== id) return;
      if (answer.error === undefined) resolve(answer.result);
      else reject(new Error(answer.error.message));
    };
    socket.send(JSON.stringify({ id, method }));
  });
// What the first one finalizes, the second one frees.
await ask('HeapProfiler.collectGarbage');
await ask('HeapProfiler.collectGarbage');
const { usedSize } = await ask('Runtime.getHeapUsage');
console.log(Math.round(usedSize / 1024));
socket.close();
