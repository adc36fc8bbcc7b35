import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Test, test } from 'tap';
import { System } from '../../daemon/telemetry/system.ts';

/** A machine of files. */
function machine(t: Test, files: Record<string, string>): System {
  const root = mkdtempSync(join(tmpdir(), 'vedette-system-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return new System({ stateDirectory: root, root });
}

test('this machine', async (t) => {
  const system = new System({ stateDirectory: tmpdir() });
  const child = spawn('sleep', ['60']);
  t.teardown(() => child.kill());
  await once(child, 'spawn');
  const report = await system.report();
  t.ok(report.memory.total > report.memory.available && report.memory.available > 0);
  t.ok((report.disk?.free ?? 0) > 0);
  t.ok(report.uptime > 0);
  const [own] = report.processes;
  t.match(own, { name: 'daemon', pid: process.pid });
  t.ok((own?.pss ?? 0) > 10e6 && (own?.pss ?? 0) < process.memoryUsage.rss() * 1.5, `${own?.pss} bytes`);
  t.match(
    report.processes.find(({ pid }) => pid === child.pid),
    { name: 'sleep' },
  );
  t.equal(report.cpu, undefined, 'nothing to compare with yet');
  const end = performance.now() + 100;
  while (performance.now() < end);
  const { cpu = -1 } = await system.report();
  t.ok(cpu > 0 && cpu <= 1, `cpu ${cpu}`);
  const { bootId, os, board } = system.identity();
  t.match(bootId, /^[0-9a-f-]{36}$/);
  t.ok(os.length > 0 && board.length > 0);
});

test('a Raspberry Pi', async (t) => {
  const system = machine(t, {
    'proc/device-tree/model': 'Raspberry Pi 4 Model B Rev 1.4\0',
    'proc/sys/kernel/random/boot_id': 'abc\n',
    'etc/os-release': 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    'sys/class/thermal/thermal_zone0/type': 'cpu-thermal\n',
    'sys/class/thermal/thermal_zone0/temp': '48312\n',
    'sys/devices/platform/soc/soc:firmware/get_throttled': '50001\n',
    'run/systemd/timesync/synchronized': '',
    'proc/net/wireless':
      'Inter-| sta-|   Quality        |   Discarded packets\n face | tus | link level noise |  nwid\n wlan0: 0000   54.  -56.  -256        0\n',
    'proc/net/dev':
      'Inter-|   Receive |  Transmit\n face |bytes packets\n    lo: 1 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0\n  eth0: 123 4 0 0 0 0 0 0 456 7 0 0 0 0 0 0\n',
  });
  t.same(system.identity(), {
    board: 'Raspberry Pi 4 Model B Rev 1.4',
    bootId: 'abc',
    os: 'Debian GNU/Linux 12 (bookworm)',
  });
  const { temperature, throttling, clockTrusted, network, wifi } = await system.report();
  t.equal(temperature, 48.312);
  t.same(throttling, { now: true, sinceBoot: true, undervoltage: true });
  t.equal(clockTrusted, true);
  t.same(wifi, { wlan0: -56 });
  t.match(system.powerProblem(), /power supply/);
  t.same(network, { eth0: { received: 123, sent: 456 } });
});

test('a PC with a real-time clock', async (t) => {
  const system = machine(t, {
    'sys/class/dmi/id/sys_vendor': 'LENOVO\n',
    'sys/class/dmi/id/product_name': '20XW\n',
    'sys/class/rtc/rtc0/hctosys': '1\n',
    'sys/class/thermal/thermal_zone0/type': 'acpitz\n',
    'sys/class/thermal/thermal_zone0/temp': '20000\n',
    'sys/class/thermal/thermal_zone1/type': 'x86_pkg_temp\n',
    'sys/class/thermal/thermal_zone1/temp': '61000\n',
  });
  t.equal(system.identity().board, 'LENOVO 20XW');
  const { temperature, throttling, clockTrusted } = await system.report();
  t.equal(temperature, 61);
  t.equal(throttling, undefined);
  t.equal(clockTrusted, true);
});

test('a machine that tells nothing', async (t) => {
  const system = machine(t, {});
  t.equal(system.identity().board, process.arch);
  t.equal(system.powerProblem(), undefined);
  t.equal(system.diskProblem(), undefined);
  t.match(new System({ stateDirectory: '/nowhere' }).diskProblem(), /cannot be read/);
  t.match(await system.report(), {
    cpu: undefined,
    processes: [],
    temperature: undefined,
    clockTrusted: false,
    network: {},
  });
});
