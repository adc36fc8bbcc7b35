import { existsSync, readdirSync, readFileSync, statfsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** One process of the gateway. */
export interface ProcessReport {
  /** `daemon`, a child module as `capture/worker`, or a program's name. */
  name: string;
  pid: number;
  /** Proportional set size in bytes: shared pages are divided by their users, so the sum over processes is true. */
  pss: number;
}

/** What the board does now. Undefined where the board does not tell. */
export interface MachineReport {
  /** Use of all cores since the last report, 0 to 1. */
  cpu: number | undefined;
  /** Bytes. */
  memory: { total: number; available: number };
  processes: ProcessReport[];
  /** Degrees Celsius of the processor. */
  temperature: number | undefined;
  throttling: { now: boolean; sinceBoot: boolean; undervoltage: boolean } | undefined;
  /** Of the file system that holds the state directory, in bytes. */
  disk: { total: number; free: number } | undefined;
  /** Signal of the access point by interface, in dBm. */
  wifi: Record<string, number>;
  /** Bytes since boot by interface, without loopback. */
  network: Record<string, { received: number; sent: number }>;
  /** Whether the clock was set by NTP, or by a real-time clock with a battery. */
  clockTrusted: boolean;
  /** Seconds since the machine was started. */
  uptime: number;
}

/** What does not change while the machine runs. */
export interface MachineIdentity {
  /** For example `Raspberry Pi 4 Model B Rev 1.4`. */
  board: string;
  /** The kernel's boot id: a new one at every start of the machine. */
  bootId: string;
  /** For example `Debian GNU/Linux 12 (bookworm)`. */
  os: string;
}

export interface SystemOptions {
  /** Its file system is reported. */
  stateDirectory: string;
  /** Where /proc, /sys, /run and /etc are; tests have their own. */
  root?: string;
  /** Whose process tree is reported; default: this process. */
  pid?: number;
}

/** Files whose presence says that something keeps the clock: systemd-timesyncd once it has synchronised, or another NTP daemon. */
const CLOCK_MARKS = ['run/systemd/timesync/synchronized', 'run/chrony/chronyd.pid', 'run/ntpd.pid', 'run/openntpd.pid'];

/** Bytes that the file system of the state directory must have left. */
const LEAST_FREE = 50e6;

/** Reads what the kernel says of the machine and of our processes. Every figure is read when asked for. */
export class System {
  readonly #root: string;
  readonly #stateDirectory: string;
  readonly #pid: number;
  #lastCpu: { busy: number; total: number } | undefined;

  constructor(options: SystemOptions) {
    this.#root = options.root ?? '/';
    this.#stateDirectory = options.stateDirectory;
    this.#pid = options.pid ?? process.pid;
  }

  identity(): MachineIdentity {
    return {
      board: this.#board(),
      bootId: this.#read('proc/sys/kernel/random/boot_id') ?? 'unknown',
      os: /^PRETTY_NAME="?([^"\n]*)/m.exec(this.#read('etc/os-release') ?? '')?.[1] ?? process.platform,
    };
  }

  get clockTrusted(): boolean {
    if (CLOCK_MARKS.some((mark) => existsSync(join(this.#root, mark)))) return true;
    // hctosys: the kernel took its time from this clock at boot (Documentation/admin-guide/rtc.rst).
    return this.#list('sys/class/rtc').some((rtc) => this.#read(`sys/class/rtc/${rtc}/hctosys`) === '1');
  }

  async report(): Promise<MachineReport> {
    return {
      cpu: this.#cpu(),
      memory: this.#memory(),
      processes: this.processes(),
      temperature: this.#temperature(),
      throttling: this.#throttling(),
      disk: await this.#disk(),
      wifi: this.#wifi(),
      network: this.#network(),
      clockTrusted: this.clockTrusted,
      uptime: Number(this.#read('proc/uptime')?.split(' ')[0] ?? 0),
    };
  }

  /** Cheap enough to be asked every few seconds. */
  heat(): { temperature: number | undefined; throttled: boolean } {
    return { temperature: this.#temperature(), throttled: this.#throttling()?.now ?? false };
  }

  /** Why the board does not run at its full speed now, for a person. */
  powerProblem(): string | undefined {
    const throttling = this.#throttling();
    if (throttling === undefined || !throttling.now) return undefined;
    return throttling.undervoltage
      ? 'the voltage is too low: it takes a stronger power supply or a shorter cable'
      : 'the processor is slowed down for heat';
  }

  /** Why the state directory's file system may soon hold nothing more, for a person. */
  diskProblem(): string | undefined {
    try {
      const { bsize, bavail } = statfsSync(this.#stateDirectory);
      const free = bsize * bavail;
      return free >= LEAST_FREE ? undefined : `only ${Math.round(free / 1e6)} MB are free`;
    } catch (error) {
      return `it cannot be read: ${(error as Error).message}`;
    }
  }

  /** This process and everything below it. */
  processes(): ProcessReport[] {
    const reports: ProcessReport[] = [];
    const pending = [this.#pid];
    for (let pid = pending.pop(); pid !== undefined; pid = pending.pop()) {
      const rollup = this.#read(`proc/${pid}/smaps_rollup`);
      // Gone since its parent named it, or a zombie.
      if (rollup === undefined) continue;
      const pss = Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024;
      reports.push({ name: pid === this.#pid ? 'daemon' : this.#processName(pid), pid, pss });
      for (const thread of this.#list(`proc/${pid}/task`)) {
        const children = this.#read(`proc/${pid}/task/${thread}/children`) ?? '';
        for (const child of children.split(' ')) if (child !== '') pending.push(Number(child));
      }
    }
    return reports;
  }

  #processName(pid: number): string {
    const [program = '', ...args] = (this.#read(`proc/${pid}/cmdline`) ?? '').split('\0');
    const script = basename(program).startsWith('node') ? args.find((arg) => !arg.startsWith('-')) : undefined;
    if (script === undefined) return basename(program) || 'unknown';
    return `${basename(dirname(script))}/${basename(script).replace(/\.[jt]s$/, '')}`;
  }

  #board(): string {
    // Device tree strings end with a NUL.
    const model = this.#read('proc/device-tree/model')?.replace(/\0+$/, '');
    if (model) return model;
    const vendor = this.#read('sys/class/dmi/id/sys_vendor');
    const product = this.#read('sys/class/dmi/id/product_name');
    return [vendor, product].filter(Boolean).join(' ') || process.arch;
  }

  #cpu(): number | undefined {
    // proc(5): user nice system idle iowait irq softirq steal, in clock ticks of all cores together.
    const ticks = /^cpu +(.*)$/m
      .exec(this.#read('proc/stat') ?? '')?.[1]
      ?.split(' ')
      .slice(0, 8)
      .map(Number);
    if (ticks === undefined) return undefined;
    const total = ticks.reduce((sum, value) => sum + value, 0);
    const busy = total - (ticks[3] ?? 0) - (ticks[4] ?? 0);
    const last = this.#lastCpu;
    this.#lastCpu = { busy, total };
    return last === undefined || total <= last.total ? undefined : (busy - last.busy) / (total - last.total);
  }

  #memory(): MachineReport['memory'] {
    const text = this.#read('proc/meminfo') ?? '';
    const bytes = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;
    return { total: bytes('MemTotal'), available: bytes('MemAvailable') };
  }

  #temperature(): number | undefined {
    const zones = this.#list('sys/class/thermal')
      .filter((name) => name.startsWith('thermal_zone'))
      .map((name) => ({
        type: this.#read(`sys/class/thermal/${name}/type`) ?? '',
        value: this.#read(`sys/class/thermal/${name}/temp`),
      }));
    const zone = zones.find(({ type }) => /cpu|soc|x86_pkg/i.test(type)) ?? zones[0];
    return zone?.value === undefined ? undefined : Number(zone.value) / 1000;
  }

  #throttling(): MachineReport['throttling'] {
    // Raspberry Pi firmware: bits 0-3 under-voltage, frequency capped, throttled, soft temperature limit; 16-19 the same since boot.
    const flags = Number.parseInt(this.#read('sys/devices/platform/soc/soc:firmware/get_throttled') ?? '', 16);
    if (!Number.isNaN(flags)) {
      return { now: (flags & 0xf) !== 0, sinceBoot: (flags & 0xf0000) !== 0, undervoltage: (flags & 1) !== 0 };
    }
    for (const name of this.#list('sys/class/hwmon')) {
      if (this.#read(`sys/class/hwmon/${name}/name`) !== 'rpi_volt') continue;
      const undervoltage = this.#read(`sys/class/hwmon/${name}/in0_lcrit_alarm`) === '1';
      return { now: undervoltage, sinceBoot: undervoltage, undervoltage };
    }
    return undefined;
  }

  async #disk(): Promise<MachineReport['disk']> {
    try {
      const { bsize, blocks, bavail } = await statfs(this.#stateDirectory);
      return { total: bsize * blocks, free: bsize * bavail };
    } catch {
      return undefined;
    }
  }

  #network(): MachineReport['network'] {
    const interfaces: MachineReport['network'] = {};
    for (const [, name, counters] of (this.#read('proc/net/dev') ?? '').matchAll(/^ *([^\s:|]+): *(.*)$/gm)) {
      if (name === undefined || counters === undefined || name === 'lo') continue;
      const fields = counters.split(/ +/);
      interfaces[name] = { received: Number(fields[0]), sent: Number(fields[8]) };
    }
    return interfaces;
  }

  #wifi(): MachineReport['wifi'] {
    // Documentation of the kernel's wireless extensions: link, level and noise, with a dot behind what is up to date.
    const lines = (this.#read('proc/net/wireless') ?? '').matchAll(/^ *(\S+): +\S+ +\S+ +(-?\d+)/gm);
    return Object.fromEntries([...lines].map(([, name, level]) => [name, Number(level)]));
  }

  /** A file's text without the white space around it; undefined when there is none that we may read. */
  #read(path: string): string | undefined {
    try {
      return readFileSync(join(this.#root, path), 'utf8').trim();
    } catch {
      return undefined;
    }
  }

  #list(path: string): string[] {
    try {
      return readdirSync(join(this.#root, path));
    } catch {
      return [];
    }
  }
}
