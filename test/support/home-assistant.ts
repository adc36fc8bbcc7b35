import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { projectRoot } from './project-root.ts';

/** An entity as Home Assistant shows it. */
export interface Entity {
  entity: string;
  state: string;
  attributes: Record<string, unknown>;
}

/** A real Home Assistant with its own MQTT integration. Its Python packages are not ours to install. */
export class HomeAssistant {
  readonly #python: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'vedette-home-assistant-'));
  #process: ChildProcess | undefined;
  #lines: Interface | undefined;

  /** @param python an interpreter that has the package `homeassistant`. */
  constructor(python: string) {
    this.#python = python;
    writeFileSync(join(this.#folder, 'configuration.yaml'), '');
  }

  async start(brokerPort: number): Promise<void> {
    const driver = join(projectRoot(), 'test/support/home-assistant.py');
    const child = spawn(this.#python, [driver, this.#folder, String(brokerPort)], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#process = child;
    let errors = '';
    child.stderr.on('data', (text) => (errors += text));
    this.#lines = createInterface({ input: child.stdout });
    const ended = once(child, 'exit').then(() => {
      throw new Error(`Home Assistant ended: ${errors}`);
    });
    await Promise.race([this.#answer(), ended]);
    ended.catch(() => undefined);
  }

  /** Entities by unique id. */
  states(): Promise<Record<string, Entity>> {
    return this.#ask('states') as Promise<Record<string, Entity>>;
  }

  devices(): Promise<Record<string, unknown>[]> {
    return this.#ask('devices') as Promise<Record<string, unknown>[]>;
  }

  /** Warnings of its MQTT integration. */
  problems(): Promise<string[]> {
    return this.#ask('problems') as Promise<string[]>;
  }

  picture(entity: string): Promise<{ size: number; type: string }> {
    return this.#ask('picture', entity) as Promise<{ size: number; type: string }>;
  }

  async call(service: string, data: object): Promise<void> {
    await this.#ask('call', ...service.split('.'), data);
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (child !== undefined && child.exitCode === null) {
      child.stdin?.end();
      const deadline = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await once(child, 'exit');
      clearTimeout(deadline);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #ask(...command: unknown[]): Promise<unknown> {
    const answer = this.#answer();
    this.#process?.stdin?.write(`${JSON.stringify(command)}\n`);
    return answer;
  }

  async #answer(): Promise<unknown> {
    const [line] = (await once(this.#lines as Interface, 'line')) as [string];
    const answer = JSON.parse(line);
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }
}
